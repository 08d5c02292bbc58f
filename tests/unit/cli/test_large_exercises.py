"""``podlab exercise check``: answers of large exercises run as many at a time as there are processors."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from podlab.cli.verbs import exercise


def most_at_once(minutes: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many of six answers to an exercise of so many minutes were under way together."""
    under_way, most, changed = 0, 0, threading.Condition()

    def prove(_sample: Any, _place: Any) -> None:
        nonlocal under_way, most
        with changed:
            under_way += 1
            most = max(most, under_way)
            changed.notify_all()
            changed.wait_for(lambda: under_way > 2, timeout=0.2)  # more may come: are they let in?
            under_way -= 1

    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("podlab.grading.prove.prove", prove)
    proof = exercise._prover(Any)  # type: ignore[arg-type]
    sample: Any = SimpleNamespace(exercise=SimpleNamespace(minutes=minutes))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(proof, [sample] * 6))
    return most


def test_a_large_exercise_runs_as_often_as_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty lives of e36 at once: right answers lost points, for two processors could not bear them."""
    assert most_at_once(120, monkeypatch) <= 2


def test_other_exercises_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """They mostly wait."""
    assert most_at_once(10, monkeypatch) > 2
