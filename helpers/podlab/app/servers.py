"""Answering others: pages, files, the toy database and the sink that counts what arrives."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .journal import Journal

# path, body of a POST (empty for GET) -> status, body
Answer = tuple[int, bytes]
Respond = Callable[[str, bytes], Answer]


def serve_http(listen: str, port: int, respond: Respond, journal: Journal, *, quiet: bool = False) -> int:
    """
    Serve in the background and return the port; OSError when it is taken.

    Each request is a line of the journal unless *quiet*; health checks (``/healthz``) never are.
    """

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "podlab-app", ""

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _answer(self, body: bytes) -> None:
            status, text = respond(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            if not quiet and self.path != "/healthz":
                journal.say("request", path=self.path, status=status)

        def log_message(self, *_: object) -> None:
            """The journal speaks instead."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # SO_REUSEADDR still refuses a port that somebody listens on, as it should
        allow_reuse_address = True

        def server_bind(self) -> None:
            # the base class looks up its own name here: seconds, where DNS does not answer
            socketserver.TCPServer.server_bind(self)
            self.server_name, self.server_port = listen, self.server_address[1]

    server = Server((listen, port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), name="http", daemon=True).start()
    return int(server.server_address[1])


def page(name: str, ready_file: Path | None = None) -> Respond:
    """Respond with one line that names the server; ``/ready`` is 503 while *ready_file* is missing."""
    text = json.dumps({"from": name, "host": socket.gethostname()}).encode() + b"\n"

    def respond(path: str, body: bytes) -> Answer:
        if path == "/ready" and ready_file is not None and not ready_file.exists():
            return HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n"
        return HTTPStatus.OK, text

    return respond


def files(folder: Path, *, broken: int = 0) -> Respond:
    """Respond with the files below *folder*; the first *broken* answers are only half of the file."""
    left = [broken]

    def respond(path: str, body: bytes) -> Answer:
        if path == "/healthz":
            return HTTPStatus.OK, b"ok\n"
        wanted = (folder / path.partition("?")[0].lstrip("/")).resolve()
        if not wanted.is_relative_to(folder.resolve()) or not wanted.is_file():
            return HTTPStatus.NOT_FOUND, b"no such file\n"
        data = wanted.read_bytes()
        if left[0] > 0:
            left[0] -= 1
            return HTTPStatus.OK, data[: len(data) // 2]
        return HTTPStatus.OK, data

    return respond


def sink() -> Respond:
    """Take lines by POST; ``GET /count`` tells how many came and which sequence numbers are missing."""
    seen: list[int] = []
    lock = threading.Lock()

    def respond(path: str, body: bytes) -> Answer:
        with lock:
            seen.extend(_numbers(body))
            present = set(seen)
        whole = set(range(1, max(present, default=0) + 1))
        count = {"received": len(seen), "distinct": len(present), "missing": sorted(whole - present)[:50]}
        return HTTPStatus.OK, json.dumps(count).encode() + b"\n"

    return respond


def _numbers(body: bytes) -> list[int]:
    numbers = []
    for line in body.splitlines():
        try:
            numbers.append(int(json.loads(line)["seq"]))
        except (ValueError, KeyError, TypeError):
            continue  # a line of another form was taken, it just has no number to count
    return numbers


def serve_database(listen: str, port: int, answers_after_s: float, journal: Journal) -> int:
    """
    Open the toy database and return its port: one question a line, one answer a line.

    The port accepts connections at once; for *answers_after_s* seconds every query gets ``ERROR``, as a
    database does that is still recovering.
    """
    opened = time.monotonic()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                up = time.monotonic() - opened >= answers_after_s
                answer = "1" if up else "ERROR the database system is starting up"
                self.wfile.write(answer.encode() + b"\n")
                journal.say("query", text=line.decode(errors="replace").strip()[:100], answered=up)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    server = Server((listen, port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), name="database", daemon=True).start()
    return int(server.server_address[1])
