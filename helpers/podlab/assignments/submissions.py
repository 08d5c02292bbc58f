"""
Submissions: which answers a student handed in, whatever happened to the notebook on its way.

A submission is a notebook, a folder of notebooks, a zip, or a download of a learning platform (Moodle and Canvas put
the student into names of files and folders, Gradescope into ``submission_metadata.yml``; ``attribution`` looks
there). Answer cells are taken by the id under which they were released; where that is lost, by the cell's metadata,
then by their first line ``%%exercise eNN``. What else was changed does not matter, and is reported.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from podlab.assignments import archives, exports
from podlab.assignments.archives import UnreadableArchive, is_handed_in
from podlab.assignments.attribution import BY_ID, FileClues, FileOwner, owners
from podlab.assignments.blueprint import EVERYBODY, Blueprint
from podlab.assignments.roster import Student, usable
from podlab.grading.answers import MAX_BYTES, bare

Starter = Callable[[str, str], str]
"""Student and exercise -> the starter of the answer cell."""

# Below comments of the student's own, too, where Jupyter would not find it.
_FIRST_LINE = re.compile(r"\A(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*%%exercise[ \t]+(e\d{2,3})\b[^\n]*\n?")
_ID = re.compile(r"(e\d{2,3})-answer\Z")
_STEERING = ("Cc", "Cs", "Zl", "Zp")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # right to left, and back
_OTHER = "is neither a notebook (.ipynb) nor a zip"
MOST_CELLS, MOST_NOTEBOOK = 5_000, 20 << 20
_MOST_FAULTS = 3  # of the files of one student, in a line


@dataclass(frozen=True)
class Submission:
    """
    The submission of one student.

    Attributes:
        student: The student's id, or what stands for it; see ``attribution``.
        known: Whether the roster has that student.
        sources: The files that it was read from.
        answers: Exercise id -> text of the answer cell, without its first line.
        notes: What was strange: duplicates, missing or changed cells, late marks.
        fault: Why nothing could be read; empty when it could.
        guessed: Whether the file's own name stands for a student, for want of anything better.
    """

    student: str
    known: bool
    sources: Sequence[str]
    answers: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    fault: str = ""
    guessed: bool = False


@dataclass(frozen=True)
class Cell:
    """One candidate for an answer, and how it was recognised (0 best)."""

    exercise: str
    text: str
    rank: int


@dataclass(frozen=True)
class SubmittedFile:
    """
    One file as it was handed in.

    Attributes:
        assignment, student: For whom it was released, as the notebook says itself; empty where it does not.
        cells: Exercise id -> cells that may hold the answer.
        fault: Why it cannot be read; empty when it can.
    """

    source: str
    assignment: str = ""
    student: str = ""
    cells: Mapping[str, Sequence[Cell]] = field(default_factory=dict)
    fault: str = ""


def read(
    paths: Iterable[Path], students: Sequence[Student], blueprint: Blueprint | None = None
) -> list[Submission]:
    """
    Return one submission for each student found in *paths*, by id; files that cannot be read are submissions with a
    fault. Never raises for what is in a file.

    With a *blueprint* a cell or a file that still holds the starter hides no answer in another one.
    """
    starter = _starters(blueprint)
    given = _called(paths)
    named, doubled = exports.submitters(given), _doubled(given)
    found, signs = list[SubmittedFile](), list[FileClues]()
    for path, called in given.items():
        for source, data in _files(path, called, doubled):
            each = _handed(source, data)
            found.append(each)
            signs.append(_sign(path, called, each, named, blueprint))
    by_student: dict[str, list[Submission]] = {}
    for each, owner in zip(found, owners(signs, students), strict=True):
        by_student.setdefault(owner.student, []).append(_of(each, owner, starter, blueprint))
    for owner, source, why in _strays(given, named, students, set(by_student)):
        by_student.setdefault(owner.student, []).append(Submission(owner.student, True, [source], fault=why))
    merged = (_merged(name, theirs, starter) for name, theirs in sorted(by_student.items()))
    return [_without_cells(each, blueprint) if each.known or not students else each for each in merged]


def _without_cells(each: Submission, blueprint: Blueprint | None) -> Submission:
    """Note the exercises whose answer cell a notebook has lost: they are graded as not answered."""
    if blueprint is None or each.fault:
        return each
    lost = [
        part.exercise.id for part in blueprint.parts(each.student) if part.exercise.id not in each.answers
    ]
    return (
        replace(each, notes=[*each.notes, f"{', '.join(lost)}: the answer cell is missing"]) if lost else each
    )


def _strays(
    given: Mapping[Path, str],
    named: Mapping[str, Sequence[str]],
    students: Sequence[Student],
    found: Container[str],
) -> Iterator[tuple[FileOwner, str, str]]:
    """
    Yield owner, name and fault of files of another kind, for students who handed in only such files.

    They handed in something: without a line of its own, that would be a zero.
    """
    if all(student.id in found for student in students):
        return
    others = [(path, called, *each) for path, called in given.items() for each in _others(path, called)]
    signs = [_sign(path, called, SubmittedFile(source), named, None) for path, called, source, _ in others]
    for (*_, source, why), owner in zip(others, owners(signs, students), strict=True):
        if owner.known and owner.student not in found:
            yield owner, source, f"{source} {why}"


def _others(given: Path, called: str) -> Iterator[tuple[str, str]]:
    """Yield name and fault of each file in a folder or zip that is neither a notebook nor a zip."""
    if given.is_dir():
        for path in sorted(given.rglob("*")):
            name, link = visible(path.relative_to(given).as_posix()), path.is_symlink()
            if link or (path.is_file() and not is_handed_in(path) and "/." not in f"/{name}"):
                yield name, "is a link, and links are not followed" if link else _OTHER
    elif given.suffix.lower() == ".zip":
        with suppress(*archives.DAMAGES), zipfile.ZipFile(given) as archive:
            for each in archive.namelist()[: archives.MOST_ENTRIES]:
                inner = PurePosixPath(each.replace("\\", "/"))
                if not each.endswith("/") and not is_handed_in(inner) and "/." not in f"/{inner}":
                    yield visible(f"{called}/{inner}"), _OTHER


def remarks(found: Sequence[Submission], students: Sequence[Student]) -> list[str]:
    """
    Return a line where names of files stand for students, and one where a notebook overruled its folder.

    None with a roster: then the gradebook names the students that it lacks.
    """
    if students:
        return []
    names = [each.student for each in found if each.guessed and not each.fault]
    paths = [
        (each.student, note.removeprefix(BY_ID)) for each in found for note in each.notes if BY_ID in note
    ]
    by_id = [f"{student} ({path})" for student, path in paths if "/" in path]
    lines = []
    if names:
        lines.append(
            f"{few(names)}: the name of a file stands for the student, for neither a notebook nor a folder names one: "
            "add --roster roster.csv, or put each file into a folder of the student's id"
        )
    if by_id:
        lines.append(
            f"{few(by_id)}: the id in the notebook names the student, the folder does not; students can edit that id: "
            "add --roster roster.csv"
        )
    return lines


def few(names: Sequence[str]) -> str:
    """Return the first five of *names* in one line, with dots where there are more."""
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def of_one(folder: Path, student: Student, blueprint: Blueprint) -> Submission:
    """Return the submission of a student whom the platform has named: every file in *folder* is theirs."""
    starter, owner = _starters(blueprint), FileOwner(student.id, known=True)
    found = [
        _of(_handed(source, data), owner, starter, blueprint) for source, data in _files(folder, folder.name)
    ]
    return _merged(student.id, found, starter) if found else Submission(
        student.id, True, [], fault="no notebook was handed in: a file that ends in .ipynb, or a zip of one"
    )  # fmt: skip


def _called(paths: Iterable[Path]) -> dict[Path, str]:
    """Return each path that was given and its name: with folders, where several have the same (``*/a.ipynb``)."""
    # Links keep their own names.
    whole = {Path(os.path.abspath(path)): path for path in paths}  # noqa: PTH100
    found: dict[Path, str] = {}
    size = 0
    while len(found) < len(whole):
        size += 1
        counts = Counter(path.parts[-size:] for path in whole)
        for path, given in whole.items():
            if given not in found and counts[path.parts[-size:]] == 1:
                found[given] = PurePosixPath(*path.parts[-size:]).as_posix().lstrip("/")
    return {given: found[given] for given in whole.values()}


def _doubled(given: Iterable[Path]) -> set[str]:
    """Return the names of files that several of the folders that were given have: ``alice/hw.ipynb bob/hw.ipynb``."""
    names = Counter(file.name for folder in given if folder.is_dir() for file in _handed_in(folder.glob("*")))
    return {name for name, count in names.items() if count > 1}


def _sign(
    path: Path, called: str, each: SubmittedFile, named: Mapping[str, Sequence[str]], blueprint: Blueprint | None
) -> FileClues:  # fmt: skip
    own = blueprint is None or blueprint.seed == "student"
    claimed = each.student if own and each.student != EVERYBODY else ""
    listed = next((named[folder] for folder in exports.folders(each.source) if folder in named), None)
    alone = not path.is_dir()
    return FileClues(
        each.source, listed, claimed, path.resolve().parent.name if alone else "",
        called.count("/") + 1 if alone and path.suffix.lower() == ".zip" else 0,
    )  # fmt: skip


def _starters(blueprint: Blueprint | None) -> Starter:
    """Return the look-up of a student's starters; without a blueprint each is empty."""

    @cache
    def of(student: str) -> dict[str, str]:
        parts = blueprint.parts(student) if blueprint else []
        return {part.exercise.id: part.exercise.shown(part.seed)[1] for part in parts}

    return lambda student, exercise: of(student).get(exercise, "")


