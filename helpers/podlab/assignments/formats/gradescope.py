"""
Gradescope: results.json with a test for each check, where hidden ones stay hidden; and the zip of an autograder.

    podlab release … --format gradescope    OUT/gradescope/autograder.zip
    podlab report … --format gradescope     gradescope/STUDENT.json
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from podlab.assignments import autograder
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.roster import Student
from podlab.assignments.student_files import per_student


def release(blueprint: Blueprint, students: Sequence[Student]) -> dict[str, bytes]:
    """
    Return the autograder's zip by its path.

    Raises:
        PodlabError: Each student has a variant, and the roster lacks an e-mail address or is missing.
    """
    return {"autograder.zip": autograder.packed(blueprint, students)}


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """Write one file for each student who handed in."""
    return per_student(marks, out, results)


def results(mark: StudentMarks) -> dict[str, Any]:
    """Return results.json of one student; without any score where something was not gradable."""
    says = f"{mark.state}: {'; '.join(mark.notes)}".rstrip(": ")
    if mark.total is None:
        return autograder.open_result(says)  # Gradescope would add up the scores of tests
    return {"score": mark.total, "output": says, "output_format": "text", "stdout_visibility": "hidden",
            "tests": list(_tests(mark))}  # fmt: skip


def _tests(mark: StudentMarks) -> Iterator[dict[str, Any]]:
    for result in mark.results:
        report, scale = result["report"], result["points"] / result["report"]["points"]
        rows = report["verdicts"] or [{
            "text": "the answer as a whole", "points": report["points"], "earned": 0.0, "found": report["reason"],
            "visible": True, "expected": "", "why": "",
        }]  # fmt: skip
        for number, verdict in enumerate(rows, 1):
            words = [f"{name}: {verdict[name]}" for name in ("expected", "found", "why") if verdict[name]]
            yield {
                "name": f"{report['title']}: {verdict['text']}", "number": f"{report['exercise'][1:]}.{number}",
                "score": round(verdict["earned"] * scale, 5), "max_score": round(verdict["points"] * scale, 5),
                "status": "passed" if verdict["earned"] >= verdict["points"] else "failed",
                "output": "\n".join(words), "output_format": "text",
                "visibility": "visible" if verdict["visible"] else "after_published",
            }  # fmt: skip
