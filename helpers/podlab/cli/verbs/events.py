"""``podlab events``: the Events of a namespace, oldest first."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "list the Events of a namespace, oldest first, with the container that each is about"
EXAMPLE = """
podlab events
podlab events --for first-pod
podlab events --for job/migrate --types Warning
podlab events --json | jq -r .[].reason
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--for",
        dest="about",
        type=common.object_name,
        metavar="NAME",
        help="only Events about this object: NAME or KIND/NAME",
    )
    parser.add_argument(
        "--types", type=_types, default=(), metavar="T", help="only Events of these types: Normal, Warning"
    )
    parser.add_argument(
        "--times", action="store_true", help="print when each Event was last seen, instead of its age"
    )
    parser.add_argument(
        "-A", "--all-namespaces", action="store_true", help="list the Events of all namespaces"
    )
    common.add_target(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each Event."""
    from podlab.cli import clusters, lookup, output

    cluster = clusters.of(args)
    namespace = None if args.all_namespaces else args.namespace or cluster.namespace
    found = lookup.events(cluster.client(), namespace, args.about, args.types)
    if args.json:
        output.as_json(found)
    elif found:
        output.table(lookup.EVENT_HEADER, [lookup.event_row(one, times=args.times) for one in found])
    else:
        output.say("no Events here" + (f" about {args.about}" if args.about else ""))
    return 0


def _types(text: str) -> tuple[str, ...]:
    words = tuple(word.strip().capitalize() for word in text.split(","))
    if not set(words) <= {"Normal", "Warning"}:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a type of Events: Normal, Warning, or Normal,Warning"
        )
    return words
