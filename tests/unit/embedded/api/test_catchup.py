"""What a client that attaches to a young container is shown: all of its output, and none of it twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podlab.embedded.api import nodeconnection
from podlab.embedded.api.streams import catchup
from podlab.embedded.runtime import ContainerRecord, ContainerState

SECOND = 1_000_000_000


def record(**more: Any) -> ContainerRecord:
    made = ContainerRecord(
        "id", "s", "u", "c", "i", "i", 0, ContainerState.RUNNING, 0, started_at=100 * SECOND
    )
    return made._replace(**more)


@pytest.mark.parametrize(
    ("now_s", "ended_s", "young"),
    [
        (100.0, None, True),
        (100.9, None, True),
        (101.1, None, False),
        (104.0, 100.5, True),
        (104.0, 103.9, False),
    ],
)
def test_a_container_is_young_for_a_second(now_s: float, ended_s: float | None, young: bool) -> None:
    finished = None if ended_s is None else int(ended_s * SECOND)
    assert catchup.is_young(record(finished_at=finished), int(now_s * SECOND)) is young


def test_the_log_after_what_was_read_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Whole lines with their end, partial ones without; the stream of each."""
    log = tmp_path / "0.log"
    first = b"T stdout F one\n"
    log.write_bytes(first + b"T stderr F  two \nT stdout P thr\nT stdout F ee\nT stdout F \n")
    found = record(log_path=str(log))
    assert list(catchup.earlier(found, len(first))) == [
        (b"stderr", b" two \n"), (b"stdout", b"thr"), (b"stdout", b"ee\n"), (b"stdout", b"\n"),
    ]  # fmt: skip
    assert list(catchup.earlier(record(log_path=str(tmp_path / "none")), 0)) == []


def test_a_position_counts_for_one_attach_and_few_are_kept() -> None:
    read = nodeconnection.LogsRead()
    for number in range(nodeconnection.MOST_LOGS + 1):
        read.note(str(number), number)
    assert [read.take("0"), read.take("5"), read.take("5")] == [0, 5, 0]


class Node:
    """A runtime's view of one Pod."""

    def __init__(self, *records: ContainerRecord) -> None:
        self.runtime = self
        self.records = records

    def view(self, _uid: str) -> tuple[list[Any], list[ContainerRecord]]:
        return [], list(self.records)


def test_only_a_short_life_that_ended_lately_can_still_be_joined() -> None:
    ended = record(state=ContainerState.EXITED, finished_at=int(100.2 * SECOND))
    long_ended = ended._replace(finished_at=110 * SECOND)
    again = record(attempt=1)
    pod = {"metadata": {"uid": "u"}}

    def found(now_s: float, *records: ContainerRecord) -> ContainerRecord | None:
        node: Any = Node(*records)
        return catchup.just_ended(node, pod, "c", int(now_s * SECOND))

    assert found(101, ended) is ended
    assert [found(106, ended), found(111, long_ended), found(101, ended, again), found(101)] == [None] * 4
