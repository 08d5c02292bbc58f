"""``podlab release``: make the learners' notebooks of an assignment, and the instructor's folder."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "make an assignment's notebooks, and the instructor's folder with solutions"
EXAMPLE = """
podlab release labs/assignments/pods-50 --roster roster.csv --out term
podlab release mine.toml --out term
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("assignment", type=Path, metavar="ASSIGNMENT", help="assignment.toml, or its folder")
    parser.add_argument(
        "--roster", type=Path, metavar="CSV", help="students, for variants by student: id,name,email"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="where to; a new or empty folder"
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder and print the blueprint."""
    from podlab.assignments import blueprint, release, roster

    plan = blueprint.read(args.assignment)
    students = roster.read(args.roster) if args.roster else []
    made = release.release(plan, args.out, students)
    print(plan)
    print(
        f"{len(made)} notebooks for learners in {args.out / 'student'}, solutions in {args.out / 'instructor'}"
    )
    return 0
