"""The progress of a grading: a bar with an estimate on a terminal, a line for every tenth answer elsewhere."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from podlab.assignments.marking import GradingProgress
from podlab.cli import parser


@pytest.mark.parametrize(("done", "signs"), [(0, 0), (40, 12), (80, 24)])
def test_on_a_terminal_a_bar_grows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], done: int, signs: int
) -> None:
    """It is drawn over itself; the estimate is of what was graded in this run."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    verb: Any = parser.load("grade")

    verb._tell(GradingProgress(80, done=done))

    shown = capsys.readouterr().err
    assert shown.startswith(f"\r[{'#' * signs}{' ' * (24 - signs)}] graded {done} of 80")
    assert (" s left" in shown) == (done > 0)
    assert "\n" not in shown


def test_elsewhere_every_tenth_answer_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    verb: Any = parser.load("grade")
    for done in range(24):
        verb._tell(GradingProgress(23, done=done))

    assert [line.partition(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        f"graded {done} of 23" for done in (0, 10, 20, 23)
    ]