def _files(
    given: Path, called: str, doubled: Container[str] = ()
) -> Iterator[tuple[str, bytes | UnreadableArchive]]:
    """Yield name and content of every notebook in what was given under the name *called*; see ``_doubled``."""
    if not given.is_dir():
        yield from _contents(given, called)
        return
    for path in sorted(_handed_in(given.rglob("*"))):
        name = path.relative_to(given).as_posix()
        yield from _contents(path, f"{called}/{name}" if name in doubled else name)


def _handed_in(paths: Iterable[Path]) -> Iterator[Path]:
    return (path for path in paths if is_handed_in(path))


def _contents(path: Path, name: str) -> Iterator[tuple[str, bytes | UnreadableArchive]]:
    if ".ipynb_checkpoints" in path.parts or path.is_symlink() or not path.is_file():
        return
    name = visible(name)  # a file's name can hold anything, and is printed
    try:
        if not is_handed_in(path):
            raise UnreadableArchive(f"{name} {_OTHER}", cause="unpack other archives, and give the folder")
        if path.stat().st_size > archives.MOST_BYTES:
            raise UnreadableArchive(f"{name} is larger than {archives.MOST_BYTES >> 20} MiB")
        data = path.read_bytes()
        if path.suffix.lower() == ".zip" or data.startswith(b"PK\x03\x04"):  # a zip may have lost its suffix
            inside = archives.notebooks(data, name)
            yield from ((visible(f"{name}/{inner}"), content) for inner, content in inside)
        else:
            yield name, data
    except UnreadableArchive as error:
        yield name, error
    except OSError as error:
        yield name, UnreadableArchive(f"{name} cannot be read", cause=error.strerror or str(error))


