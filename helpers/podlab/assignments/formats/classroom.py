"""GitHub Classroom: the version 1 results that its autograding reporter reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.student_files import per_student

MOST_OUTPUT = 500


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """Write one file for each student who handed in."""
    return per_student(marks, out, results)


def results(mark: StudentMarks) -> dict[str, Any]:
    """Return the results of one student; ``error`` where an exercise was not gradable."""
    tests = [_test(result, verdict) for result in mark.results for verdict in result["report"]["verdicts"]]
    status = "error" if mark.total is None else ("pass" if mark.total >= mark.of else "fail")
    return {"version": 1, "status": status, "max_score": mark.of, "tests": tests}


def _test(result: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    scale = result["points"] / result["report"]["points"]
    holds = verdict["earned"] >= verdict["points"]
    status = "error" if result["earned"] is None else ("pass" if holds else "fail")
    # The reporter prints every test where the student reads it, and adds up their scores: so a hidden check keeps
    # its score and loses its words.
    shown = verdict if verdict["visible"] else {"text": "a check that is not shown", "found": "", "why": ""}
    return {
        "name": f"{result['report']['title']}: {shown['text']}", "status": status,
        "score": round(verdict["earned"] * scale, 4), "message": shown["found"][:MOST_OUTPUT],
        "test_code": "", "task_id": 0, "filename": "", "line_no": 0, "duration": 0,
        "output": shown["why"][:MOST_OUTPUT],
    }  # fmt: skip
