"""How many answers run side by side, and what becomes of those that a busy machine spoiled."""

from __future__ import annotations

import threading

import pytest
from steered_pulse import Steered

from podlab.assignments.crowd import Crowd, side_by_side
from podlab.grading.pulse import SLOW_S


def over(crowd: Crowd, pulse: Steered, seconds: int) -> list[int]:
    """The number that may run, second by second."""
    found = []
    for _ in range(seconds):
        pulse.now_s += 1
        found.append(crowd.now())
    return found


def test_a_calm_machine_takes_more_and_never_more_than_asked_for() -> None:
    pulse = Steered()
    assert over(Crowd(6, 4, 2, pulse), pulse, 9) == [5, 5, 5, 6, 6, 6, 6, 6, 6]


def test_a_late_machine_takes_half_and_rests() -> None:
    """Not fewer than the least: those do not make a machine calm that others keep busy."""
    pulse = Steered()
    pulse.late_s = SLOW_S
    assert over(Crowd(32, 16, 3, pulse), pulse, 32)[::10] == [8, 4, 3, 3]


def test_between_calm_and_late_the_number_stays() -> None:
    pulse = Steered()
    pulse.late_s = SLOW_S * 0.75
    assert set(over(Crowd(32, 8, 1, pulse), pulse, 20)) == {8}


def test_without_a_pulse_as_many_run_as_asked_for() -> None:
    assert Crowd(7, 4, 2, None).now() == 7


def test_no_more_run_at_once_than_the_crowd_allows_and_the_failed_come_back() -> None:
    """Each waits until as many run as may: more would be a fault, fewer would hang."""
    meet, most, running, lock = threading.Barrier(3, timeout=60), 0, 0, threading.Lock()

    def do(job: int) -> bool:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        meet.wait()
        with lock:
            running -= 1
        return job % 2 == 0

    assert sorted(side_by_side(range(9), do, Crowd(3, 3, 1, None))) == [1, 3, 5, 7]
    assert most == 3


def test_an_error_ends_the_run_and_begins_nothing_more() -> None:
    """As a full disk does."""
    begun = []

    def do(job: int) -> bool:
        begun.append(job)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        side_by_side(range(50), do, Crowd(2, 2, 1, None))
    assert len(begun) < 50
