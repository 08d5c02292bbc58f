"""
The real Istio on a kind cluster: build, install, inject in both forms, record the lives, count mutual TLS.

    python labs/08-service-mesh/istio/run.py                  all of it; the first time compiles for an hour
    python labs/08-service-mesh/istio/run.py --recordings F   keep the recordings and the figures in the folder F
    python labs/08-service-mesh/istio/run.py --is-stored      run nothing; exit code 1 where the recipe has changed

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

STORED = Path(__file__).with_name("recordings")


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
    parser.add_argument(
        "--is-stored", action="store_true", help="say whether recordings/ is a run of today's recipe"
    )
    options = parser.parse_args()
    if options.is_stored:
        fits = rounds.is_stored(STORED)
        print(f"the stored run is {'' if fits else 'not '}one of today's recipe")
        return 0 if fits else 1
    known = images.load()
    try:
        for name in rounds.control.IMAGES:
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
