"""Answering others over HTTP: a server that can stop taking requests and finish those it has."""

from __future__ import annotations

import select
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .journal import Journal

if TYPE_CHECKING:
    import argparse
    import ssl
    from pathlib import Path

HANDSHAKE_S = 10.0


@dataclass(frozen=True)
class Request:
    """One request: *target* is path and query as they came, *headers* go by their names in Title-Case."""

    method: str
    target: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""
    gone: Callable[[float], bool] = field(default=lambda _seconds: False, compare=False)
    """Waits so many seconds at most for the client to hang up; whether it did."""

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    def query(self, name: str) -> str:
        """The first value of *name* in the query, or an empty string."""
        return parse_qs(urlsplit(self.target).query).get(name, [""])[0]


@dataclass(frozen=True)
class Response:
    """Status, body and its type, if any, to send; *notes* go into the line that reports the request."""

    body: bytes
    status: int = HTTPStatus.OK
    notes: Mapping[str, object] = field(default_factory=dict)
    content_type: str = ""


Respond = Callable[[Request], Response]
OK = Response(b"ok\n")


class WebServer:
    """
    Serves in the background from the moment it is made; OSError when the port is taken.

    Each request is a line of the journal unless *quiet*; health checks (``/healthz``) never are. With *tls* it speaks
    TLS, by ``tls.crt`` and ``tls.key`` of that folder.

    Attributes:
        port: Where it listens.
    """

    def __init__(
        self,
        listen: str,
        port: int,
        respond: Respond,
        journal: Journal,
        *,
        quiet: bool = False,
        tls: Path | None = None,
    ) -> None:
        self._server = _Server((listen, port), _handler(respond, journal, quiet))
        if tls is not None:
            self._server.tls = _tls(tls)
        self.port, self._closed = int(self._server.server_address[1]), False
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http", daemon=True).start()

    def close(self) -> None:
        """Take no new connection; those that wait to be taken are still answered. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._server.shutdown()
        self._server.timeout = 0
        for _ in range(self._server.request_queue_size):
            self._server.handle_request()
        self._server.server_close()

    def finish(self) -> None:
        """Return once every request that was taken is answered."""
        self._server.finish()


def port_of(options: argparse.Namespace, default: int) -> int:
    """Return ``--port``, or what the role listens on by itself; 0 lets the system choose a free one."""
    return default if options.port is None else int(options.port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # server_close would wait for every thread; finish does that, and only where it is wanted
    block_on_close = False
    # SO_REUSEADDR still refuses a port that somebody listens on, as it should
    allow_reuse_address = True
    request_queue_size = 64
    tls: ssl.SSLContext | None = None

    def __init__(self, *arguments: Any) -> None:
        self._busy, self._change = 0, threading.Condition()
        super().__init__(*arguments)

    def server_bind(self) -> None:
        # the base class looks up its own name here: seconds, where DNS does not answer
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        self._count(1)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            if self.tls is not None:
                request = self._shaken(self.tls, request, client_address)
            if request is not None:
                super().process_request_thread(request, client_address)
        finally:
            self._count(-1)

    def _shaken(self, tls: ssl.SSLContext, request: Any, client_address: Any) -> Any:
        """The connection once both sides have agreed; None, and closed, where they do not."""
        try:
            request.settimeout(HANDSHAKE_S)
            found = tls.wrap_socket(request, server_side=True)
            found.settimeout(None)
            return found
        except OSError:
            self.shutdown_request(request)
            return None

    def finish(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._busy == 0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # a client that hangs up before its answer is no error of this program
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def _count(self, change: int) -> None:
        with self._change:
            self._busy += change
            self._change.notify_all()


def _tls(folder: Path) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


def _hung_up(connection: socket.socket, within_s: float) -> bool:
    """
    Return whether the other side closes *connection* before *within_s* is over; what it sent meanwhile is left there.
    """
    if not select.select([connection], [], [], within_s)[0]:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True


def _handler(respond: Respond, journal: Journal, quiet: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "podlab-app", ""

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _answer(self, body: bytes) -> None:
            headers = {name.title(): value for name, value in self.headers.items()}
            peer = self.client_address[0]
            request = Request(
                self.command, self.path, body, headers, peer, partial(_hung_up, self.connection)
            )
            answer = respond(request)
            # noted before it is sent: whoever has the answer finds its line, and lines stand in the order of cause
            if not quiet and request.path != "/healthz":
                journal.say("request", path=self.path, status=int(answer.status), **answer.notes)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            if answer.content_type:
                self.send_header("Content-Type", answer.content_type)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """The journal speaks instead."""

    return Handler
