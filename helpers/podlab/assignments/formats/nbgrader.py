"""
nbgrader (schema version 3): a source notebook to release, then scores and submissions to autograde.

    podlab release … --format nbgrader      OUT/nbgrader/nbgrader_config.py
                                            OUT/nbgrader/source/NAME/NAME.ipynb
    podlab report … --format nbgrader       nbgrader/podlab-scores/NAME.json
                                            nbgrader/submitted/STUDENT/NAME/NAME.ipynb

Copied into one folder they are a course: ``nbgrader generate_assignment``, ``autograde`` and ``generate_feedback``
run on it. nbgrader executes what students hand in; so the submissions are written anew, from the answers alone. A test
cell reads the points from ``podlab-scores``, which is outside of every submission. An answer that is not there is an
error, which nbgrader counts as 0; submissions with an open grade are therefore left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from podlab.assignments import storedresults
from podlab.assignments.blueprint import Blueprint, DrawnExercise
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.marking import safe
from podlab.assignments.roster import Student

SCHEMA = 3
_CONFIG = '''"""Settings of nbgrader for assignments that podlab released."""

c = get_config()  # noqa: F821

# nbgrader puts this text where "BEGIN SOLUTION" is. It stays empty, so that the learner keeps podlab's starter.
c.ClearSolutions.code_stub = {"python": ""}
'''
_REGION = "\n### BEGIN SOLUTION\n### END SOLUTION"
_SETUP = """\
import os

if os.environ.get("NBGRADER_EXECUTION"):  # nbgrader is grading: answers are recorded, and not run
{record}
else:
    import podlab

    %load_ext podlab.magics
    lab = podlab.open(namespace={namespace!r})"""
# nbgrader gives full marks to a test cell without a number, so there is one before the hidden part too.
_TEST = """\
print("podlab grades this answer after you hand in")
0.0
### BEGIN HIDDEN TESTS
import hashlib, json, pathlib
kept = json.loads(pathlib.Path("../../../podlab-scores/{name}.json").read_text("utf-8"))[{exercise!r}]
{look_up}print("\\n".join(kept[digest]["says"]))
kept[digest]["points"]
### END HIDDEN TESTS"""


def release(blueprint: Blueprint, _students: Sequence[Student] = ()) -> dict[str, str]:
    """
    Return path -> text of the course folder with the source notebook.

    Raises:
        PodlabError: The assignment draws by student.
    """
    name = blueprint.name
    return {"nbgrader_config.py": _CONFIG, f"source/{name}/{name}.ipynb": source(blueprint)}


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """
    Write the scores of the class, and a submission for each student whose grade is not open.

    Raises:
        PodlabError: The assignment draws by student.
    """
    name = blueprint.name
    scores = {
        part.exercise.id: _scores(marks, part) for part in storedresults.shared_parts(blueprint, "nbgrader")
    }
    paths = [storedresults.put(out / "podlab-scores" / f"{name}.json", json.dumps(scores, indent=1) + "\n")]
    for mark in storedresults.finished(marks):
        path = out / "submitted" / safe(mark.student.id) / name / f"{name}.ipynb"
        paths.append(storedresults.put(path, submission(blueprint, mark)))
    return paths


def source(blueprint: Blueprint) -> str:
    """Return the source notebook: locked set-up, answer cells with a solution region, locked test cells."""
    return storedresults.notebook(list(_cells(blueprint, None)), {})


def submission(blueprint: Blueprint, mark: StudentMarks) -> str:
    """Return a student's notebook, written anew from the answers."""
    return storedresults.notebook(list(_cells(blueprint, storedresults.answers(mark))), {})


def _cells(blueprint: Blueprint, answers: dict[str, str] | None) -> Iterator[dict[str, Any]]:
    yield {"cell_type": "markdown", "id": "head", "source": f"# {blueprint.title}",
           "metadata": _about("head", locked=True)}  # fmt: skip
    record = "".join(f"    {line}\n" for line in storedresults.RECORD.splitlines()).rstrip("\n")
    setup = _SETUP.format(record=record, namespace=f"podlab-{blueprint.name}")
    yield storedresults.code("set-up", setup, _about("set-up", locked=True))
    for part in storedresults.shared_parts(blueprint, "nbgrader"):
        yield from _exercise(blueprint, part, answers)


def _exercise(
    blueprint: Blueprint, part: DrawnExercise, answers: dict[str, str] | None
) -> Iterator[dict[str, Any]]:
    exercise = part.exercise.id
    given = None if answers is None else answers.get(exercise, "")
    for cell in storedresults.exercise_cells(part, given):
        is_answer = cell["cell_type"] == "code"
        cell["metadata"].update(_about(cell["id"], solution=is_answer, locked=not is_answer))
        cell["source"] += _REGION if is_answer and answers is None else ""
        yield cell
    test = _TEST.format(
        name=blueprint.name, exercise=exercise, look_up=storedresults.LOOK_UP.format(exercise=exercise)
    )
    yield storedresults.code(
        f"{exercise}-test",
        test,
        _about(f"{exercise}-test", grade=True, locked=True, points=float(part.points)),
    )


def _about(
    name: str, *, grade: bool = False, locked: bool = False, solution: bool = False, **more: float
) -> dict[str, Any]:
    """Return a cell's metadata; nbgrader allows no other keys, and points on graded cells alone."""
    about = {"schema_version": SCHEMA, "grade_id": name, "grade": grade, "locked": locked, "solution": solution,
             "task": False, **more}  # fmt: skip
    return {"nbgrader": about, **({"deletable": False, "editable": False} if locked else {})}


def _scores(marks: Sequence[StudentMarks], part: DrawnExercise) -> dict[str, Any]:
    found = storedresults.by_answer(marks, part.exercise.id)
    return {key: {"points": result["earned"], "says": _says(result)} for key, result in found.items()}


def _says(result: dict[str, Any]) -> list[str]:
    """The lines that feedback shows: visible checks alone."""
    report = result["report"]
    lines = [report["reason"]] if report["reason"] else []
    for verdict in report["verdicts"]:
        if verdict["visible"]:
            found = f" ({verdict['found']})" if verdict["found"] and not verdict["holds"] else ""
            lines.append(f"{'+' if verdict['holds'] else '-'} {verdict['text']}{found}")
    return lines
