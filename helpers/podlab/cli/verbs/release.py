"""``podlab release``: make the learners' notebooks of an assignment, and the instructor's folder."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write an assignment: notebooks for the students, and the instructor's folder with solutions"
EXAMPLE = """
podlab release labs/assignments/pods-50 --roster roster.csv --out term
podlab release mine.toml --out term --format nbgrader
podlab release mine.toml --roster roster.csv --out term --format gradescope
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "assignment", type=Path, metavar="ASSIGNMENT", help="an assignment.toml, or its folder"
    )
    parser.add_argument(
        "--roster",
        type=Path,
        metavar="CSV",
        help="the students, with columns id,name,email; required for a variant per student",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the folder to write student/ and instructor/ into: new, empty, or an earlier release of the same "
        "assignment, which is then written again",
    )
    parser.add_argument("--format", action="append", default=[], metavar="NAME",
                        help="also for another tool, in FOLDER/NAME: gradescope (an autograder's zip) or nbgrader "
                        "(a source notebook)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the folder and print the blueprint."""
    from podlab.assignments import blueprint, formats, release, roster
    from podlab.cli.output import counted

    plan = blueprint.read(args.assignment)
    students = roster.read(args.roster) if args.roster else []
    texts = {
        args.out / name / path: text
        for name in args.format
        for path, text in formats.release(name, plan, students).items()
    }  # before anything is written: not every tool takes every assignment
    made = release.release(plan, args.out, students)
    for path, text in texts.items():
        release.put(path, text)
    print(plan)
    notebooks = counted(len(made), "notebook")
    print(f"{notebooks} for learners in {args.out / 'student'}, solutions in {args.out / 'instructor'}")
    for path in texts:
        print(f"  {path}")
    print(
        f"when answers are in: podlab grade SUBMISSIONS --assignment {args.out / 'instructor'} --out GRADES"
    )
    return 0
