"""``podlab down``: stop a cluster and remove everything that was created for it."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common
from podlab.nearest import nearest

SUMMARY = "stop a cluster and remove everything that was created for it"
EXAMPLE = """
podlab down
podlab down --cluster second
podlab down --all
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    common.add_cluster(parser)
    parser.add_argument("--all", action="store_true", help="all clusters that podlab created for you")


def run(args: argparse.Namespace) -> int:
    """Stop one cluster or all; a stopped cluster is accepted, so it is safe to run again."""
    from podlab import drivers
    from podlab.cli import output
    from podlab.drivers import state
    from podlab.errors import PodlabError

    failures: list[PodlabError] = []
    names = state.names() if args.all else [args.name]
    for name in names:
        try:
            with output.Steps() as steps:
                stopped = drivers.stop(name, progress=steps)
        except PodlabError as error:
            failures.append(error)
            continue
        print(f"cluster {name} is stopped" if stopped else _nothing(name))
    for failure in failures[1:]:
        output.say(f"{type(failure).__name__}: {failure}")
    if failures:
        raise failures[0]
    if not names:
        print("no cluster is running")
    return 0


def _nothing(name: str) -> str:
    from podlab.drivers import state

    near = nearest(name, state.names())
    return f"no cluster {name} is running" + (f"; did you mean {near}?" if near else "")
