"""
Submissions: which answers a student handed in, whatever happened to the notebook on its way.

A submission is a notebook, a folder of notebooks, a zip, or a download of a learning platform (Moodle and Canvas put
the student into names of files and folders, Gradescope into ``submission_metadata.yml``). Answer cells are taken by
the id under which they were released; where that is lost, by the cell's metadata, then by their first line
``%%exercise eNN``. What else was changed does not matter, and is reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from podlab.assignments import archives, exports
from podlab.assignments.archives import Unreadable
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.roster import Student, match
from podlab.grading.answers import MAX_BYTES, bare

Starter = Callable[[str, str], str]
"""Student and exercise -> the starter of the answer cell."""

# Below comments of the student's own, too, where Jupyter would not find it.
_FIRST_LINE = re.compile(r"\A(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*%%exercise[ \t]+(e\d{2,3})\b[^\n]*\n?")
_ID = re.compile(r"(e\d{2,3})-answer\Z")
_WORDS = re.compile(r"[^/\\_]+")
MOST_CELLS, MOST_NOTEBOOK = 5_000, 20 << 20


@dataclass(frozen=True)
class Submission:
    """
    The submission of one student.

    Attributes:
        student: The student's id; for a file that no student of the roster is named in, the file's own name.
        known: Whether the roster has that student.
        sources: The files that it was read from.
        answers: Exercise id -> text of the answer cell, without its first line.
        notes: What was strange: duplicates, missing or changed cells, late marks.
        fault: Why nothing could be read; empty when it could.
    """

    student: str
    known: bool
    sources: Sequence[str]
    answers: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    fault: str = ""


@dataclass(frozen=True)
class Cell:
    """One candidate for an answer, and how it was recognised (0 best)."""

    exercise: str
    text: str
    rank: int


def read(
    paths: Iterable[Path], students: Sequence[Student], blueprint: Blueprint | None = None
) -> list[Submission]:
    """
    Return one submission for each student found in *paths*, by id; files that cannot be read are submissions with a
    fault. Never raises for what is in a file.

    With a *blueprint* a cell or a file that still holds the starter hides no answer in another one.
    """
    starter = _starters(blueprint)
    given = list(paths)
    by_student: dict[str, list[Submission]] = {}
    named = exports.submitters(given)
    for source, data in _files(given):
        each = _one(source, data, students, named, starter)
        by_student.setdefault(each.student, []).append(each)
    return [_merged(name, found, starter) for name, found in sorted(by_student.items())]


def of_one(folder: Path, student: Student, blueprint: Blueprint) -> Submission:
    """Return the submission of a student whom the platform has named: every file in *folder* is theirs."""
    starter = _starters(blueprint)
    found = [_read(source, data, student.id, True, starter) for source, data in _files([folder])]
    return _merged(student.id, found, starter) if found else Submission(
        student.id, True, [], fault="no notebook was handed in: a file that ends in .ipynb, or a zip of one"
    )  # fmt: skip


def _starters(blueprint: Blueprint | None) -> Starter:
    """Return the look-up of a student's starters; without a blueprint each is empty."""

    @cache
    def of(student: str) -> dict[str, str]:
        parts = blueprint.parts(student) if blueprint else []
        return {part.exercise.id: part.exercise.shown(part.seed)[1] for part in parts}

    return lambda student, exercise: of(student).get(exercise, "")


def _files(paths: Iterable[Path]) -> Iterator[tuple[str, bytes | Unreadable]]:
    for given in paths:
        found = (
            sorted(path for path in given.rglob("*") if path.suffix in (".ipynb", ".zip"))
            if given.is_dir()
            else [given]
        )
        base = given if given.is_dir() else given.parent
        for path in found:
            name = path.relative_to(base).as_posix()
            if ".ipynb_checkpoints" in path.parts or path.is_symlink() or not path.is_file():
                continue
            yield from _contents(path, name if given.is_dir() else path.name)


def _contents(path: Path, name: str) -> Iterator[tuple[str, bytes | Unreadable]]:
    try:
        if path.stat().st_size > archives.MOST_BYTES:
            raise Unreadable(f"{name} is larger than {archives.MOST_BYTES >> 20} MiB")
        data = path.read_bytes()
        if path.suffix == ".zip":
            yield from ((f"{name}/{inner}", content) for inner, content in archives.notebooks(data, name))
        else:
            yield name, data
    except Unreadable as error:
        yield name, error
    except OSError as error:
        yield name, Unreadable(f"{name} cannot be read", cause=error.strerror or str(error))


