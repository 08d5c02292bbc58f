"""Saving a picture where it cannot be: nothing is left beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podlab import views
from podlab.timeline import Instant, Lane, Span, Timeline


def short() -> Timeline:
    span = Span("running", "ready", Instant(0, 0), None)
    return Timeline(name="t", namespace="", lanes=(Lane("a", "app", "", (span,), ()),), until=1)


def test_a_picture_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    """Here a folder has its name; a full disk ends the same way."""
    (tmp_path / "x.svg").mkdir()

    with pytest.raises(IsADirectoryError):
        views.save(short(), tmp_path / "x.svg")

    assert [one.name for one in tmp_path.iterdir()] == ["x.svg"]


def test_a_pipe_is_not_replaced_by_a_picture(tmp_path: Path) -> None:
    """Nor a device: root may rename a file over any of them."""
    os.mkfifo(tmp_path / "x.svg")

    with pytest.raises(FileExistsError):
        views.save(short(), tmp_path / "x.svg")

    assert (tmp_path / "x.svg").is_fifo()
