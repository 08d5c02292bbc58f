"""``podlab events``: the Events of a namespace, oldest first."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "list the Events of a namespace, oldest first"
EXAMPLE = """
podlab events
podlab events --for first-pod
podlab events --json | jq -r .[].reason
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--for", dest="about", metavar="NAME", help="only those about the object of this name"
    )
    common.add_cluster(parser)
    common.add_namespace(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each Event."""
    from podlab import drivers
    from podlab.cli import output, reading

    cluster = drivers.need(args.name)
    found = reading.events(cluster.client(), args.namespace or cluster.namespace, args.about)
    if args.json:
        output.as_json(found)
    elif found:
        output.table(
            ("LAST SEEN", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"), map(reading.event_row, found)
        )
    else:
        output.say("no Events here" + (f" about {args.about}" if args.about else ""))
    return 0
