"""Canvas: the CSV that its gradebook imports: Student, ID, SIS Login ID, Section, and the assignment's column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.spreadsheets import inert


def write(blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """Write one ``canvas.csv``; an open grade is an empty cell, which Canvas leaves as it is."""
    path = out / "canvas.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Student", "ID", "SIS Login ID", "Section", blueprint.title])
        writer.writerow(["    Points Possible", "", "", "", f"{float(blueprint.points):g}"])
        for mark in marks:
            total = "" if mark.total is None else f"{mark.total:g}"
            who = mark.student.others
            row = [
                mark.student.name or mark.student.id,
                who.get("canvas_id", ""),
                mark.student.id,
                who.get("section", ""),
            ]
            writer.writerow([*map(inert, row), total])
    return [path]
