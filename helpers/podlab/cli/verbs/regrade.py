"""``podlab regrade``: judge graded answers again by their kept recordings, without a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "judge graded answers again from the kept evidence; needs no cluster"
EXAMPLE = """
podlab regrade grades --assignment term/instructor
podlab regrade grades --assignment term/instructor --student ada
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("grades", type=Path, metavar="GRADES", help="the folder that podlab grade wrote")
    parser.add_argument(
        "--assignment", type=Path, required=True, metavar="FOLDER", help="the released instructor folder"
    )
    parser.add_argument(
        "--student", action="append", metavar="ID", help="only this student (can be given again)"
    )


def run(args: argparse.Namespace) -> int:
    """Judge again, and print how many."""
    from podlab.assignments import blueprint, marking

    marking.read_submissions(args.grades)
    count = marking.again(blueprint.read(args.assignment), args.grades, args.student)
    print(f"{count} answers judged again from their evidence")
    return 0
