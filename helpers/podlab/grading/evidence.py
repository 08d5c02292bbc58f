"""
Evidence kept beside a grade: the recording of each run, and what the play did.

``ID-RUN.jsonl`` is a recording; ``ID-RUN.acts.json`` holds the steps as they went, and how late the cluster was. Both
are data, never code: a dispute can be looked at, and an answer judged again, without a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from podlab.checks import Act
from podlab.errors import CheckError
from podlab.files import write_whole

SCHEMA = 1


def recording(folder: Path, exercise: str, run: str) -> Path:
    """Return the path of a run's recording; its folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{exercise}-{run}.jsonl"


def keep(folder: Path, exercise: str, run: str, acts: Sequence[Act], late: float = 0.0) -> None:
    """Write the acts of a run; *late* is the longest delay of the cluster while it went on, s."""
    body = {"schema": SCHEMA, "late_s": late, "acts": [asdict(act) for act in acts]}
    write_whole(_path(folder, exercise, run), json.dumps(body, default=str))


def acts(folder: Path, exercise: str, run: str) -> tuple[list[Act], float]:
    """
    Return the acts of a run, and the longest delay of the cluster while it went on; 0 where it was not measured.

    Raises:
        CheckError: They are missing or cannot be read.
    """
    path = _path(folder, exercise, run)
    try:
        body = json.loads(path.read_text("utf-8"))
        late = 0.0 if body.get("accepted") else float(body.get("late_s", 0.0))
        return [Act(**row) for row in body["acts"]], late
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckError(
            f"{path.name} cannot be read", cause=str(error), hint="grade this answer again"
        ) from error


def accept(folder: Path, exercise: str, why: str) -> None:
    """Write down why lost points count although the cluster was late in runs of an exercise."""
    for path in _all(folder, exercise):
        body = json.loads(path.read_text("utf-8"))
        write_whole(path, json.dumps({**body, "accepted": why}))


def late_s(folder: Path, exercise: str) -> float:
    """Return the longest delay of the cluster in all kept runs of an exercise; 0 where none was run."""
    return max(
        (float(json.loads(path.read_text("utf-8"))["late_s"]) for path in _all(folder, exercise)), default=0.0
    )


def _all(folder: Path, exercise: str) -> list[Path]:
    return list(folder.glob(f"{exercise}-*.acts.json"))


def _path(folder: Path, exercise: str, run: str) -> Path:
    return folder / f"{exercise}-{run}.acts.json"
