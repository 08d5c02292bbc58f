"""
The output of a container's first second, for the client of ``kubectl run -i`` that attaches in that second.

A real node tells of a start up to a second later: of a command that is over sooner, kubectl sees only the end and shows
the log. Here the start is told at once, and the same client attaches. So that it sees the same output, it gets what was
written since the start, less what it has just read of the log: kubectl does so before it attaches, since v1.36.
"""

from __future__ import annotations

from collections.abc import Iterator

from podlab.embedded.api.nodeconnection import NodeConnection
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods.raw import RawObject

SETTLE_NS = 1_000_000_000  # a kubelet lists its containers as often
RECENT_NS = 5 * SETTLE_NS
MOST_BYTES = 4 << 20


def is_young(record: ContainerRecord, now_ns: int) -> bool:
    """True of an instance that a real node might not yet have told of."""
    began = record.started_at or record.created_at
    return 0 <= now_ns - began < SETTLE_NS or (record.finished_at or now_ns) - began < SETTLE_NS


def just_ended(node: NodeConnection, pod: RawObject, container: str, now_ns: int) -> ContainerRecord | None:
    """Return the newest instance, where it lived for less than a second and ended a moment ago."""
    if node.runtime is None:
        return None
    records = [c for c in node.runtime.view(pod["metadata"]["uid"])[1] if c.name == container]
    newest = max(records, key=lambda c: c.attempt, default=None)
    if newest is None or newest.state is not ContainerState.EXITED or newest.finished_at is None:
        return None
    recent = now_ns - newest.finished_at < RECENT_NS
    return newest if recent and newest.started_at and is_young(newest, now_ns) else None


def earlier(record: ContainerRecord, position: int) -> Iterator[tuple[bytes, bytes]]:
    """(stream, bytes) of a log after *position*, as the container wrote them."""
    try:
        with open(record.log_path, "rb") as file:
            file.seek(position)
            data = file.read(MOST_BYTES)
    except OSError:
        return
    for line in data.split(b"\n")[:-1]:
        _, stream, tag, text = (*line.split(b" ", 3), b"", b"", b"")[:4]
        yield stream, text if tag == b"P" else text + b"\n"
