"""Where a benchmark of the labs runs: an embedded cluster of its own, or one that is named."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import podlab
from podlab import drivers
from podlab.lab.core import Lab


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--name`` and ``--driver``."""
    parser.add_argument(
        "--name", help="a cluster; default: an embedded one, made for this run and stopped after it"
    )
    parser.add_argument(
        "--driver", choices=("kind", "embedded", "context"), help="of that cluster (default: as it is)"
    )


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
