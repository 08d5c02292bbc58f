"""How many answers run side by side, and what becomes of those that a busy machine spoiled."""

from __future__ import annotations

import threading

import pytest
from steered_delays import Steered

from podlab.assignments.concurrency import ConcurrencyLimit, side_by_side
from podlab.grading.delays import BEARABLE_S, SLOW_S


def over(concurrency: ConcurrencyLimit, monitor: Steered, seconds: int) -> list[int]:
    """The number that may run, second by second."""
    found = []
    for _ in range(seconds):
        monitor.now_s += 1
        found.append(concurrency.now())
    return found


def test_a_calm_machine_takes_more_and_never_more_than_asked_for() -> None:
    """A quarter more every three seconds."""
    monitor = Steered()
    assert over(ConcurrencyLimit(14, 8, 2, monitor), monitor, 9) == [10, 10, 10, 12, 12, 12, 14, 14, 14]


def test_a_very_late_machine_takes_a_third_less_and_rests() -> None:
    """Not fewer than the least: those do not make a machine calm that others keep busy."""
    monitor = Steered(BEARABLE_S)
    assert over(ConcurrencyLimit(32, 18, 3, monitor), monitor, 52)[::10] == [12, 8, 5, 3, 3, 3]


def test_a_machine_that_is_a_little_late_takes_fewer_down_to_half_of_the_most() -> None:
    """Beside those a right answer loses nothing; a wrong one is run twice, which costs less than the half."""
    monitor = Steered(SLOW_S)
    assert over(ConcurrencyLimit(32, 32, 3, monitor), monitor, 12)[::3] == [32, 32, 32, 32]
    concurrency = ConcurrencyLimit(32, 8, 3, monitor)
    concurrency.limit = 32
    assert over(concurrency, monitor, 12)[::3] == [25, 20, 16, 16]


def test_after_a_delay_the_number_grows_by_one() -> None:
    """So it stays near the number beside which delays were short."""
    monitor = Steered(SLOW_S)
    concurrency = ConcurrencyLimit(32, 8, 2, monitor)
    over(concurrency, monitor, 3)
    monitor.late_s = 0.0
    assert over(concurrency, monitor, 9)[::3] == [9, 10, 11]


def test_between_calm_and_late_the_number_stays() -> None:
    monitor = Steered(SLOW_S * 0.75)
    assert set(over(ConcurrencyLimit(32, 8, 1, monitor), monitor, 20)) == {8}


def test_a_few_begin_at_once_and_the_others_one_after_another() -> None:
    """Where all begun ones have ended, as those do that are only read, nobody waits."""
    monitor = Steered()
    concurrency = ConcurrencyLimit(8, 8, 2, monitor, at_once=2, every_s=0.5)

    monitor.now_s = 100.0
    assert [concurrency.admits(n) for n in (0, 1, 2, 3)] == [True, True, True, False]
    monitor.now_s += 0.5
    assert [concurrency.admits(3), concurrency.admits(4)] == [True, False]
    assert [concurrency.admits(0) for _ in range(5)] == [True] * 5


def test_without_a_pulse_as_many_run_as_asked_for() -> None:
    assert ConcurrencyLimit(7, 4, 2, None).now() == 7


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

    assert sorted(side_by_side(range(9), do, ConcurrencyLimit(3, 3, 1, None))) == [1, 3, 5, 7]
    assert most == 3


@pytest.mark.parametrize(("room", "most"), [(6, 2), (5, 1), (1, 1), (None, 4), (100, 4)])
def test_no_more_run_at_once_than_the_nodes_have_room_for(room: int | None, most: int) -> None:
    """Each needs room for three Pods; one runs even where it does not fit: the nodes may have counted others."""
    met, running, lock, seen = threading.Barrier(most, timeout=60), 0, threading.Lock(), list[int]()

    def do(_job: int) -> bool:
        nonlocal running
        with lock:
            running += 1
            seen.append(running)
        met.wait()
        with lock:
            running -= 1
        return True

    assert (
        side_by_side(range(4 * most), do, ConcurrencyLimit(4, 4, 1, None), pods=lambda _job: 3, room=room)
        == []
    )
    assert max(seen) == most


def test_jobs_that_failed_are_done_again_after_some_others_then_after_all() -> None:
    """Up to as many times as asked for; with two at once, the second time would come after two others."""
    done = list[str]()

    def do(job: str) -> bool:
        done.append(job)
        return job.startswith("good")

    left = side_by_side(["bad-1", "good-1", "bad-2", "good-2"], do, ConcurrencyLimit(1, 1, 1, None), runs=3)

    assert left == ["bad-1", "bad-2"]
    assert done == ["bad-1", "good-1", "bad-1", "bad-2", "good-2", "bad-2", "bad-1", "bad-2"]


def test_a_third_run_has_half_as_many_beside_it() -> None:
    concurrency = ConcurrencyLimit(8, 8, 1, None)

    assert [concurrency.admits(7, run) for run in (0, 1, 2)] == [True, True, False]
    assert [concurrency.admits(running, 2) for running in (3, 4)] == [True, False]


def test_an_error_ends_the_run_and_begins_nothing_more() -> None:
    """As a full disk does."""
    begun = []

    def do(job: int) -> bool:
        begun.append(job)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        side_by_side(range(50), do, ConcurrencyLimit(2, 2, 1, None))
    assert len(begun) < 50
