"""``podlab regrade``: judge graded answers again by their kept recordings, without a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

from podlab.cli import parser as common

SUMMARY = "grade answers again from their recordings, without a cluster"
EXAMPLE = """
podlab regrade grades --assignment term/instructor
podlab regrade grades --assignment term/instructor --student ada
podlab regrade grades --assignment term/instructor --all
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("grades", type=Path, metavar="GRADES", help="the folder that podlab grade wrote")
    common.add_assignment(parser)
    parser.add_argument("--student", action="append", metavar="ID", help="only this student; repeatable")
    parser.add_argument(
        "--all",
        action="store_true",
        help="also grade answers for which nothing has changed since their last grade",
    )


def run(args: argparse.Namespace) -> int:
    """Judge again, and print how many."""
    from podlab.assignments import blueprint, marking

    marking.read_submissions(args.grades)
    counts = marking.again(blueprint.read(args.assignment), args.grades, args.student, everything=args.all)
    print(
        f"{counts.judged} answers judged again from their evidence, {counts.kept} unchanged since their grade"
    )
    if counts.missing:
        print(f"{counts.missing} stay as they were: their evidence is missing, or does not decide")
    if counts.outdated:
        print(f"{counts.outdated} were run by a play that has changed since: podlab grade runs them again")
    return 0
