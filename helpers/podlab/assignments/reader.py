"""
The points that a person gives: a form beside the machine's marks, which ``podlab report`` adds to them.

    id,name,runbook (0 to 4),claim (0 to 2)
    ada,Ada Lovelace,3.5,2
    bob,Bob Brown,,

``podlab release`` writes the form into the instructor's folder where a blueprint has ``[[reader]]`` rows. A cell that
is still empty means: not read yet. Then the whole grade stays open; it is never a zero.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from podlab.assignments.blueprint import Blueprint, ReaderRow
from podlab.assignments.roster import Student
from podlab.assignments.spreadsheets import inert, read_rows
from podlab.errors import PodlabError

FILE = "reader.csv"
Points = Mapping[str, float | None]


def column(row: ReaderRow) -> str:
    """Return the head of a row's column, which says what may stand in it."""
    return f"{row.name} (0 to {float(row.points):g})"


def form(blueprint: Blueprint, students: Sequence[Student], filled: Mapping[str, Points] = {}) -> str:
    """Return the form as CSV: a line for each student and for each other line of *filled*, points kept."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "name", *map(column, blueprint.reader)])
    known = {student.id: student.name for student in students}
    for who in [*known, *(name for name in filled if name not in known)]:
        given = filled.get(who, {})
        cells = [given.get(row.name) for row in blueprint.reader]
        writer.writerow(
            [who, inert(known.get(who, "")), *("" if cell is None else f"{cell:g}" for cell in cells)]
        )
    return out.getvalue()


def rubric(blueprint: Blueprint) -> str:
    """Return what a reader looks for, as Markdown."""
    rows = "".join(f"| {row.text} | {float(row.points):g} |\n" for row in blueprint.reader)
    return (
        "A reader gives these points. Absent is 0, true but general is half, tied to your own recording is all.\n\n"
        f"| a reader looks for | points |\n|---|---|\n{rows}"
    )


def read(folder: Path, blueprint: Blueprint) -> dict[str, Points]:
    """
    Return student -> row -> points of the form in the instructor's *folder*; empty where the blueprint has no reader.

    Raises:
        PodlabError: The form is missing or cannot be read, or a cell is no number in its range; names line and column.
    """
    if not blueprint.reader:
        return {}
    file = (folder if folder.is_dir() else folder.parent) / FILE
    rows = read_rows(file, f"{file} cannot be read", "podlab release writes this form; fill in the numbers")
    return {
        str(row.get("id") or "").strip(): {
            each.name: _points(file, line, row, each) for each in blueprint.reader
        }
        for line, row in enumerate(rows, 2)
    }


def kept(folder: Path, blueprint: Blueprint) -> dict[str, Points]:
    """Return what stands in a form that an earlier release wrote; empty where none did."""
    with suppress(FileNotFoundError):
        (folder / FILE).stat()
        return read(folder, blueprint)
    return {}


def _points(file: Path, line: int, row: Mapping[str, str | None], wanted: ReaderRow) -> float | None:
    head = column(wanted)
    if head not in row:
        raise PodlabError(f"{file.name}, line 1: the column {head!r} is missing")
    text = str(row[head] or "").strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= float(wanted.points):
        raise PodlabError(
            f"{file.name}, line {line}, {wanted.name}: {text!r} is not a number from 0 to {wanted.points}"
        )
    return value
