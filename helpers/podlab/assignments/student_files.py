"""One JSON file for each student who handed in: what three of the formats write."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.marking import safe


def per_student(
    marks: Sequence[StudentMarks], out: Path, results: Callable[[StudentMarks], dict[str, Any]]
) -> list[Path]:
    """Write ``STUDENT.json`` with what *results* makes of each mark, and return the files."""
    paths = []
    for mark in marks:
        if mark.results:
            path = out / f"{safe(mark.student.id)}.json"
            path.write_text(json.dumps(results(mark), indent=1) + "\n", "utf-8")
            paths.append(path)
    return paths
