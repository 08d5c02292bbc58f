"""``podlab watch``: the timeline of a Pod in the terminal, while it lives."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.cli.following import Follower
    from podlab.timeline import Timeline

SUMMARY = "draw a Pod's timeline in the terminal, live"
EXAMPLE = """
podlab watch first-pod
podlab watch web --until Ready --for 60
podlab watch job/migrate --once
"""
UNTIL = ("Ready", "gone", "Pending", "Running", "Succeeded", "Failed")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "pod",
        type=common.pod_name,
        metavar="POD|KIND/NAME",
        help="a Pod, or the owner of Pods, such as job/migrate: the oldest of them",
    )
    parser.add_argument(
        "--until",
        type=common.in_any_case(UNTIL),
        choices=UNTIL,
        default="gone",
        metavar="WHEN",
        help=f"stop when the Pod is Ready, gone, or in this phase: {', '.join(UNTIL[2:])} (default: gone)",
    )
    parser.add_argument(
        "--for",
        dest="deadline",
        type=common.seconds,
        metavar="S",
        help="stop after S seconds, with exit code 6 (default: never)",
    )
    parser.add_argument("--once", action="store_true", help="print the timeline once and exit")
    parser.add_argument("--ascii", action="store_true", help="use ASCII characters only")
    common.add_target(parser)


def run(args: argparse.Namespace) -> int:
    """Draw until *--until* is reached; exit code 6 if *--for* is over first."""
    from podlab.cli import clusters, copying
    from podlab.cli.following import Follower

    cluster = clusters.of(args)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    args.pod = copying.name_of(copying.pods_of(client, namespace, args.pod, None)[0], args.pod)
    with Follower(client, namespace, args.pod, cluster.driver) as follower:
        return _paint_until_done(args, follower)


def _paint_until_done(args: argparse.Namespace, follower: Follower) -> int:
    from podlab.cli import painting

    deadline = float("inf") if args.deadline is None else time.monotonic() + args.deadline
    terminal = common.is_terminal() and not args.once
    painter = painting.Painter(ascii=args.ascii)
    while True:
        time.sleep(painting.FRAME_S)
        timeline = painting.living(follower.header, follower.observations, args.pod)
        if timeline is not None and (terminal or args.once or _over(timeline, args.until)):
            painter.paint(timeline, follower.trouble)
            if args.once:
                return 0
        if timeline is not None and _over(timeline, args.until):
            return 0
        if time.monotonic() > deadline:
            if timeline is not None and not terminal:
                painter.paint(timeline, follower.trouble)
            return 6


def _over(timeline: Timeline, until: str) -> bool:
    if timeline.gone is not None:
        return True
    if until == "Ready":
        values = timeline.conditions.get("Ready", ())
        return bool(values) and values[-1].word == "True"
    return timeline.phase == until
