"""``podlab status``: the clusters that podlab created, and their state."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "list the clusters that podlab created, and their state"
EXAMPLE = """
podlab status
podlab status --cluster lab --json | jq .version
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--cluster",
        "--name",
        dest="name",
        metavar="N",
        help="only this cluster; exit code 1 if it is not running, 3 if podlab did not create it",
    )
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each cluster."""
    from podlab import drivers
    from podlab.cli import output
    from podlab.drivers import state

    if args.name and state.read(args.name) is None:
        drivers.need(args.name)
    found = drivers.statuses([args.name] if args.name else None)
    if args.json:
        output.as_json(found[0].as_dict() if args.name else [one.as_dict() for one in found])
    elif found:
        output.table(
            ("NAME", "DRIVER", "STATE", "VERSION", "NODES", "PIDS", "CREATED"), [_row(one) for one in found]
        )
        for one in found:
            if one.note:
                output.say(f"{one.name}: {one.note}")
    else:
        output.say("podlab has made no cluster: podlab up")
    return 0 if not args.name or found[0].running else 1


def _row(status: object) -> tuple[str, ...]:
    from podlab.drivers import Status

    assert isinstance(status, Status)
    return (
        status.name,
        status.driver,
        "running" if status.running else "not running",
        status.version or "-",
        ",".join(status.nodes) or "-",
        ",".join(str(pid) for pid in status.pids.values()) or "-",
        status.created_at or "-",
    )
