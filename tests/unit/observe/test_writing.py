"""A recording that cannot be begun: an error of ours, and nothing beside the place it was meant for."""

from __future__ import annotations

from pathlib import Path

import pytest

from podlab.errors import RecordingError
from podlab.observe.writing import Writer


def test_a_recording_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    """Here a folder has its name; a full disk ends the same way."""
    (tmp_path / "run.jsonl").mkdir()

    with pytest.raises(RecordingError, match="cannot be written"):
        Writer(tmp_path / "run.jsonl", {})

    assert [one.name for one in tmp_path.iterdir()] == ["run.jsonl"]