def _one(
    source: str, data: bytes | Unreadable, students: Sequence[Student], named: Mapping[str, Sequence[str]],
    starter: Starter,
) -> Submission:  # fmt: skip
    stem = re.sub(r"\.(ipynb|zip)\b", "", source)
    words = [word for part in stem.split("/") for word in (part, *_WORDS.findall(part))]
    # The platform's own list decides: below their folder students name files as they like.
    listed = next((named[folder] for folder in exports.folders(source) if folder in named), None)
    student = match(words if listed is None else listed, students)
    name = student.id if student else (stem.split("/")[0] or source)
    return _read(source, data, name, student is not None, starter)


def _read(source: str, data: bytes | Unreadable, name: str, known: bool, starter: Starter) -> Submission:
    late = ["the platform marked it as late"] if re.search(r"(^|_)LATE_", source) else []
    if isinstance(data, Unreadable):
        return Submission(name, known, [source], notes=late, fault=str(data).replace("\n", " "))
    try:
        answers, notes = answers_of(data, lambda exercise: starter(name, exercise))
    except Unreadable as error:
        return Submission(name, known, [source], notes=late, fault=str(error).replace("\n", " "))
    return Submission(name, known, [source], answers, [*late, *notes])


def answers_of(
    data: bytes, starter: Callable[[str], str] = lambda _exercise: ""
) -> tuple[dict[str, str], list[str]]:
    """
    Return the answers of one notebook by exercise id, and what was strange; *starter* gives an exercise's starter.

    Raises:
        Unreadable: It cannot be read as a notebook, or is too large.
    """
    found: dict[str, list[Cell]] = {}
    for cell in _cells(data):
        candidate = _candidate(cell)
        if candidate:
            found.setdefault(candidate.exercise, []).append(candidate)
    notes = [
        f"{name}: {len(cells)} answer cells, the last one under the released id counts"
        for name, cells in found.items()
        if len(cells) > 1
    ]
    notes += [
        f"{name}: the cell lost its id" for name, cells in found.items() if min(c.rank for c in cells) > 0
    ]
    best = {name: _best(cells, starter(name)).text for name, cells in sorted(found.items())}
    return best, sorted(notes)


def _best(cells: Sequence[Cell], starter: str) -> Cell:
    """The best recognised cell; among equals the last one, unless it is unanswered and an earlier one is not."""
    rank = min(cell.rank for cell in cells)
    equal = [cell for cell in cells if cell.rank == rank]
    return ([cell for cell in equal if _answered(cell.text, starter)] or equal)[-1]


def _answered(text: str, starter: str) -> bool:
    """Whether a text holds more than comments, and is not the starter."""
    words = bare(text).split()
    return bool(words) and words != bare(starter).split()


def _cells(data: bytes) -> list[Mapping[str, Any]]:
    if len(data) > MOST_NOTEBOOK:
        raise Unreadable(f"the notebook has {len(data) >> 20} MiB, at most {MOST_NOTEBOOK >> 20} are read")
    try:
        notebook = json.loads(data)
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise Unreadable(
            "it cannot be read as a notebook", cause=f"{type(error).__name__}: {str(error)[:120]}"
        ) from None
    if not isinstance(cells, list) or len(cells) > MOST_CELLS:
        raise Unreadable(f"the notebook has no list of at most {MOST_CELLS} cells")
    return [cell for cell in cells if isinstance(cell, dict)]


def _candidate(cell: Mapping[str, Any]) -> Cell | None:
    text = cell.get("source", cell.get("input", ""))
    text = "".join(part for part in text if isinstance(part, str)) if isinstance(text, list) else text
    if not isinstance(text, str):
        return None
    first = _FIRST_LINE.match(text)
    # A longer answer is refused; it need not be kept in the results of everybody who hands in twenty megabytes.
    body = (text[first.end() :] if first else text)[: 2 * MAX_BYTES]
    by_id = _ID.match(str(cell.get("id") or ""))
    if by_id:
        return Cell(by_id[1], body, 0)
    metadata = cell.get("metadata")
    mine = metadata.get("podlab") if isinstance(metadata, dict) else None
    if (
        isinstance(mine, dict)
        and mine.get("part") == "answer"
        and _ID.match(f"{mine.get('exercise')}-answer")
    ):
        return Cell(str(mine["exercise"]), body, 1)
    return Cell(first[1], body, 2) if first else None


def _merged(student: str, found: Sequence[Submission], starter: Starter) -> Submission:
    """Several files of one student: for each exercise the first that is answered, in the order of names."""
    if len(found) == 1:
        return found[0]
    answers: dict[str, str] = {}
    for each in found:
        for name, text in each.answers.items():
            if name not in answers or not _answered(answers[name], starter(student, name)):
                answers[name] = text
    faults = [each.fault for each in found if each.fault]
    notes = [note for each in found for note in each.notes] + [f"{len(found)} files were handed in"]
    return Submission(student, found[0].known, [name for each in found for name in each.sources], answers,
                      [*notes, *faults], "" if answers else "; ".join(faults))  # fmt: skip
