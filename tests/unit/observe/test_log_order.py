"""Lines of a log that are stamped out of order, and lines that come twice."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from podlab.observe import logfollower
from podlab.observe.logfollower import Incarnation, LogFollower

ERR, OUT, LATER = (f"2026-01-01T00:00:00.{number:09}Z" for number in (300, 200, 400))


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[list[bytes]]:
    """What the API server sends, one entry for each time it is asked."""
    given: list[list[bytes]] = []
    stream = lambda *_: SimpleNamespace(batches=lambda: iter([given.pop(0)]), idle_s=0.0)  # noqa: E731
    monkeypatch.setattr(logfollower, "LineStream", stream)
    return given


def follow(streams: list[list[bytes]]) -> list[str]:
    """The texts that a follower writes, reading one stream after the other."""
    written: list[Any] = []
    run = Incarnation("lab", "web", "u", "app", "containerd://1", 0)
    follower = LogFollower(None, run, SimpleNamespace(now=lambda: 1.0), 0)  # type: ignore[arg-type]
    follower._write = written.extend  # type: ignore[method-assign]
    while streams:
        follower._read(SimpleNamespace())  # type: ignore[arg-type]
    return [text.decode() for _, text in written]


def line(*pairs: tuple[str, str]) -> Iterable[bytes]:
    return [f"{stamp} {text}".encode() for stamp, text in pairs]


def test_a_line_with_an_earlier_stamp_than_the_one_before_it_is_kept(streams: list[list[bytes]]) -> None:
    """stdout and stderr are stamped by themselves: on kind, `/first failed` came behind a later error, and was lost."""
    streams.append([*line((ERR, "connection refused"), (OUT, "/first failed"), (LATER, "end"))])
    assert follow(streams) == ["connection refused", "/first failed", "end"]


def test_what_a_new_stream_brings_again_is_written_once(streams: list[list[bytes]]) -> None:
    """It begins at a whole second, so it repeats everything of that second."""
    first = [*line((ERR, "a"), (OUT, "b"))]
    streams += [first, [*first, *line((ERR, "a"), (LATER, "c"))]]
    assert follow(streams) == ["a", "b", "a", "c"]
