"""
otter-grader (exception-based test files): a test set made of the kept results, and submissions to run it on.

    otter/otter_config.json, otter/tests/eNN.py         what ``otter generate`` packs into autograder.zip
    otter/submissions/STUDENT.ipynb                     what ``otter run`` grades with it

otter executes what it grades, so the submissions are written anew, from the answers alone; open grades are left out.
A test case of otter holds or fails. Where a check of podlab can be earned in part, it has a case for each number of
points that somebody in the class earned, so that the sums are podlab's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from podlab.assignments import storedresults
from podlab.assignments.blueprint import Blueprint, DrawnExercise
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.marking import safe

_FILE = '''"""Points that podlab grade kept for {exercise}, by check, under the SHA-256 of the answer."""

import hashlib

from otter.test_files import test_case

OK_FORMAT = False
name = {exercise!r}
kept = {kept}


def earned(podlab_answers, check):
    """Return the points of one check."""
{look_up}
    return kept[digest].get(check, 0.0)
'''
_CASE = """

@test_case(name={name!r}, points={points!r}, hidden={hidden!r})
def test_{number}(podlab_answers):
    assert earned(podlab_answers, {check!r}) >= {least!r}
"""


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """
    Write configuration, tests, and a submission for each student whose grade is not open.

    Raises:
        PodlabError: The assignment draws by student.
    """
    parts = storedresults.shared_parts(blueprint, "otter")
    texts = {"otter_config.json": json.dumps(config(blueprint), indent=1) + "\n"}
    texts |= {f"tests/{part.exercise.id}.py": test_file(part, marks) for part in parts}
    texts |= {
        f"submissions/{safe(mark.student.id)}.ipynb": submission(blueprint, parts, mark)
        for mark in storedresults.finished(marks)
    }
    return [storedresults.put(out / path, text) for path, text in texts.items()]


def config(blueprint: Blueprint) -> dict[str, Any]:
    """Return otter_config.json."""
    return {
        "assignment_name": blueprint.name, "points_possible": float(blueprint.points), "show_hidden": False,
        "show_stdout": False, "pdf": False, "lang": "python",
    }  # fmt: skip


def test_file(part: DrawnExercise, marks: Sequence[StudentMarks]) -> str:
    """Return the test file of one exercise: its cases are worth the exercise's points in the assignment."""
    exercise = part.exercise.id
    scale = float(part.points / part.exercise.points)
    results = storedresults.by_answer(marks, exercise)
    earned = {
        key: {verdict["id"]: verdict["earned"] * scale for verdict in result["report"]["verdicts"]}
        for key, result in results.items()
    }
    look_up = "".join(
        f"    {line}\n" for line in storedresults.LOOK_UP.format(exercise=exercise).splitlines()
    ).rstrip()
    head = _FILE.format(exercise=exercise, kept=json.dumps(earned, indent=1), look_up=look_up)
    return head + "".join(_cases(part, scale, earned))


def _cases(part: DrawnExercise, scale: float, earned: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    number = 0
    for row in part.exercise.checks:
        full = float(row.points) * scale
        steps = {points.get(row.id, 0.0) for points in earned.values()} | {full}
        below = 0.0
        for least in sorted(step for step in steps if step > 0):
            number += 1
            name = row.text if least == full else f"{row.text} (in part)"
            yield _CASE.format(name=name, points=least - below, hidden=not row.visible, number=number,
                               check=row.id, least=least)  # fmt: skip
            below = least


def submission(blueprint: Blueprint, parts: Sequence[DrawnExercise], mark: StudentMarks) -> str:
    """Return a student's notebook, written anew from the answers."""
    answers = storedresults.answers(mark)
    made = [storedresults.code("set-up", storedresults.RECORD)]
    for part in parts:
        made += storedresults.exercise_cells(part, answers.get(part.exercise.id, ""))
    return storedresults.notebook(made, {"otter": {"assignment_name": blueprint.name}})
