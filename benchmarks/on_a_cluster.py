"""Where a benchmark of the labs runs: an embedded cluster of its own, or one that is named."""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import podlab
from podlab import drivers
from podlab.lab.core import Lab
from podlab.observe import Recording
from podlab.pods.raw import RawObject


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--name`` and ``--driver``."""
    parser.add_argument(
        "--name", help="a cluster; default: an embedded one, made for this run and stopped after it"
    )
    parser.add_argument(
        "--driver", choices=("kind", "embedded", "context"), help="of that cluster (default: as it is)"
    )


def forms(doc: str, names: Collection[str], *, deletions: int) -> argparse.Namespace:
    """Parse the options of a benchmark that compares forms: ``--rollouts``, ``--deletions``, ``--form``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=5, help="of each form (default: %(default)s)")
    parser.add_argument(
        "--deletions", type=int, default=deletions, help="of Pods of each form (default: %(default)s)"
    )
    parser.add_argument("--form", action="append", choices=names, help="only this one; repeatable")
    add_options(parser)
    return parser.parse_args()


def said(recording: Recording, pods: Collection[str], container: str = "") -> Iterator[RawObject]:
    """Yield the JSON lines that *container* (default: each) of these Pods wrote."""
    for each in recording.observations:
        if each.get("source") == "log" and each["pod"] in pods and container in ("", each["container"]):
            with suppress(ValueError):
                yield json.loads(each["line"])


@contextmanager
def lab(options: argparse.Namespace, namespace: str) -> Iterator[Lab]:
    """Open *namespace* on the cluster of *options*; both are gone afterwards, a cluster that was named stays."""
    own = options.name is None and options.driver is None
    name = options.name or (f"bench-{secrets.token_hex(3)}" if own else None)
    try:
        with podlab.open(name, driver="embedded" if own else options.driver, namespace=namespace) as opened:
            yield opened
    finally:
        if own:
            drivers.get("embedded").stop(str(name))
