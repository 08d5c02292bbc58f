"""
Releases an assignment: one notebook for learners (or one for each student), and the instructor's folder.

    OUT/student/assignment.ipynb          one for all, or student/ID/assignment.ipynb
    OUT/instructor/assignment.toml        the blueprint, which grading reads
    OUT/instructor/solutions/ID.md        a right answer of each exercise, as each student's variant has it
    OUT/instructor/blueprint.txt          rows, exercises, points
    OUT/instructor/reader.csv             the form for points that a person gives, where the blueprint has such rows

Learners' notebooks hold questions and starters alone: no answers, no keys, no checks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from podlab.assignments import reader
from podlab.assignments.blueprint import EVERYBODY, FILE, Blueprint, DrawnExercise, read
from podlab.assignments.roster import Student
from podlab.course.cells import cells
from podlab.errors import PodlabError
from podlab.files import make_output, write_whole
from podlab.grading import prove
from podlab.grading.values import fill

_SETUP = "import podlab\n\n%load_ext podlab.magics\nlab = podlab.open(namespace={namespace!r})"


def release(blueprint: Blueprint, out: Path, students: Sequence[Student] = ()) -> list[Path]:
    """
    Write everything below *out* and return the learners' notebooks.

    Raises:
        PodlabError: *out* contains other files, or an exercise lacks a right answer.
        OSError: *out* cannot be written.
    """
    _refuse_other(out, blueprint)
    targets = list(_targets(blueprint, out, students))
    make_output(out)
    notebooks = []
    for student, path in targets:
        parts = blueprint.parts(student)
        put(path, json.dumps(notebook(blueprint, parts, student), indent=1, ensure_ascii=False) + "\n")
        put(out / "instructor" / "solutions" / f"{student}.md", "\n".join(_solutions(parts)))
        notebooks.append(path)
    put(out / "instructor" / FILE, blueprint.released)
    put(out / "instructor" / "blueprint.txt", f"{blueprint}\n")
    if blueprint.reader:
        filled = reader.kept(out / "instructor", blueprint)
        put(out / "instructor" / reader.FILE, reader.form(blueprint, students, filled))
    return notebooks


def _refuse_other(out: Path, blueprint: Blueprint) -> None:
    """Keep a release from taking another one's blueprint away: grading could not draw its exercises any more."""
    hint = "name an empty folder: --out NEW-FOLDER"
    if (out / "instructor" / FILE).is_file():
        earlier = read(out / "instructor")
        if earlier.name != blueprint.name:
            raise PodlabError(
                f"{out} holds the release of {earlier.name}, not of {blueprint.name}", hint=hint
            )
    elif out.exists() and any(out.iterdir()):
        raise PodlabError(f"{out} contains other files", hint=hint)


def _targets(blueprint: Blueprint, out: Path, students: Sequence[Student]) -> Iterator[tuple[str, Path]]:
    if blueprint.seed != "student":
        yield EVERYBODY, out / "student" / f"{blueprint.name}.ipynb"
        return
    if not students:
        raise PodlabError(f"{blueprint.title} draws by student and needs a roster",
                          hint='add --roster roster.csv, or write  seed = 1  for one variant for all')  # fmt: skip
    for student in students:
        yield student.id, out / "student" / student.id / f"{blueprint.name}.ipynb"


def notebook(blueprint: Blueprint, parts: Sequence[DrawnExercise], student: str) -> dict[str, Any]:
    """Return the learner's notebook: a head, a set-up cell, then question and answer cell of each exercise."""
    deadline = f" Hand in by {blueprint.deadline:%Y-%m-%d %H:%M %Z}." if blueprint.deadline else ""
    hints = " `%hint eNN` opens a hint." if blueprint.hints else " Work without `%hint`."
    head = (
        f"# {blueprint.title}\n\n{float(blueprint.points):g} points, {len(parts)} exercises.{deadline}{hints} Run a "
        "cell as often as you like. You hand in this file; the answers in it are run again when they are graded, so no "
        "output needs to be kept."
    )
    made = [
        {"cell_type": "markdown", "id": "head", "metadata": {}, "source": head},
        {"cell_type": "code", "id": "set-up", "metadata": {}, "execution_count": None, "outputs": [],
         "source": _SETUP.format(namespace=f"podlab-{blueprint.name}")},
    ]  # fmt: skip
    for part in parts:
        scaled = replace(part.exercise, points=part.points)
        for cell in cells(replace(part.exercise), seed=part.seed):
            made.append(_shipped(cell, scaled))
    if blueprint.reader:
        made += [_text("for-the-reader", f"## Your text\n\n{reader.rubric(blueprint)}"),
                 _text("your-text", "*Write here.*")]  # fmt: skip
    return {
        "nbformat": 4, "nbformat_minor": 5, "cells": made,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}, "podlab": {"assignment": blueprint.name, "student": student},
        },
    }  # fmt: skip


def _text(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def _shipped(cell: dict[str, Any], scaled: Any) -> dict[str, Any]:
    if cell["cell_type"] == "code":
        return {**cell, "outputs": [], "execution_count": None}
    worth = f"{float(scaled.points):g} points"
    head, _, rest = cell["source"].partition("\n")
    return {**cell, "source": f"{head.partition(' (')[0]} ({worth})\n{rest}"}


def _solutions(parts: Sequence[DrawnExercise]) -> Iterator[str]:
    for part in parts:
        right = next((s for s in prove.samples(part.exercise, part.seed) if s.kind == "right"), None)
        if right is None:
            raise PodlabError(f"{part.exercise.name} has no right answer", hint="podlab exercise check")
        values = part.exercise.values(part.seed)
        yield f"## {part.exercise.name}, {float(part.points):g} points ({part.row})\n\n```\n{right.text.strip()}\n```\n"
        yield fill(part.exercise.debrief, values, source="debrief.md")


def put(path: Path, text: str | bytes) -> None:
    """Write a file in one step, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
