"""
Evidence kept beside a grade: the recording of each run, and what the play did.

``ID-RUN.jsonl`` is a recording; ``ID-RUN.acts.json`` holds the steps as they went. Both are data, never code: a
dispute can be looked at, and an answer judged again, without a cluster.
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


def keep(folder: Path, exercise: str, run: str, acts: Sequence[Act]) -> None:
    """Write the acts of a run."""
    body = {"schema": SCHEMA, "acts": [asdict(act) for act in acts]}
    write_whole(folder / f"{exercise}-{run}.acts.json", json.dumps(body, default=str))


def acts(folder: Path, exercise: str, run: str) -> list[Act]:
    """
    Return the acts of a run.

    Raises:
        CheckError: They are missing or cannot be read.
    """
    path = folder / f"{exercise}-{run}.acts.json"
    try:
        body = json.loads(path.read_text("utf-8"))
        return [Act(**row) for row in body["acts"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckError(
            f"{path.name} cannot be read", cause=str(error), hint="grade this answer again"
        ) from error
