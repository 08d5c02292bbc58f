"""What a chatty container writes is bounded, and what was left out is counted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from podlab.observe.logfollower import Incarnation, LogFollower
from podlab.observe.thinning import Line, Thinner


def lines(count: int, second: int = 0) -> list[Line]:
    return [(f"2026-01-01T00:00:{second:02}.{n:09}Z", b"%d" % n) for n in range(count)]


def kept(thinner: Thinner, given: list[Line]) -> list[Line | int]:
    return [one for line in given for one in thinner.take(line)]


def test_a_quiet_log_is_kept_whole_and_at_once() -> None:
    """Nothing is held back below the bound."""
    thinner = Thinner(first=3, last=2)

    assert kept(thinner, lines(3)) == lines(3)
    assert kept(thinner, lines(3, second=1)) == lines(3, second=1)
    assert thinner.flush() == []


def test_of_a_chatty_second_the_first_and_the_last_lines_are_kept() -> None:
    """With the number of those between them, where they were."""
    thinner = Thinner(first=3, last=2)
    given, later = lines(10), lines(1, second=1)

    assert kept(thinner, given + later) == [*given[:3], 5, *given[-2:], *later]
    assert kept(thinner, lines(4, second=2)) == lines(3, second=2)
    assert thinner.flush() == lines(4, second=2)[3:]


def test_a_follower_writes_how_many_it_left_out() -> None:
    """As a line of the recorder; every line of the log is either there or counted."""
    written: list[bytes] = []
    writer: Any = SimpleNamespace(now=lambda: 1.0, raw=written.extend)
    run = Incarnation("lab", "web", "u", "app", "containerd://1", 2)
    follower = LogFollower(None, run, writer, 0)  # type: ignore[arg-type]
    rows = follower._thinner
    for line in lines(5000):
        follower._write(rows.take(line))
    follower._write(rows.flush())

    import json

    found = [json.loads(line) for line in written]
    [mark] = [one for one in found if one["source"] == "recorder"]
    assert len(found) == 1101
    assert mark["lines"] == 3900
    assert (mark["event"], mark["of"], mark["pod"], mark["container"], mark["restart"]) == (
        "left out",
        "log",
        "web",
        "app",
        2,
    )
    assert found[-1]["line"] == "4999"
