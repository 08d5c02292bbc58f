"""Results to marks: a row for each student, sums and outcomes, and statistics of each exercise."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from podlab import grading
from podlab.assignments import marking
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.reader import Points
from podlab.assignments.roster import Student
from podlab.assignments.spreadsheets import inert
from podlab.checks.verdict import NOT_GRADABLE

OPEN = "not gradable"
UNREAD = "not read yet"


@dataclass(frozen=True)
class StudentMarks:
    """
    One student's marks.

    Attributes:
        earned: Exercise id -> points in the assignment; None where it was not gradable.
        total: The sum; None while anything is not gradable: an open grade is never a zero.
        state: ``graded``, ``not gradable``, ``not read yet``, ``not handed in`` or ``unreadable``.
        reader: Row of the reader's form -> points that a person gave; None where the form is still empty.
    """

    student: Student
    earned: Mapping[str, float | None] = field(default_factory=dict)
    of: float = 0.0
    state: str = "graded"
    notes: Sequence[str] = ()
    results: Sequence[dict[str, Any]] = ()
    reader: Points = field(default_factory=dict)

    @property
    def total(self) -> float | None:
        """The sum of all points, None where it is not known."""
        if self.state in (OPEN, UNREAD, "unreadable"):
            return None
        return round(sum(value or 0.0 for value in (*self.earned.values(), *self.reader.values())), 4)


def marks(
    blueprint: Blueprint, folder: Path, students: Sequence[Student], read: Mapping[str, Points] | None = None
) -> list[StudentMarks]:
    """Return a mark for each student of the roster, then for each other submission; *read* is the reader's form."""
    handed_in = {each.student: each for each in marking.read_submissions(folder)}
    by_student: dict[str, list[dict[str, Any]]] = {}
    for result in marking.results(folder):
        by_student.setdefault(result["student"], []).append(result)
    known = {student.id: student for student in students}
    names = [*known, *(name for name in handed_in if name not in known)]
    return [
        _with_reader(
            blueprint,
            _mark(
                blueprint,
                known.get(name, Student(name)),
                handed_in.get(name),
                by_student.get(name, []),
                [] if not students or name in known else ["the roster has no such student"],
            ),
            (read or {}).get(name, {}),
        )
        for name in names
    ]


def apart(
    found: Sequence[StudentMarks], students: Sequence[Student]
) -> tuple[list[StudentMarks], list[StudentMarks]]:
    """Return the marks of the roster's students, and those of others; without a roster all are its students."""
    roster = {student.id for student in students}
    inside = [mark for mark in found if not students or mark.student.id in roster]
    return inside, [mark for mark in found if students and mark.student.id not in roster]


def remarks(found: Sequence[StudentMarks], students: Sequence[Student]) -> list[str]:
    """Return a line for each submission that was not graded, or whose student the roster does not name, or twice."""
    others, lines = {mark.student.id for mark in apart(found, students)[1]}, []
    for mark in found:
        name = mark.student.id
        if mark.state in (OPEN, "unreadable"):
            lines.append(f"{name}: {mark.state}: {'; '.join(mark.notes) or 'run the same command again'}")
        elif name in others:
            lines.append(
                f"{name}: graded, but not as one student of the roster: write this name into one line of it"
            )
    return lines


def _with_reader(blueprint: Blueprint, mark: StudentMarks, given: Points) -> StudentMarks:
    """Return what nobody has read yet keeps a grade open."""
    if not blueprint.reader or mark.state == "not handed in":
        return mark
    points = {row.name: given.get(row.name) for row in blueprint.reader}
    unread = mark.state == "graded" and None in points.values()
    return replace(mark, reader=points, state=UNREAD if unread else mark.state)


def _mark(
    blueprint: Blueprint, student: Student, submission: Any, found: Sequence[dict[str, Any]], more: Sequence[str]
) -> StudentMarks:  # fmt: skip
    of = float(blueprint.points)
    if submission is None:
        return StudentMarks(student, {}, of, "not handed in")
    notes = [*submission.notes, *more]
    if submission.fault:
        return StudentMarks(student, {}, of, "unreadable", [submission.fault, *notes])
    parts = blueprint.parts(student.id)
    by_id = {result["report"]["exercise"]: result for result in found}
    mine = [by_id[part.exercise.id] for part in parts if part.exercise.id in by_id]
    earned = {part.exercise.id: by_id.get(part.exercise.id, {}).get("earned") for part in parts}
    state = "graded" if len(mine) == len(parts) and None not in earned.values() else OPEN
    return StudentMarks(student, earned, of, state, notes, mine)


