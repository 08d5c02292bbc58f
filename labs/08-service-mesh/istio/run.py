"""
The real Istio on a kind cluster: build, install, inject in both forms, record the lives, count mutual TLS.

    python labs/08-service-mesh/istio/run.py                  all of it; the first time compiles for an hour
    python labs/08-service-mesh/istio/run.py --recordings F   keep the recordings and the figures in the folder F

A cluster that this makes is stopped at the end; on one that runs already, everything is removed again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import rounds

from podlab import drivers, images
from podlab.errors import PodlabError


@contextlib.contextmanager
def cluster_named(name: str) -> Iterator[drivers.Cluster]:
    """Give the kind cluster *name*; one that was made for this is stopped at the end."""
    there = drivers.find(name)
    found = there or drivers.make(name, driver="kind", progress=print)
    if found.driver != "kind":
        raise PodlabError(
            f"the cluster {name} is of the driver {found.driver}, and Istio needs kind",
            cause="istiod is configured by CustomResourceDefinitions, which the embedded cluster does not serve",
            hint="choose another --name",
        )
    try:
        yield found
    finally:
        if there is None:
            drivers.stop(name)


def main() -> int:
    """Run everything and print the figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--name", default="istio", help="the kind cluster: one that runs is used (default: istio)"
    )
    parser.add_argument(
        "--recordings", type=Path, metavar="F", help="a folder for the recordings and figures.json"
    )
    options = parser.parse_args()
    known = images.load()
    try:
        for name in ("istiod", "istio-proxy"):
            images.build(known.find(name), known, print)
        with cluster_named(options.name) as cluster, tempfile.TemporaryDirectory() as beside:
            figures = rounds.everything(cluster, options.recordings or Path(beside))
    except PodlabError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(figures, indent=1))
    print(rounds.sentence(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
