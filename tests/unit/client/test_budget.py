"""The budget of requests: what goes at once, what waits for its turn, what is left unasked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from api_stub import Stub

from podlab.client.budget import Budget


class Time:
    """A clock that only its sleeper moves."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def budget(per_s: float, burst: float) -> tuple[Budget, Time]:
    time = Time()
    return Budget(per_s, burst, clock=lambda: time.now, sleep=time.sleep), time


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    """Ten requests of a budget of four at once and two a second take three seconds."""
    shared, time = budget(2, 4)
    for _ in range(10):
        shared.take()

    assert (time.now, shared.taken) == (3.0, 10)
    assert time.slept == [0.5] * 6


def test_a_pause_fills_the_bucket_and_no_more_than_that() -> None:
    shared, time = budget(2, 4)
    for _ in range(4):
        shared.take()
    time.now += 100
    for _ in range(5):
        shared.take()

    assert time.slept == [0.5]


def test_no_question_is_asked_while_requests_need_the_budget() -> None:
    """Half of the burst is kept for them."""
    shared, time = budget(2, 4)
    for _ in range(3):
        shared.take()
    assert not shared.spare()
    time.now += 0.5
    assert shared.spare()


def test_questions_have_a_quarter_of_the_rate() -> None:
    """However many are asked, and though nobody else needs the budget."""
    shared, time = budget(8, 16)
    assert [shared.spare() for _ in range(6)] == [True] * 4 + [False] * 2
    time.now += 1
    assert [shared.spare() for _ in range(6)] == [True] * 2 + [False] * 4
    assert shared.questions == 6


def test_turns_are_given_in_order_to_threads_too() -> None:
    """Each thread gets a turn of its own: the waits are one step apart, whoever comes first."""
    waits: list[float] = []
    shared = Budget(10, 1, clock=lambda: 0.0, sleep=waits.append)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            pool.submit(shared.take)

    assert [round(wait, 6) for wait in sorted(waits)] == [0.1, 0.2, 0.3, 0.4]


def test_clients_of_one_budget_take_from_it_together() -> None:
    """Every request counts, and so does one that is sent again with renewed credentials."""
    stub = Stub(lambda _: (200, {"kind": "Pod"}))
    try:
        shared, _ = budget(2, 4)
        first, second = stub.client().within(shared), stub.client().within(shared)
        first.get("/api/v1/pods/x")
        second.get("/api/v1/pods/x")
        with first.lines("/api/v1/pods/x") as lines:
            list(lines)
    finally:
        stub.close()

    assert (shared.taken, len(stub.requests)) == (3, 3)