def _handed(source: str, data: bytes | UnreadableArchive) -> SubmittedFile:
    if isinstance(data, UnreadableArchive):
        return SubmittedFile(source, fault=_in_one_line(data))
    try:
        notebook, cells = _notebook(data)
    except UnreadableArchive as error:
        return SubmittedFile(source, fault=_in_one_line(error))
    mine = _metadata(notebook)
    student = mine.get("student")
    return SubmittedFile(
        source, str(mine.get("assignment") or ""),
        student if isinstance(student, str) and usable(student) else "", _candidates(cells),
    )  # fmt: skip


def _metadata(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the release wrote into the metadata of a notebook or a cell; empty where nothing is left of it."""
    metadata = part.get("metadata")
    mine = metadata.get("podlab") if isinstance(metadata, dict) else None
    return mine if isinstance(mine, dict) else {}


def _in_one_line(error: UnreadableArchive) -> str:
    return visible(str(error).replace("\n", " "))


def visible(text: str) -> str:
    """Return a text in which nothing steers a terminal or breaks a line: such characters are written as ``\\x1b``."""
    return "".join(
        each.encode("unicode_escape").decode()
        if unicodedata.category(each) in _STEERING or each in _TURNING
        else each
        for each in text
    )


def _of(each: SubmittedFile, owner: FileOwner, starter: Starter, blueprint: Blueprint | None) -> Submission:
    """Return the submission of its owner."""
    late = ["the platform marked it as late"] if re.search(r"(^|_)LATE_", each.source) else []
    answers, notes = _best_of(each.cells, lambda exercise: starter(owner.student, exercise))
    if blueprint and each.assignment not in ("", blueprint.name):
        notes = [f"the notebook is of another assignment: {visible(each.assignment[:40])}", *notes]
    return Submission(
        owner.student, owner.known, [each.source], answers, [*late, *owner.notes, *notes], each.fault,
        owner.guessed,
    )  # fmt: skip


def _candidates(cells: Iterable[Mapping[str, Any]]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        candidate = _candidate(cell)
        if candidate:
            found.setdefault(candidate.exercise, []).append(candidate)
    return found


def _best_of(
    found: Mapping[str, Sequence[Cell]], starter: Callable[[str], str]
) -> tuple[dict[str, str], list[str]]:
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
    """Return whether a text holds more than comments, and is not the starter."""
    words = bare(text).split()
    return bool(words) and words != bare(starter).split()


def _notebook(data: bytes) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Return a notebook, and the cells in it."""
    if len(data) > MOST_NOTEBOOK:
        raise UnreadableArchive(
            f"the notebook has {len(data) >> 20} MiB, at most {MOST_NOTEBOOK >> 20} are read"
        )
    try:
        notebook: Mapping[str, Any] = json.loads(data)
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise UnreadableArchive(
            "it cannot be read as a notebook", cause=f"{type(error).__name__}: {str(error)[:120]}"
        ) from None
    if not isinstance(cells, list) or len(cells) > MOST_CELLS:
        raise UnreadableArchive(f"the notebook has no list of at most {MOST_CELLS} cells")
    return notebook, [cell for cell in cells if isinstance(cell, dict)]


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
    mine = _metadata(cell)
    if mine.get("part") == "answer" and _ID.match(f"{mine.get('exercise')}-answer"):
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
    if len(faults) > _MOST_FAULTS:
        faults = [*faults[:_MOST_FAULTS], f"and {len(faults) - _MOST_FAULTS} more files cannot be read"]
    notes = [note for each in found for note in each.notes] + [f"{len(found)} files were handed in"]
    return Submission(student, found[0].known, [name for each in found for name in each.sources], answers,
                      [*notes, *faults], "" if answers else "; ".join(faults),
                      any(each.guessed for each in found))  # fmt: skip
