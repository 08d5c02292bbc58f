"""The listening socket of the API server."""

from __future__ import annotations

import asyncio
import socket

from podlab.embedded.api import server


def test_answers_do_not_wait_for_delayed_acks() -> None:
    async def accepted_without_delay() -> bool:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sock = writer.get_extra_info("socket")
            found.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        sock = server.listen()
        async with await asyncio.start_server(connected, sock=sock):
            _, writer = await asyncio.open_connection(*sock.getsockname())
            writer.close()
            return bool(await asyncio.wait_for(found, 5))

    assert asyncio.run(accepted_without_delay())
