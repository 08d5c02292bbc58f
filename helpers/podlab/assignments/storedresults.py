"""
Kept results, looked up by the answer: how graders of other projects read what ``podlab grade`` decided.

nbgrader and otter-grader execute notebooks, and read marks from test cells. The notebooks written for them run no
answers: a set-up cell only records the text of each ``%%exercise`` cell, and the test looks that text up, by its
SHA-256, among the kept results. So the marks are those of ``podlab grade``, and no cluster is needed there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from podlab.assignments.blueprint import EVERYBODY, Blueprint, DrawnExercise
from podlab.assignments.gradebook import StudentMarks
from podlab.course.cells import cells
from podlab.errors import PodlabError
from podlab.files import write_whole

RECORD = (
    "podlab_answers = {}\n"
    'get_ipython().register_magic_function(lambda line, cell="": podlab_answers.update({line.split()[0]: cell}),\n'
    '                                      "cell", "exercise")'
)
LOOK_UP = (
    'text = podlab_answers.get({exercise!r}, "").strip()\n'
    'digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()\n'
    "if digest not in kept:\n"
    '    raise LookupError("podlab grade has not graded this answer")\n'
)
"""Lines of a test: from ``podlab_answers`` and ``kept`` to ``digest``."""


def digest(answer: str) -> str:
    """Return the key of an answer: the hex SHA-256 of its text without blanks around it."""
    return hashlib.sha256(answer.strip().encode("utf-8", "surrogatepass")).hexdigest()


def shared_parts(blueprint: Blueprint, tool: str) -> list[DrawnExercise]:
    """
    Return the exercises of an assignment that is the same for everybody.

    Raises:
        PodlabError: It draws by student; *tool* has one notebook and one set of tests for all.
    """
    if blueprint.seed == "student":
        raise PodlabError(
            f"{tool} cannot take {blueprint.title}: it draws exercises by student",
            cause=f"{tool} has one notebook and one set of tests for everybody",
            hint="write  seed = 1  in assignment.toml: one variant for all",
        )
    return blueprint.parts(EVERYBODY)


def finished(marks: Sequence[StudentMarks]) -> list[StudentMarks]:
    """Return the marks that may be exported; an open grade is left out, because these tools would make it a zero."""
    return [mark for mark in marks if mark.results and mark.total is not None]


def by_answer(marks: Sequence[StudentMarks], exercise: str) -> dict[str, dict[str, Any]]:
    """
    Return digest -> result of every finished answer to one exercise.

    The same text handed in twice can have met a slower and a faster cluster; the higher result counts for both.
    """
    found: dict[str, dict[str, Any]] = {}
    for mark in finished(marks):
        for result in mark.results:
            key = digest(result["answer"])
            known = found.get(key)
            if result["report"]["exercise"] == exercise and (
                known is None or result["earned"] > known["earned"]
            ):
                found[key] = result
    return found


def answers(mark: StudentMarks) -> dict[str, str]:
    """Return exercise id -> text of a student's answer."""
    return {result["report"]["exercise"]: result["answer"] for result in mark.results}


def exercise_cells(part: DrawnExercise, answer: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield question and answer cell of one exercise; *answer* replaces the starter."""
    for cell in cells(part.exercise, seed=part.seed):
        made = {**cell, "metadata": {"podlab": cell["metadata"]["podlab"]}}
        if cell["cell_type"] == "code":
            made.update(outputs=[], execution_count=None)
            if answer is not None:
                first = cell["source"].partition("\n")[0]
                made["source"] = f"{first}\n{answer}"
        yield made


def code(name: str, source: str, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a code cell that was not run."""
    return {"cell_type": "code", "id": name, "metadata": dict(metadata or {}), "execution_count": None,
            "outputs": [], "source": source}  # fmt: skip


def notebook(made: Sequence[dict[str, Any]], metadata: Mapping[str, Any]) -> str:
    """Return the text of a notebook of these cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    body = {"nbformat": 4, "nbformat_minor": 5, "cells": list(made),
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}, **metadata}}  # fmt: skip
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def put(path: Path, text: str) -> Path:
    """Write a file, with the folders above it, and return its path; text that UTF-8 cannot hold is escaped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode("utf-8", "backslashreplace"))
    return path
