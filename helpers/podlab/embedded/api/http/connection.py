"""
One client's connection: HTTP/1.1 by httptools' parser, each request to the ASGI application, its answer back.

Requests that a client sends ahead are answered in their order. uvicorn serves WebSockets, and is loaded at the first
upgrade. Its own HTTP protocol (0.54, tried with the tests of this module) does not bound the headers of a request in
bytes or in time, takes the trailers of a body for headers, writes its 400 into an answer that is under way, sends
chunks to HTTP/1.0, and keeps a connection whose announced body it never asked for: 5 of 14 tests fail. Loading it
costs 63 ms and 5 MB besides.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import httptools

KEEP_ALIVE_S = 120  # Go's client keeps an idle connection for 90 s
MAX_HEADER_BYTES = 64 * 1024
MAX_UNREAD_BYTES = 64 * 1024  # of a body that the application has not asked for
LENIENT = {"lenient_data_after_close": True}

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
_STATUS_LINES = {200: b"HTTP/1.1 200 OK\r\n", 201: b"HTTP/1.1 201 Created\r\n"}


class Hub:
    """The state that the connections of one server share; uvicorn's WebSocket protocol asks for it by these names."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.connections: set[Any] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.default_headers: list[tuple[bytes, bytes]] = []


class Exchange:
    """One request and its answer; ``receive`` and ``send`` are what the application gets."""

    def __init__(
        self, connection: Connection, scope: dict[str, Any], *, keep_alive: bool, waits: bool
    ) -> None:
        self.scope = scope
        self.more_body = True
        self.gone = False  # the client
        self.answered = False
        self.news = asyncio.Event()
        self._connection = connection
        self._keep_alive, self._waits = keep_alive, waits  # for "100 Continue"
        self._body = bytearray()
        self._head = b""  # kept until the body's first part, so that both leave in one write
        self._started = self._chunked = False

    async def run(self, app: App) -> None:
        """Let the application answer; a fault of its own costs the client this connection."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:  # told on stderr, which is the daemon's log
            traceback.print_exc(file=sys.stderr)
        if not self.answered and not self.gone:
            self._connection.transport.close()

    def take(self, data: bytes) -> None:
        """A part of the request's body has come."""
        self._body += data
        if len(self._body) > MAX_UNREAD_BYTES:
            self._connection.pause_reading()
        self.news.set()

    def lose(self) -> None:
        """The client has gone."""
        self.gone = True
        self.news.set()

    def close_after(self) -> None:
        """This answer is the connection's last."""
        self._keep_alive = False

    async def receive(self) -> dict[str, Any]:
        """Return the next part of the body, or that the client has gone or has its answer."""
        if self._waits:
            self._waits = False
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self.gone and not self.answered:
            self._connection.resume_reading()
            await self.news.wait()
            self.news.clear()
        if self.gone or self.answered:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: dict[str, Any]) -> None:
        """Head of the answer, then its body, in one part or several."""
        await self._connection.writable.wait()
        if self.gone:
            return
        if not self._started:
            if self._waits:  # never told to go on: its body may come yet or not, so nothing can follow
                self._keep_alive = False
            self._started, self._waits = True, False
            self._head = self._answer_head(message["status"], message["headers"])
            return
        last = not message.get("more_body", False)
        data = self._framed(message.get("body", b""), last)
        self._connection.transport.write(self._head + data)
        self._head = b""
        if last:
            self.answered = True
            self.news.set()
            self._connection.answered(keep=self._keep_alive)

    def _answer_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        lines = [_status_line(status)]
        names = set()
        for name, value in headers:
            if b"\r" in value or b"\n" in value:
                raise ValueError(f"a header's value breaks its line: {value!r}")
            names.add(name)
            lines += [name, b": ", value, b"\r\n"]
        # HTTP/1.0 knows no chunks: there, the connection's end is the body's.
        if b"content-length" not in names and self.scope["http_version"] != "1.0":
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        if not self._keep_alive:
            lines.append(b"connection: close\r\n")
        return b"".join((*lines, b"\r\n"))

    def _framed(self, body: bytes, last: bool) -> bytes:
        if self.scope["method"] == "HEAD":
            return b""
        if not self._chunked:
            return body
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return chunk + b"0\r\n\r\n" if last else chunk


