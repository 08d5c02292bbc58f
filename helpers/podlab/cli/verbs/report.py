"""``podlab report``: marks as CSV, JSON and pages, and in the formats of other tools."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from podlab.cli import parser as common

SUMMARY = "write the marks as CSV, JSON and HTML, and in the formats of learning platforms"
EXAMPLE = """
podlab report grades --assignment term/instructor --roster roster.csv
podlab report grades --assignment term/instructor --format canvas --format gradescope
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("grades", type=Path, metavar="GRADES", help="the folder that podlab grade wrote")
    common.add_assignment(parser)
    common.add_roster(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="the folder to write (default: GRADES/report)"
    )
    parser.add_argument("--format", action="append", default=[], metavar="NAME",
                        help="canvas, classroom, gradescope, junit, moodle, nbgrader, otter, prairielearn; "
                        "repeatable")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write everything below the folder and print where."""
    from podlab.assignments import blueprint, formats, gradebook, marking, pages, reader, regrading, roster
    from podlab.assignments.submissions import few
    from podlab.cli.output import counted
    from podlab.errors import PodlabError
    from podlab.files import make_output

    strange = sorted(set(args.format) - set(formats.names()))
    if strange:
        raise PodlabError(f"unknown format {strange[0]}", hint=f"formats: {', '.join(formats.names())}")
    plan = blueprint.read(args.assignment)
    for name in args.format:  # before anything is written
        formats.check(name, plan)
    marking.refuse_other(args.grades, plan)
    students = roster.read(args.roster) if args.roster else []
    found = gradebook.marks(plan, args.grades, students, reader.read(args.assignment, plan))
    marks, others = gradebook.apart(found, students)
    out = args.out or args.grades / "report"
    make_output(out)
    _put(out / "gradebook.csv", gradebook.as_csv(marks))
    _put_others(out / "not-in-roster.csv", gradebook.as_csv(others) if others else "")
    _put(out / "gradebook.json", json.dumps(gradebook.as_dict(plan, marks, others), indent=1) + "\n")
    _put(out / "instructor" / "index.html", pages.overview(plan, marks, others))
    for mark in found:
        name = f"{marking.safe(mark.student.id)}.html"
        _put(out / "student" / name, pages.student(plan, mark))
        _put(out / "instructor" / name, pages.instructor(plan, mark, args.grades))
    for name in args.format:
        formats.write(name, plan, marks, out / name)
    known = [mark.total for mark in marks if mark.total is not None]
    mean = f"{sum(known) / len(known):.1f}" if known else "-"
    print(
        f"{counted(len(marks), 'student')}, {len(known)} with marks, mean {mean} of {float(plan.points):g}; see {out}"
    )
    if others:
        names = few([mark.student.id for mark in others])
        print(f"not in the roster, and not counted: {names}; see {out / 'not-in-roster.csv'}")
    open_ = [f"{mark.student.id}: {mark.state}" for mark in marks if mark.total is None]
    if open_:
        print(f"{len(open_)} without marks: {few(open_)}")
    stale = regrading.stale(plan, args.grades)
    if stale:
        older = f"{counted(len(stale), 'grade')} older than the exercises, the points or podlab itself: {few(stale)}"
        print(f"{older}; podlab regrade {args.grades} --assignment {args.assignment}")
    return 0


def _put_others(path: Path, text: str) -> None:
    """Write the marks of those who are not in the roster; without any, remove what an earlier report wrote."""
    if text:
        _put(path, text)
    else:
        path.unlink(missing_ok=True)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
