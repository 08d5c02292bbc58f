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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podlab.assignments import archives, exports
from podlab.assignments.archives import Unreadable
from podlab.assignments.roster import Student, match

_FIRST_LINE = re.compile(r"\A\s*%%exercise[ \t]+(e\d{2,3})\b[^\n]*\n?")
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


def read(paths: Iterable[Path], students: Sequence[Student]) -> list[Submission]:
    """
    Return one submission for each student found in *paths*, by id; files that cannot be read are submissions with a
    fault. Never raises for what is in a file.
    """
    given = list(paths)
    by_student: dict[str, list[Submission]] = {}
    named = exports.submitters(given)
    for source, data in _files(given):
        each = _one(source, data, students, named)
        by_student.setdefault(each.student, []).append(each)
    return [_merged(name, found) for name, found in sorted(by_student.items())]


def of_one(folder: Path, student: Student) -> Submission:
    """Return the submission of a student whom the platform has named: every file in *folder* is theirs."""
    found = [_read(source, data, student.id, True) for source, data in _files([folder])]
    return _merged(student.id, found) if found else Submission(
        student.id, True, [], fault="no notebook was handed in: a file that ends in .ipynb, or a zip of one"
    )  # fmt: skip


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
            yield from (
                (f"{name}/{inner}", content) for inner, content in list(archives.notebooks(data, name))
            )
        else:
            yield name, data
    except Unreadable as error:
        yield name, error
    except OSError as error:
        yield name, Unreadable(f"{name} cannot be read", cause=error.strerror or str(error))


def _one(
    source: str, data: bytes | Unreadable, students: Sequence[Student], named: Mapping[str, Sequence[str]]
) -> Submission:
    stem = re.sub(r"\.(ipynb|zip)\b", "", source)
    words = [word for part in stem.split("/") for word in (part, *_WORDS.findall(part))]
    # The platform's own list decides: below their folder students name files as they like.
    listed = next((named[folder] for folder in exports.folders(source) if folder in named), None)
    student = match(words if listed is None else listed, students)
    return _read(source, data, student.id if student else (stem.split("/")[0] or source), student is not None)


def _read(source: str, data: bytes | Unreadable, name: str, known: bool) -> Submission:
    late = ["the platform marked it as late"] if re.search(r"(^|_)LATE_", source) else []
    if isinstance(data, Unreadable):
        return Submission(name, known, [source], notes=late, fault=str(data).replace("\n", " "))
    try:
        answers, notes = answers_of(data)
    except Unreadable as error:
        return Submission(name, known, [source], notes=late, fault=str(error).replace("\n", " "))
    return Submission(name, known, [source], answers, [*late, *notes])


def answers_of(data: bytes) -> tuple[dict[str, str], list[str]]:
    """
    Return the answers of one notebook by exercise id, and what was strange.

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
    return {name: _best(cells).text for name, cells in sorted(found.items())}, sorted(notes)


def _best(cells: Sequence[Cell]) -> Cell:
    """The best recognised cell; among equals the last one, unless it is empty and an earlier one is not."""
    rank = min(cell.rank for cell in cells)
    equal = [cell for cell in cells if cell.rank == rank]
    filled = [cell for cell in equal if re.sub(r"^\s*#.*$", "", cell.text, flags=re.MULTILINE).strip()]
    return (filled or equal)[-1]


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
    body = text[first.end() :] if first else text
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


def _merged(student: str, found: Sequence[Submission]) -> Submission:
    """Several files of one student: for each exercise the first that is answered, in the order of names."""
    if len(found) == 1:
        return found[0]
    answers: dict[str, str] = {}
    for each in found:
        for name, text in each.answers.items():
            if name not in answers or not answers[name].strip():
                answers[name] = text
    faults = [each.fault for each in found if each.fault]
    notes = [note for each in found for note in each.notes] + [f"{len(found)} files were handed in"]
    return Submission(student, found[0].known, [name for each in found for name in each.sources], answers,
                      [*notes, *faults], "" if answers else "; ".join(faults))  # fmt: skip
