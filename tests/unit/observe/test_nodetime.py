"""A node is asked for its time a few times, a little later each time, and each answer is written down as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from podlab.errors import ConnectionLostError
from podlab.observe.nodetime import ENOUGH_S, NodeTime


class World:
    """Client, writer and clock in one: waiting takes no time, and the node's log holds one line, stamped at 0.9 s."""

    def __init__(self, latency_s: float, broken: bool = False) -> None:
        self.now_s, self.latency_s, self.broken = 0.92, latency_s, broken
        self.asked: list[tuple[float, int]] = []
        self.marks: list[dict[str, Any]] = []

    def now(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.now_s += seconds
        return False

    def mark(self, event: str, **fields: Any) -> None:
        self.marks.append({"event": event, **fields})

    @contextmanager
    def lines(self, path: str, *, sinceSeconds: int, **params: Any) -> Iterator[Iterator[bytes]]:  # noqa: N803
        if self.broken:
            raise ConnectionLostError("reset")
        self.asked.append((self.now_s, sinceSeconds))
        handled = self.now_s + self.latency_s
        yield iter([b"2026-11-23T00:00:00.900000000Z hello"] if handled - sinceSeconds <= 0.9 else [])
        self.now_s = handled


def ask(world: World, monkeypatch: Any) -> NodeTime:
    asker = NodeTime(world, "n", world)  # type: ignore[arg-type]
    monkeypatch.setattr(asker.stopping, "wait", world.wait)
    monkeypatch.setattr(asker._given, "wait_for", lambda ready: asker.line_came("/log", "app"))
    asker.run()
    return asker


def test_two_questions_are_enough_for_a_near_node(monkeypatch) -> None:
    """What each answer proves holds for the true clock, which here is the same as the recorder's."""
    world = World(latency_s=0.004)
    ask(world, monkeypatch)

    assert [seconds for _, seconds in world.asked] == [1, 2]
    for mark in world.marks:
        bound = 0.9 + mark["within_s"] - mark["sent_t"]
        assert 0 <= bound <= 0.12
    assert 0.9 + world.marks[-1]["within_s"] - world.marks[-1]["sent_t"] <= ENOUGH_S
    assert (world.marks[0]["event"], world.marks[0]["of"], world.marks[0]["node"]) == ("clock", "log", "n")


def test_a_far_node_is_asked_earlier_and_not_for_ever(monkeypatch) -> None:
    """Where an answer takes 200 ms a question that comes too late proves nothing, and nothing is written for it."""
    world = World(latency_s=0.2)
    ask(world, monkeypatch)

    assert 1 <= len(world.marks) < len(world.asked) <= 8
    assert all(0.9 + mark["within_s"] - mark["sent_t"] >= 0.2 for mark in world.marks)


def test_a_broken_answer_writes_nothing(monkeypatch) -> None:
    world = World(latency_s=0.0, broken=True)
    ask(world, monkeypatch)

    assert world.marks == []


def test_nothing_is_asked_after_the_end() -> None:
    """A recording that ends while no line has come leaves no thread."""
    asker = NodeTime(World(0.0), "n", World(0.0))  # type: ignore[arg-type]
    asker.start()
    asker.stop()
    asker.join(5.0)

    assert not asker.is_alive()
