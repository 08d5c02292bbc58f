"""``podlab watch``: the timeline of a Pod in the terminal, while it lives."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.cli.following import Follower
    from podlab.timeline import Timeline

SUMMARY = "show a Pod's timeline in the terminal, live"
EXAMPLE = """
podlab watch first-pod
podlab watch web --until Ready --for 60
podlab watch web --once
"""
FRAME_S = 0.5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("pod", type=common.pod_name, metavar="POD")
    parser.add_argument(
        "--until", default="gone", metavar="WHEN", help="Ready, gone, or a phase (default: gone, or Ctrl-C)"
    )
    parser.add_argument("--for", dest="deadline", type=common.seconds, metavar="S", help="at most so long")
    parser.add_argument("--once", action="store_true", help="print it once, as it is now")
    parser.add_argument("--ascii", action="store_true", help="use ASCII characters only")
    common.add_cluster(parser)
    common.add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Paint until it is time to stop; exit code 6 when *--for* was over first."""
    from podlab import drivers
    from podlab.cli import reading
    from podlab.cli.following import Follower

    cluster = drivers.need(args.name)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    reading.find_pod(client, namespace, args.pod)
    with Follower(client, namespace, args.pod, cluster.driver) as follower:
        return _paint_until_done(args, follower)


def _paint_until_done(args: argparse.Namespace, follower: Follower) -> int:
    deadline = time.monotonic() + args.deadline if args.deadline else float("inf")
    terminal = sys.stdout.isatty() and not args.once
    lines = 0
    while True:
        time.sleep(FRAME_S)
        timeline = _timeline(args, follower)
        if timeline is not None and (terminal or args.once or _over(timeline, args.until)):
            lines = _paint(args, timeline, follower, lines if terminal else 0)
            if args.once:
                return 0
        if timeline is not None and _over(timeline, args.until):
            return 0
        if time.monotonic() > deadline:
            if timeline is not None and not terminal:
                _paint(args, timeline, follower, 0)
            return 6


def _timeline(args: argparse.Namespace, follower: Follower) -> Timeline | None:
    from dataclasses import replace

    from podlab.errors import TimelineError
    from podlab.timeline import Timeline

    try:
        found = Timeline.from_observations(follower.header, list(follower.observations), args.pod, live=True)
    except TimelineError:
        return None
    # A Pod that is quiet goes on living: the picture ends now, not at its last word.
    now = time.time() - found.zero
    until = found.gone.mid if found.gone else max(found.until, now)
    notes = tuple(n for n in found.notes if "arrival times" not in n)
    return replace(found, until=until, notes=notes)


def _over(timeline: Timeline, until: str) -> bool:
    if timeline.gone is not None:
        return True
    if until.lower() == "ready":
        values = timeline.conditions.get("Ready", ())
        return bool(values) and values[-1].word == "True"
    return timeline.phase == until


def _paint(args: argparse.Namespace, timeline: Timeline, follower: Follower, above: int) -> int:
    """Print one frame over the last one of *above* lines; returns how many lines this one has."""
    import shutil

    from podlab import views

    size = shutil.get_terminal_size()
    colour = sys.stdout.isatty()  # for the cursor; the text asks for NO_COLOR by itself
    frame = views.text(timeline, width=size.columns, ascii=args.ascii or common.ascii_only())
    if follower.trouble:
        frame += f"\n{follower.trouble}"
    shown = frame.splitlines()[: max(size.lines - 1, 5)] if above or colour else frame.splitlines()
    up = f"\x1b[{above}F" if above else ""
    clear = "\x1b[K" if colour else ""
    sys.stdout.write(up + "".join(f"{line}{clear}\n" for line in shown) + ("\x1b[J" if above else ""))
    sys.stdout.flush()
    return len(shown)
