"""Clients that are joined to a running container."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from podlab.embedded.api.streams import attaching


class Slow:
    """A client that takes nothing until it is told to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.willing = asyncio.Event()

    async def write(self, data: bytes) -> None:
        await self.willing.wait()
        self.taken.append(data)


def test_a_slow_client_misses_what_exceeds_its_bound_and_gets_what_comes_later() -> None:
    """4,096 chunks of 64 KiB were kept for each."""

    async def seen() -> tuple[int, bytes]:
        client: Any = Slow()
        nothing: Any = None
        joined = attaching.Attachment(nothing, client, {}, nothing, {}, wants_stdin=False)
        for _chunk in range(4096):
            joined._output(b"stdout", bytes(65536))
        behind = sum(len(data) for data in joined.queue._queue)  # type: ignore[attr-defined]
        client.willing.set()
        sending = asyncio.ensure_future(joined._send())
        while joined.queued_bytes:
            await asyncio.sleep(0)
        joined._output(b"stderr", b"last")
        while not client.taken or client.taken[-1] != b"\x02last":
            await asyncio.sleep(0)
        sending.cancel()
        return behind, client.taken[-1]

    behind, last = asyncio.run(seen())
    assert behind <= attaching.MAX_QUEUED_BYTES + 4096
    assert last == b"\x02last"


class Piped:
    """A client whose standard input is a pipe that ends; it stays for what comes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self._input = [b"\x00hello", b"\xff\x00"]

    async def read(self) -> bytes | None:
        if self._input:
            return self._input.pop(0)
        await asyncio.Event().wait()
        return None

    async def write(self, data: bytes) -> None:
        self.written.append(data)

    async def finish(self, status: dict[str, Any]) -> None:
        self.written.append(json.dumps(status).encode())


class Running:
    """A node with one container that writes back what it reads, and never ends."""

    runtime = logs_read = property(lambda self: self)

    def __init__(self) -> None:
        self.closed = 0
        self.read_end, self.write_end = os.pipe()

    def attach(self, _id: str, output: Callable[[bytes, bytes], None]) -> attaching.Attached:
        output(b"stdout", b"prompt")
        return self.write_end, self.close, lambda: None

    def close(self) -> None:
        self.closed += 1

    def record(self, *_: object) -> Any:
        return SimpleNamespace(state=None, finished_at=None)


@pytest.mark.parametrize(("once", "over"), [(False, True), (True, False)])
def test_a_client_without_more_input_is_done_unless_stdin_ends_with_it(once: bool, over: bool) -> None:
    """``kubectl run --attach --leave-stdin-open`` came back only when the container ended."""

    async def joined() -> tuple[Running, Piped, bool]:
        node, client = Running(), Piped()
        backend, record = SimpleNamespace(node=node), SimpleNamespace(id="c", started_at=1, finished_at=None)
        spec = {"stdin": True, "stdinOnce": once}
        made = attaching.Attachment(backend, client, {}, record, spec, wants_stdin=True)  # type: ignore[arg-type]
        running = asyncio.ensure_future(made.run())
        while not running.done() and (client._input or not client.written):
            await asyncio.sleep(0.01)
        for _turn in range(5):
            await asyncio.sleep(0.01)
        done = running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return node, client, done

    node, client, done = asyncio.run(joined())
    assert os.read(node.read_end, 100) == b"hello"
    assert done is over
    assert bool(node.closed) is once
    assert client.written[0] == b"\x01prompt"
    assert (b"Success" in client.written[-1]) is over
