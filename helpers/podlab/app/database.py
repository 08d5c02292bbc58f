"""The toy database: one question a line, one answer a line."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections import Counter
from typing import Any

from .journal import Journal

STARTING = "ERROR the database system is starting up"


class Database:
    """
    Listens from the moment it is made; OSError when the port is taken.

    The port accepts connections at once; for *answers_after_s* seconds every query gets ``ERROR``, as a
    database does that is still recovering. ``STATS`` is answered with ``{"queries": N, "connections": N}``
    and, where the journal has one, the nonce; every other query with ``1``. Each connection and each query
    is a line of the journal.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, listen: str, port: int, answers_after_s: float, journal: Journal) -> None:
        self._journal = journal
        self._answers_at = time.monotonic() + answers_after_s
        self._counts, self._lock = Counter(connections=0, queries=0), threading.Lock()
        server = _server(listen, port, self)
        self.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.05,), name="database", daemon=True).start()

    def connected(self, peer: str) -> None:
        """Note a connection."""
        self._count("connections")
        self._journal.say("connection", peer=peer)

    def answer(self, question: str, peer: str) -> str:
        """Answer one line and note it."""
        up = time.monotonic() >= self._answers_at
        self._count("queries")
        self._journal.say("query", text=question[:100], answered=up, peer=peer)
        if not up:
            return STARTING
        return self._statistics() if question.upper() == "STATS" else "1"

    def _statistics(self) -> str:
        with self._lock:
            return json.dumps(
                {**self._counts, **({"nonce": self._journal.nonce} if self._journal.nonce else {})}
            )

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def _server(listen: str, port: int, database: Database) -> socketserver.ThreadingTCPServer:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            peer = str(self.client_address[0])
            database.connected(peer)
            for line in self.rfile:
                question = line.decode(errors="replace").strip()
                self.wfile.write(database.answer(question, peer).encode() + b"\n")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore a client that resets its connection, as a probe of the port does."""

    return Server((listen, port), Handler)
