"""Counting the lines that a sink takes: which sequence numbers came from whom, and which are missing."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .journal import Journal
from .servers import Request, Response

GAPS_SHOWN = 50


@dataclass
class Arrived:
    """The numbers of one source. Numbers begin at 1; what is below the highest and did not come is missing."""

    nonce: str | None = None
    received: int = 0
    numbers: set[int] = field(default_factory=set)
    highest: int = 0
    last_event: str | None = None

    def add(self, line: dict[str, Any]) -> None:
        """Count one line."""
        self.received += 1
        if line["seq"] > self.highest:
            self.highest, self.last_event = line["seq"], line.get("event")
        self.numbers.add(line["seq"])

    def summary(self) -> dict[str, object]:
        """Return the counts; ``last`` is the event of the highest number, ``in_a_row`` the longest run."""
        missing = sorted(set(range(1, self.highest + 1)) - self.numbers)
        return {
            "nonce": self.nonce,
            "received": self.received,
            "distinct": len(self.numbers),
            "lowest": min(self.numbers, default=None),
            "highest": self.highest or None,
            "in_a_row": longest_run(self.numbers),
            "missing": missing[:GAPS_SHOWN],
            "missing_total": len(missing),
            "doubled": self.received - len(self.numbers),
            "last": self.last_event,
        }


class LineCounter:
    """
    Takes lines by POST, to whatever path, as they are or in gzip; ``GET /count`` gives all counts.

    A line is a JSON object with an integer ``seq``, alone or inside of something that wraps lines (a syslog
    line that ends in it, an OTLP document). Its source is ``pod/role/run`` as far as the line says them.
    Each POST is one line of the journal per source, with the source's counts so far; the ``nonce`` of that
    line is the nonce of the lines that came.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal, self._lock = journal, threading.Lock()
        self._sources: dict[str, Arrived] = {}
        self._unnumbered = 0

    def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            packed = request.headers.get("Content-Encoding") == "gzip"
            self.take(gzip.decompress(request.body) if packed else request.body, request.peer)
        return Response(json.dumps(self.count()).encode() + b"\n")

    def take(self, body: bytes, peer: str) -> None:
        """Count the lines of *body*."""
        with self._lock:
            touched = dict.fromkeys(self._add(line) for line in body.splitlines() if line.strip())
            for source in filter(None, touched):
                self._journal.say("received", source=source, peer=peer, **self._sources[source].summary())
            if None in touched:
                self._journal.say("unnumbered", peer=peer, count=self._unnumbered)

    def count(self) -> dict[str, object]:
        """Return the counts over all sources, and of each."""
        with self._lock:
            every = Arrived(received=sum(one.received for one in self._sources.values()))
            every.numbers = set().union(*(one.numbers for one in self._sources.values()))
            every.highest = max(every.numbers, default=0)
            whole = every.summary()
            return {
                **{name: whole[name] for name in ("received", "distinct", "missing")},
                "sources": {name: one.summary() for name, one in self._sources.items()},
            }

    def _add(self, text: bytes) -> str | None:
        source = None
        for line in numbered(_parsed(text)):
            source = "/".join(str(line[part]) for part in ("pod", "role", "run") if part in line) or "-"
            self._sources.setdefault(source, Arrived(line.get("nonce"))).add(line)
        self._unnumbered += source is None
        return source


def take_syslog(listen: str, port: int, sink: LineCounter) -> int:
    """Take lines over TCP as well, one message a line, as rsyslog's omfwd sends them; return the port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                sink.take(line, str(self.client_address[0]))

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    server = Server((listen, port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), name="syslog", daemon=True).start()
    return int(server.server_address[1])


def numbered(value: object) -> Iterator[dict[str, Any]]:
    """Yield each object with an integer ``seq`` in *value*: itself, what it holds, or JSON text in it."""
    if isinstance(value, dict):
        if type(value.get("seq")) is int:
            yield value
        else:
            for inner in value.values():
                yield from numbered(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbered(inner)
    elif isinstance(value, str) and '"seq"' in value:
        yield from numbered(_parsed(value.encode()))


def longest_run(numbers: set[int]) -> int:
    """Return the length of the longest run of consecutive numbers."""
    best = run = 0
    for number in sorted(numbers):
        run = run + 1 if number - 1 in numbers else 1
        best = max(best, run)
    return best


def _parsed(text: bytes) -> object:
    """The JSON that *text* is, or ends in after a prefix of another form; None if absent."""
    for begin in (0, text.find(b"{")):
        try:
            return json.loads(text[max(begin, 0) :])
        except ValueError:
            continue
    return None
