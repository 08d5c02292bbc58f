"""PrairieLearn: results.json of the external grader; what is not gradable costs no attempt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.student_files import per_student

MOST_BYTES = 1 << 20


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """Write one file for each student who handed in."""
    return per_student(marks, out, results)


def results(mark: StudentMarks) -> dict[str, Any]:
    """Return results.json of one student."""
    tests = [
        {"name": f"{r['report']['title']}: {v['text']}", "points": v["earned"], "max_points": v["points"],
         "message": v["found"], "output": v["why"]}
        for r in mark.results for v in r["report"]["verdicts"] if v["visible"]
    ]  # fmt: skip
    if mark.total is None:
        return {"gradable": False, "message": mark.state, "format_errors": list(mark.notes), "tests": tests}
    return {
        "gradable": True,
        "score": mark.total / mark.of if mark.of else 0.0,
        "message": mark.state,
        "tests": tests,
    }