def as_csv(found: Sequence[StudentMarks]) -> str:
    """Return the gradebook: a line for each student, a column for each exercise; text that a sheet cannot run."""
    columns = sorted({name for mark in found for name in mark.earned})
    columns += dict.fromkeys(name for mark in found for name in mark.reader)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "name", "email", "total", "of", "state", *columns, "notes"])
    for mark in found:
        total = "" if mark.total is None else f"{mark.total:g}"
        points = {**mark.earned, **mark.reader}
        cells = ["" if points.get(name) is None else f"{points[name]:g}" for name in columns]
        who = [inert(mark.student.id), inert(mark.student.name), inert(mark.student.email)]
        writer.writerow([*who, total, f"{mark.of:g}", mark.state, *cells, inert("; ".join(mark.notes))])
    return out.getvalue()


@dataclass(frozen=True)
class Item:
    """Statistics of one exercise: answers, mean share of its points, and how often each check held."""

    exercise: str
    answers: int
    mean: float
    full: int
    none: int
    checks: Mapping[str, float]


def items(found: Sequence[StudentMarks]) -> list[Item]:
    """Return the statistics of each exercise over all gradable answers."""
    by_exercise: dict[str, list[dict[str, Any]]] = {}
    for mark in found:
        for result in mark.results:
            if result["report"]["state"] != NOT_GRADABLE:
                by_exercise.setdefault(result["report"]["exercise"], []).append(result)
    return [_item(name, rows) for name, rows in sorted(by_exercise.items())]


def _item(name: str, rows: Sequence[dict[str, Any]]) -> Item:
    shares = [row["earned"] / row["points"] if row["points"] else 0.0 for row in rows]
    held: dict[str, list[float]] = {}
    for row in rows:
        for verdict in row["report"]["verdicts"]:
            held.setdefault(verdict["id"], []).append(1.0 if verdict["holds"] else 0.0)
    means = {key: round(sum(values) / len(rows), 3) for key, values in held.items()}
    return Item(
        name,
        len(rows),
        round(sum(shares) / len(rows), 3),
        sum(s >= 1 for s in shares),
        sum(s <= 0 for s in shares),
        means,
    )


def outcomes(found: Iterable[StudentMarks]) -> dict[str, float]:
    """Return outcome -> mean share of the points of the exercises that show it."""
    shares: dict[str, list[float]] = {}
    for mark in found:
        for result in mark.results:
            if result["earned"] is not None and result["points"]:
                for outcome in grading.find(result["report"]["exercise"]).outcomes:
                    shares.setdefault(outcome, []).append(result["earned"] / result["points"])
    return {
        name: round(sum(values) / len(values), 3)
        for name, values in sorted(shares.items(), key=lambda kv: int(kv[0][1:]))
    }


def as_dict(
    blueprint: Blueprint, found: Sequence[StudentMarks], others: Sequence[StudentMarks] = ()
) -> dict[str, Any]:
    """Return everything as plain data, schema 1; *others* are not in the roster, and in no statistics."""
    return {
        "schema": 1, "kind": "podlab.gradebook", "assignment": blueprint.name, "title": blueprint.title,
        "points": float(blueprint.points),
        "students": [_row(mark) for mark in found], "others": [_row(mark) for mark in others],
        "items": [vars(item) for item in items(found)], "outcomes": outcomes(found),
    }  # fmt: skip


def _row(mark: StudentMarks) -> dict[str, Any]:
    return {
        "id": mark.student.id, "name": mark.student.name, "state": mark.state, "total": mark.total,
        "earned": dict(mark.earned), "reader": dict(mark.reader), "notes": list(mark.notes),
        "reports": [result["report"] for result in mark.results],
    }  # fmt: skip
