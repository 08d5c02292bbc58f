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
    """Judge again, and print how many; exit code 1 where a grade is open, or stands without its evidence."""
    from podlab.assignments import blueprint, marking, regrading, submissions
    from podlab.cli.output import counted
    from podlab.cli.parser import UsageError

    plan = blueprint.read(args.assignment)
    known = {each.student for each in marking.read_submissions(args.grades)}
    marking.refuse_other(args.grades, plan)
    strange = [name for name in args.student or () if name not in known]
    if strange:
        raise UsageError(
            f"{strange[0]} is not a student of {args.grades}", hint="podlab report lists the students"
        )
    counts = regrading.again(plan, args.grades, args.student, everything=args.all)
    judged = counted(counts.judged, "answer")
    print(f"{judged} judged again from their evidence, {counts.kept} unchanged since their grade")
    if counts.outdated:
        print(f"{counts.outdated} were run by a play that has changed since: podlab grade runs them again")
    if counts.opened:
        names = submissions.few(counts.opened)
        print(
            f"{len(counts.opened)} lost their grade, for the evidence does not decide today's checks: {names}; "
            "podlab grade runs them again"
        )
    if counts.open:
        print(
            f"{len(counts.open)} still have no grade: {submissions.few(counts.open)}; podlab grade runs them again"
        )
    for name, why in list(counts.standing.items())[:5]:
        print(f"  {name} keeps the grade of earlier checks: {why}")
    if len(counts.standing) > 5:
        print(
            f"  and {len(counts.standing) - 5} more; podlab report names them, podlab grade runs them again"
        )
    return 1 if counts.opened or counts.open or counts.standing else 0
