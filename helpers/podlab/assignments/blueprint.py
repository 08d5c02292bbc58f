"""
The blueprint of an assignment: which rows it has, what each is worth, and which exercises a student draws.

    name = "pods-50"            # if there is none: the name of the file's folder
    title = "Init containers and sidecars"
    seed = "student"            # or a number: the same variant for everybody
    deadline = 2026-12-24T23:59:00Z
    hints = true                # whether the notebook names them; what a student opens at home is not graded

    [[rows]]
    name = "order"
    points = 8
    choose = [["e05", "e09"], ["e05", "e21"]]     # one of these is drawn; its points are scaled to the row's

    [[reader]]                  # points that a person gives, in the form reader.csv; see ``reader``
    name = "runbook"
    points = 4
    text = "what one sees first and does next"
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from podlab import grading
from podlab.errors import PodlabError
from podlab.grading import values

FILE = "assignment.toml"
EVERYBODY = "everybody"
"""The student of a notebook that all have alike."""
_TOP = {
    "name": str,
    "title": str,
    "seed": (str, int),
    "deadline": datetime,
    "hints": bool,
    "rows": list,
    "reader": list,
}
_ROW = {"name": str, "points": (int, float), "choose": list}
_READER = {"name": str, "points": (int, float), "text": str}


@dataclass(frozen=True)
class BlueprintRow:
    """One row: its name, what it is worth, and the sets of exercises of which one is drawn."""

    name: str
    points: Fraction
    choose: Sequence[Sequence[str]]


@dataclass(frozen=True)
class ReaderRow:
    """One row of the reader's form: its name, the most points, and what a reader looks for."""

    name: str
    points: Fraction
    text: str


@dataclass(frozen=True)
class DrawnExercise:
    """One exercise of a student's assignment: its row, seed, and what it counts."""

    row: str
    exercise: grading.Exercise
    points: Fraction
    seed: int


@dataclass(frozen=True)
class Blueprint:
    """
    An assignment.

    Attributes:
        name: Short, for files and ids; the file's ``name``, else its folder or stem. Draws and seeds depend on it.
        seed: ``student`` (each student an own variant) or a number (one for all).
        deadline: Aware; None for none.
        hints: Whether the notebook tells of hints. Marks do not depend on them: nobody can see what is opened at home.
    """

    name: str
    title: str
    rows: Sequence[BlueprintRow]
    seed: str | int = "student"
    deadline: datetime | None = None
    hints: bool = True
    text: str = field(default="", repr=False, compare=False)
    reader: Sequence[ReaderRow] = ()

    @property
    def points(self) -> Fraction:
        """Return what the whole is worth, the reader's part too."""
        return sum(
            [*(row.points for row in self.rows), *(row.points for row in self.reader)], start=Fraction(0)
        )

    @property
    def exercises(self) -> list[str]:
        """Every exercise that some student can draw."""
        return sorted({name for row in self.rows for group in row.choose for name in group})

    def parts(self, student: str) -> list[DrawnExercise]:
        """Return what a student gets: the same for the same student, on every machine."""
        who = student if self.seed == "student" else str(self.seed)
        return [part for row in self.rows for part in self._of(row, who)]

    def _of(self, row: BlueprintRow, who: str) -> list[DrawnExercise]:
        digest = hashlib.sha256(f"{self.name}\0{who}\0{row.name}".encode()).digest()
        group = row.choose[int.from_bytes(digest[:4], "big") % len(row.choose)]
        chosen = [grading.find(name) for name in group]
        total = sum((each.points for each in chosen), Fraction(0))
        seeds = [values.seed_of(f"{self.name}\0{who}", each.id) for each in chosen]
        return [
            DrawnExercise(row.name, each, row.points * each.points / total, seed)
            for each, seed in zip(chosen, seeds, strict=True)
        ]

    @property
    def released(self) -> str:
        """The file's text with its name in it: in another folder it draws the same."""
        named = "name" in tomllib.loads(self.text)
        return self.text if named else f'name = "{self.name}"\n{self.text}'

    def __str__(self) -> str:
        lines = [f"{self.title}: {float(self.points):g} points, {len(self.rows)} rows"]
        for row in self.rows:
            groups = " or ".join("+".join(group) for group in row.choose)
            lines.append(f"  {row.name:<12} {float(row.points):>4g}  {groups}")
        lines += [f"  {row.name:<12} {float(row.points):>4g}  given by a reader" for row in self.reader]
        return "\n".join(lines)


