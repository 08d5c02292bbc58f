"""Saving a picture where it cannot be: nothing is left beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from podlab import views
from podlab.timeline import Instant, Lane, Span, Timeline


def test_a_picture_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    """Here a folder has its name; a full disk ends the same way."""
    span = Span("running", "ready", Instant(0, 0), None)
    timeline = Timeline(name="t", namespace="", lanes=(Lane("a", "app", "", (span,), ()),), until=1)
    (tmp_path / "x.svg").mkdir()

    with pytest.raises(IsADirectoryError):
        views.save(timeline, tmp_path / "x.svg")

    assert [one.name for one in tmp_path.iterdir()] == ["x.svg"]
