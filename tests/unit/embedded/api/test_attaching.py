"""Clients that are joined to a running container."""

from __future__ import annotations

import asyncio
from typing import Any

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