def read(path: Path) -> Blueprint:
    """
    Read a blueprint: a file, or a folder that holds ``assignment.toml``.

    Raises:
        PodlabError: Names the file, and the line of the first field that is wrong.
    """
    file = path / FILE if path.is_dir() else path
    released = path / "instructor" / FILE
    if not file.is_file() and released.is_file():  # the folder of a release: its own part is meant
        file = released
    try:
        text = file.read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise PodlabError(f"{file} cannot be read", cause=error.strerror or str(error),
                          hint="podlab release labs/assignments/pods-50/assignment.toml") from error  # fmt: skip
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PodlabError(f"{file} is not TOML", cause=str(error)) from error
    _known(file, text, data, _TOP, ("title", "rows"))
    rows = [_row(file, text, row) for row in data["rows"]]
    if not rows:
        raise _fault(file, text, "rows", "an assignment has at least one row")
    _once(file, text, rows)
    seed = data.get("seed", "student")
    if isinstance(seed, str) and seed != "student":
        raise _fault(file, text, "seed", f'seed is {seed!r}: write "student" or a number')
    name = data.get("name") or (file.parent.name if file.name == FILE else file.stem)
    return Blueprint(re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "assignment", data["title"], rows, seed,
                     data.get("deadline"), data.get("hints", True), text,
                     [_reader(file, text, row) for row in data.get("reader", [])])  # fmt: skip


def _once(file: Path, text: str, rows: Sequence[BlueprintRow]) -> None:
    """An answer is looked up by its exercise, so two rows that may draw the same one would share a single answer."""
    taken: dict[str, str] = {}
    for row in rows:
        if any(len(set(group)) != len(group) for group in row.choose):
            raise _fault(file, text, row.name, f"row {row.name} draws an exercise twice")
        for name in {name for group in row.choose for name in group}:
            if name in taken:
                raise _fault(file, text, name, f"rows {taken[name]} and {row.name} can both draw {name}")
            taken[name] = row.name


def _row(file: Path, text: str, row: Any) -> BlueprintRow:
    _known(file, text, row, _ROW, tuple(_ROW))
    groups = [[each] if isinstance(each, str) else list(each) for each in row["choose"]]
    known = grading.folders()
    for name in (name for group in groups for name in group):
        if name not in known:
            raise _fault(file, text, name, f"row {row['name']}: unknown exercise {name!r}")
    if not groups or not all(groups) or not 0 < row["points"] < math.inf:
        raise _fault(file, text, row["name"], f"row {row['name']} has no exercise, or no points")
    return BlueprintRow(row["name"], Fraction(str(row["points"])), groups)


def _reader(file: Path, text: str, row: Any) -> ReaderRow:
    _known(file, text, row, _READER, tuple(_READER))
    if not 0 < row["points"] < math.inf:
        raise _fault(file, text, row["name"], f"row {row['name']} of the reader has no points")
    return ReaderRow(row["name"], Fraction(str(row["points"])), row["text"])


def _known(file: Path, text: str, data: Any, fields: Mapping[str, Any], required: Sequence[str]) -> None:
    if not isinstance(data, dict):
        raise _fault(file, text, "rows", "each row is a table: [[rows]]")
    for key, value in data.items():
        if key not in fields:
            raise _fault(file, text, key, f"unknown field {key!r}, known: {', '.join(fields)}")
        if not isinstance(value, fields[key]) or (isinstance(value, bool) and fields[key] is not bool):
            raise _fault(file, text, key, f"{key} has the wrong type: {value!r}")
    for key in required:
        if key not in data:
            raise _fault(file, text, "rows", f"the field {key!r} is missing")


def _fault(file: Path, text: str, word: str, what: str) -> PodlabError:
    where = re.search(rf"\b{re.escape(word)}\b", text)
    line = text.count("\n", 0, where.start()) + 1 if where else 1
    return PodlabError(f"{file.name}, line {line}: {what}")