class Connection(asyncio.Protocol):
    """
    The protocol of one connection; ``on_…`` are the parser's callbacks.

    Args:
        hub: What the server's connections share.
        upgrade: Makes the protocol that goes on when the client asks for a WebSocket.
        headers_s: How long the headers of a request may take, from the connection or from their first byte.
    """

    def __init__(self, hub: Hub, upgrade: Callable[[], Any], headers_s: float) -> None:
        self._hub, self._make_upgrade, self._headers_s = hub, upgrade, headers_s
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        if hasattr(self._parser, "set_dangerous_leniencies"):  # httptools 0.6.3
            self._parser.set_dangerous_leniencies(**LENIENT)
        self.transport: Any = None
        self.writable = asyncio.Event()
        self.writable.set()
        self._paused = False
        self._patience: asyncio.TimerHandle | None = None
        self._current: Exchange | None = None  # being answered
        self._newest: Exchange | None = None  # being read
        self._ahead: deque[Exchange] = deque()
        self._url = b""
        # Size and time of headers are limited: the client is not authenticated yet.
        self._awaits_head = True
        self._head_bytes: int | None = None  # how much of one has come, while it comes
        self._headers: list[tuple[bytes, bytes]] = []

    # -- asyncio ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = transport
        self._hub.connections.add(self)
        self._wait(self._headers_s)

    def connection_lost(self, _error: Exception | None) -> None:
        """It has gone; who answers it is told."""
        self._hub.connections.discard(self)
        self._ahead.clear()
        if self._current:
            self._current.lose()
        self.writable.set()
        self._stay()
        self._parser = None

    def data_received(self, data: bytes) -> None:
        """Some bytes of requests."""
        if self.transport.is_closing():  # TLS hands on what had come before; it must not be acted on any more
            return
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEADER_BYTES:
                self._refuse()
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._wants_websocket():
                self._upgrade()
        except httptools.HttpParserError:
            self._refuse()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.writable.set()

    # -- the parser ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._newest = None
        self._url, self._headers = b"", []
        self._head_bytes = 0
        if not self._awaits_head:
            self._awaits_head = True
            self._wait(self._headers_s)

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; trailers after a body in chunks are left out."""
        if self._awaits_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The request can be answered; its body may follow."""
        self._awaits_head, self._head_bytes = False, None
        self._stay()
        if self._parser.should_upgrade() and self._wants_websocket():
            return
        version = self._parser.get_http_version()
        keep_alive = version != "1.0" and self._parser.should_keep_alive()
        waits = any(name == b"expect" and value.lower() == b"100-continue" for name, value in self._headers)
        self._newest = Exchange(self, self._scope(version), keep_alive=keep_alive, waits=waits)
        if self._current is None:
            self._begin(self._newest)
        else:
            self._ahead.append(self._newest)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        if self._newest and not self._newest.answered:
            self._newest.take(body)

    def on_message_complete(self) -> None:
        """All of it is read."""
        if self._newest:
            self._newest.more_body = False
            self._newest.news.set()

    def _scope(self, version: str) -> dict[str, Any]:
        target = httptools.parse_url(self._url)
        path = target.path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "scheme": "https",
            "method": self._parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": target.path,
            "query_string": target.query or b"",
            "root_path": "",
            "headers": self._headers,
        }

    # -- answering -------------------------------------------------------------------------------------------

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        task = self._loop.create_task(exchange.run(self._hub.app))
        self._hub.tasks.add(task)
        task.add_done_callback(self._hub.tasks.discard)

    def answered(self, *, keep: bool) -> None:
        """The present request has its whole answer: on to the next, or wait for one."""
        self._current = None
        if not keep:
            self.transport.close()
        if self.transport.is_closing():
            return
        self.resume_reading()
        if self._ahead:
            self._begin(self._ahead.popleft())
        elif not self._awaits_head:
            self._wait(KEEP_ALIVE_S)

    def pause_reading(self) -> None:
        """Take no more from the client for now."""
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        if self._paused:
            self._paused = False
            self.transport.resume_reading()

    def shutdown(self) -> None:
        """The server ends: close now, or after the present answer."""
        if self._current is None:
            self.transport.close()
        else:
            self._current.close_after()

    def _wait(self, seconds: float) -> None:
        """Close when nothing more has come in that time."""
        self._stay()
        self._patience = self._loop.call_later(seconds, self.transport.close)

    def _stay(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self) -> None:
        text = b"Invalid HTTP request received."
        head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
        head += b"content-length: %d\r\nconnection: close\r\n\r\n" % len(text)
        # Behind a request that is being answered it would be taken for that answer, or for a part of it.
        if self._current is None:
            self.transport.write(head + text)
        self.transport.close()

    # -- WebSockets ------------------------------------------------------------------------------------------

    def _wants_websocket(self) -> bool:
        given = dict(self._headers)
        words = [word.strip().lower() for word in given.get(b"connection", b"").split(b",")]
        return b"upgrade" in words and given.get(b"upgrade", b"").lower() == b"websocket"

    def _upgrade(self) -> None:
        """Hand the connection, and the request again, to the WebSocket protocol."""
        self._hub.connections.discard(self)
        lines = [b"%b %b HTTP/1.1\r\n" % (self._parser.get_method(), self._url)]
        lines += [b"%b: %b\r\n" % header for header in self._headers]
        protocol = self._make_upgrade()
        protocol.connection_made(self.transport)
        protocol.data_received(b"".join((*lines, b"\r\n")))
        self.transport.set_protocol(protocol)


def _status_line(status: int) -> bytes:
    known = _STATUS_LINES.get(status)
    if known is None:
        from http import HTTPStatus

        known = b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())
        _STATUS_LINES[status] = known
    return known
