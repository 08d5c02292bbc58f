"""The HTTP side of the API server, on a real socket: framing, order, bounds, ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from podlab.embedded.api.http.connection import Connection, Hub

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]
SEEN: list[str] = []


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers method, path and body; ``/stream`` in parts, ``/wait`` when the client has gone, ``/never`` unread."""
    body, more = b"", True
    if scope["path"] == "/wait":
        while (await receive())["type"] != "http.disconnect":
            pass
        SEEN.append("gone")
        return
    if scope["path"] == "/never":
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    text = f"{scope['method']} {scope['path']} {len(body)}".encode()
    streams = scope["path"] == "/stream"
    text += b"".join(b" %b: %b" % header for header in scope["headers"] if header[0].startswith(b"x-"))
    length = [] if streams else [(b"content-length", str(len(text)).encode())]
    status = 404 if scope["path"] == "/none" else 200
    await send({"type": "http.response.start", "status": status, "headers": length})
    if streams:
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await send({"type": "http.response.body", "body": text})


def talk(words: Talk) -> Any:
    """Serve ``echo`` and let *words* be the client."""

    async def run() -> Any:
        hub = Hub(echo)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(hub, lambda: None, 30), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            return await asyncio.wait_for(words(reader, writer), 10)
        finally:
            writer.close()
            server.close()

    return asyncio.run(run())


def answers(request: bytes) -> bytes:
    """Everything that the server says to *request* until it closes."""

    async def words(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(request)
        return await reader.read()

    return bytes(talk(words))


CLOSE = b"Host: x\r\nConnection: close\r\n"


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    """Three requests in one packet, the first with a body."""
    first = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    rest = b"GET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\n" + CLOSE + b"\r\n"
    said = answers(first + rest)
    assert [said.find(word) > 0 for word in (b"POST /a 3", b"GET /b 0", b"GET /c 0")] == [True] * 3
    assert said.find(b"POST /a") < said.find(b"GET /b") < said.find(b"GET /c")


def test_a_body_in_chunks_is_put_together() -> None:
    """As ``curl -T -`` sends it."""
    head = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + CLOSE
    assert b"POST /a 5" in answers(head + b"\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")


def test_an_answer_without_a_length_goes_in_chunks() -> None:
    """Watches and logs do; every part leaves when it is there."""
    said = answers(b"GET /stream HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert said.endswith(b"4\r\npart\r\nd\r\nGET /stream 0\r\n0\r\n\r\n")
    assert b"transfer-encoding: chunked" in said


def test_a_head_request_gets_no_body() -> None:
    """Its length is still sent."""
    said = answers(b"HEAD /a HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert said.endswith(b"\r\n\r\n")
    assert b"content-length: 9" in said


def test_the_reason_phrase_follows_the_status() -> None:
    """The ``kubernetes`` package shows it to people."""
    assert answers(b"GET /none HTTP/1.1\r\n" + CLOSE + b"\r\n").startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_who_asks_before_sending_is_told_to_go_on() -> None:
    """``Expect: 100-continue``, which curl sends with large bodies."""

    async def words(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" + CLOSE + b"\r\n")
        went_on = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ok")
        return went_on + await reader.read()

    said = talk(words)
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert said.endswith(b"POST /a 2")


def test_a_header_without_an_end_is_refused() -> None:
    """It is kept before anybody is authenticated, so it is bounded."""

    async def words(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nX-Much: ")
        answer = asyncio.ensure_future(reader.read(512))
        while not answer.done():
            writer.write(b"x" * 4096)
            await asyncio.sleep(0)
        return await answer

    assert talk(words).startswith(b"HTTP/1.1 400 Bad Request")


def test_what_is_not_http_is_refused() -> None:
    """And the connection ends."""
    assert answers(b"\x16\x03\x01 not http\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request")


def test_the_application_hears_that_the_client_has_gone() -> None:
    """A watch must end with its client."""
    SEEN.clear()

    async def words(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0)
        writer.close()
        while not SEEN:
            await asyncio.sleep(0)

    talk(words)
    assert SEEN == ["gone"]


def test_old_http_closes_after_its_answer() -> None:
    """HTTP/1.0 has no kept connections."""
    said = answers(b"GET /a HTTP/1.0\r\n\r\n")
    assert b"connection: close" in said
    assert said.endswith(b"GET /a 0")
    said = answers(b"GET /stream HTTP/1.0\r\n\r\n")
    assert b"transfer-encoding" not in said
    assert said.endswith(b"\r\n\r\npartGET /stream 0")


def test_who_was_not_told_to_go_on_is_not_listened_to() -> None:
    """His next bytes are the body or the next request: nobody can know, so the connection ends with the answer."""
    asked = b"POST /never HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n"
    assert answers(asked).startswith(
        b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n"
    )


def test_what_follows_a_body_is_no_header() -> None:
    """A trailer could say who asks, after that was read; and nothing bounds how many come."""
    head = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-First: 1\r\n" + CLOSE
    assert answers(head + b"\r\n1\r\na\r\n0\r\nX-Late: 2\r\n\r\n").endswith(b"POST /a 1 x-first: 1")


def test_nonsense_behind_a_request_is_no_part_of_its_answer() -> None:
    """The client would take the refusal for what it asked for."""
    assert answers(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03 not http\r\n\r\n") == b""


def test_what_came_before_the_end_of_a_connection_is_not_acted_on() -> None:
    """TLS hands on what it had read when it is told to close; the answer to it could not leave any more."""

    class Closing(asyncio.Transport):
        def is_closing(self) -> bool:
            return True

    async def run() -> int:
        hub = Hub(echo)
        connection = Connection(hub, lambda: None, 30)
        connection.connection_made(Closing())
        connection.data_received(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.connection_lost(None)
        return len(hub.tasks)

    assert asyncio.run(run()) == 0
