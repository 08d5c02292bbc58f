"""The listening socket of the API server."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from podlab.embedded import pki
from podlab.embedded.api.http import request, server
from podlab.embedded.fault import StatusError


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


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """No request comes that far."""


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_connection_without_a_whole_head_is_ended(tmp_path: Path, sent: bytes) -> None:
    """Nobody is authenticated yet, so nobody may keep one open for ever."""

    async def seen() -> bytes:
        context = server.tls(*pki.certificate(str(tmp_path / "pki")))
        sock = server.listen()
        running = server.Server(_nothing, sock, context, headers_s=0.2)
        await running.start()
        try:
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            reader, writer = await asyncio.open_connection(*sock.getsockname(), ssl=trusting)
            writer.write(sent)
            async with asyncio.timeout(10):
                return await reader.read()
        finally:
            await running.close()

    assert asyncio.run(seen()) == b""


def test_a_body_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "BODY_S", 0.1)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    asked = request.Request({"path": "/", "headers": []}, receive, _nothing)  # type: ignore[arg-type]
    with pytest.raises(StatusError) as caught:
        asyncio.run(asked.body())
    assert (caught.value.code, caught.value.status["reason"]) == (504, "Timeout")
