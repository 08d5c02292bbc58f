"""``podlab grade``: grade submissions, side by side, and go on where an earlier run ended."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.assignments.marking import Tally

SUMMARY = "grade submissions by how their Pods live; resumable, no student code is run"
EXAMPLE = """
podlab grade submissions/ --assignment term/instructor --roster roster.csv --out grades
podlab grade moodle-download.zip --assignment term/instructor --out grades --jobs 12
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("submissions", nargs="+", type=Path, metavar="SUBMISSION",
                        help="notebooks, folders, zips, downloads of Moodle, Canvas or Gradescope")  # fmt: skip
    parser.add_argument(
        "--assignment", type=Path, required=True, metavar="FOLDER", help="the released instructor folder"
    )
    parser.add_argument("--roster", type=Path, metavar="CSV", help="students: id,name,email")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="GRADES", help="where results and evidence are kept"
    )
    parser.add_argument("--jobs", type=int, default=4 * (os.cpu_count() or 1), metavar="N",
                        help="answers graded side by side (default: 4 for each core; they mostly wait)")  # fmt: skip
    common.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    """Grade what is not graded yet; exit code 1 where something was not gradable."""
    from podlab import drivers, grading
    from podlab.assignments import blueprint, gradebook, marking, roster, submissions
    from podlab.errors import PodlabError

    missing = [path for path in args.submissions if not path.exists()]
    if missing:
        raise PodlabError(f"{missing[0]} does not exist", hint="podlab grade FOLDER-OF-SUBMISSIONS …")
    plan = blueprint.read(args.assignment)
    students = roster.read(args.roster) if args.roster else []
    found = submissions.read(args.submissions, students)
    if not found:
        raise PodlabError(
            "no notebooks were found in the submissions", hint="submissions end in .ipynb or .zip"
        )
    cluster = drivers.need(args.name)
    place = grading.Place.on(cluster)
    marking.sweep(args.out, place)
    tally = marking.mark(plan, found, args.out, place, at_once=args.jobs, tell=_tell)
    print(
        f"\n{tally.done} answers of {len(found)} submissions: {tally.done - tally.kept} graded now, {tally.kept} before"
    )
    marks = gradebook.marks(plan, args.out, students)
    bad = [mark for mark in marks if mark.state in ("not gradable", "unreadable")]
    for mark in bad:
        print(f"  {mark.student.id}: {mark.state}: {'; '.join(mark.notes) or 'run the same command again'}")
    print(f"marks: podlab report {args.out} --assignment {args.assignment}")
    return 1 if bad else 0


def _tell(tally: Tally) -> None:
    left = "" if tally.left_s is None else f", about {tally.left_s:.0f} s left"
    line = f"graded {tally.done} of {tally.total}{left}"
    if sys.stderr.isatty():
        print(f"\r{line:<60}", end="", file=sys.stderr, flush=True)
    elif tally.done == tally.total or tally.done % 10 == 0:
        print(line, file=sys.stderr, flush=True)
