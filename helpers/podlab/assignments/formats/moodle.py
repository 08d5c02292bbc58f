"""Moodle: the CSV that its gradebook imports: identifier, e-mail address, grade, feedback."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.spreadsheets import inert


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """Write one ``moodle.csv``; an open grade is ``-``, as Moodle writes it."""
    path = out / "moodle.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ID number", "Full name", "Email address", blueprint.title, "Feedback comments"])
        for mark in marks:
            total = "-" if mark.total is None else f"{mark.total:g}"
            who = [mark.student.id, mark.student.name, mark.student.email]
            writer.writerow([*map(inert, who), total, inert("; ".join(mark.notes) or mark.state)])
    return [path]
