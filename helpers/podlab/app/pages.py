"""The pages of the servers that stand for a shop: what is on them, and the requests they understand."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from .files import put
from .journal import Journal
from .servers import OK, Request, Response

LONGEST_SLOW_S = 600.0


class PagePart(Protocol):
    """A part of the page: the fields that it adds for one request, and the notes for that request's line."""

    def fields(self, request: Request) -> dict[str, object]: ...


class Page:
    """
    One JSON object that names the server, this run's nonce and what its parts add.

    ``/ready`` is 503 while *ready* says no; ``/slow?s=2`` answers after two seconds; ``POST /reload`` reads
    the served file again; with *fail_every* N each Nth page is a 503. ``/healthz`` is always 200.
    """

    def __init__(
        self,
        name: str,
        journal: Journal,
        *,
        parts: Sequence[PagePart] = (),
        ready: Callable[[], bool] = lambda: True,
        fail_every: int = 0,
    ) -> None:
        self.identity: dict[str, object] = {"from": name, "host": socket.gethostname()}
        if journal.nonce:
            self.identity["nonce"] = journal.nonce
        self._parts, self._ready, self._fail_every = parts, ready, fail_every
        self._journal, self._asked, self._lock = journal, 0, threading.Lock()
        self._healthy_before = False

    def __call__(self, request: Request) -> Response:
        if request.path == "/healthz":
            self._first_health()
            return _page(self.identity)
        if request.path == "/ready":
            return _page(self.identity) if self._ready() else NOT_READY
        if request.path == "/reload" and request.method == "POST":
            return self._reload()
        if request.path == "/slow":
            time.sleep(min(float(request.query("s") or 1), LONGEST_SLOW_S))
        if self._fails_now():
            return Response(b"planted failure\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return self._whole(request)

    def _whole(self, request: Request) -> Response:
        added = [part.fields(request) for part in self._parts]
        fields = dict(self.identity)
        for more in added:
            fields |= more
        notes = {"cache": fields["cache"]} if "cache" in fields else {}
        status = HTTPStatus.SERVICE_UNAVAILABLE if fields.get("content", "") is None else HTTPStatus.OK
        return Response(json.dumps(fields).encode() + b"\n", status, notes)

    def _reload(self) -> Response:
        for part in self._parts:
            if isinstance(part, ServedFile):
                part.reload()
        return OK

    def _fails_now(self) -> bool:
        with self._lock:
            self._asked += 1
            return bool(self._fail_every) and self._asked % self._fail_every == 0

    def _first_health(self) -> None:
        """The first good answer is evidence in a graded run; the later ones would only fill the log."""
        with self._lock:
            first, self._healthy_before = not self._healthy_before, True
        if first and self._journal.nonce:
            self._journal.say("first-healthy")


NOT_READY = Response(b"not ready\n", HTTPStatus.SERVICE_UNAVAILABLE)


def _page(fields: dict[str, object]) -> Response:
    return Response(json.dumps(fields).encode() + b"\n")


class ServedFile:
    """
    A file as it was when it was last read: at the start and at each reload, or *fresh* at each request.

    Each reading is a line: ``file`` at the start, ``reload`` with its number afterwards; both carry the
    SHA-256 of what was read.
    """

    def __init__(self, file: Path, journal: Journal, *, fresh: bool = False) -> None:
        self._file, self._journal, self._fresh = file, journal, fresh
        self._reloads, self._lock = 0, threading.Lock()
        self._content = self._read()
        self._say("file", self._content)

    def fields(self, request: Request) -> dict[str, object]:
        content = self._read() if self._fresh else self._content
        return {"content": None if content is None else _parsed(content)}

    def reload(self) -> None:
        """Read the file again and count it."""
        with self._lock:
            before, self._content = self._content, self._read()
            self._reloads += 1
            self._say("reload", self._content, count=self._reloads, changed=before != self._content)

    def _read(self) -> bytes | None:
        try:
            return self._file.read_bytes()
        except OSError:
            return None

    def _say(self, event: str, content: bytes | None, **more: object) -> None:
        known = {"missing": True} if content is None else _measured(content)
        self._journal.say(event, file=str(self._file), **known, **more)


class Variable:
    """A variable of the environment: it is what it was when the container started, for ever."""

    def __init__(self, name: str) -> None:
        self._shown = {name: os.environ.get(name)}

    def fields(self, request: Request) -> dict[str, object]:
        return {"env": self._shown}


class Orders:
    """The shop's own data: a file ``orders`` below *folder*, to which each sale adds one line."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._file, self._journal = folder / "orders", journal
        folder.mkdir(parents=True, exist_ok=True)
        journal.say("orders", file=str(self._file), found=self._count())

    def fields(self, request: Request) -> dict[str, object]:
        return {"orders": self._count()}

    def add(self) -> None:
        """Append the next order."""
        with self._file.open("a") as file:
            file.write(json.dumps({"order": self._count() + 1, "nonce": self._journal.nonce}) + "\n")

    def _count(self) -> int:
        return len(self._file.read_bytes().splitlines()) if self._file.exists() else 0


class Cache:
    """
    Pages kept in a folder: ``/page-7`` is the file ``page-7``, every other path is ``page-1``.

    A miss takes *miss_takes_s* seconds and leaves the page in the folder, so the second request hits.
    """

    def __init__(self, folder: Path, journal: Journal, miss_takes_s: float = 0.0) -> None:
        self._folder, self._journal, self._miss_takes_s = folder, journal, miss_takes_s

    def fields(self, request: Request) -> dict[str, object]:
        name = request.path.strip("/")
        file = self._folder / (name if name.startswith("page-") and "/" not in name else "page-1")
        hit = file.is_file()
        if not hit:
            self._fill(file)
        return {"cache": "hit" if hit else "miss", "cached": file.read_text(errors="replace").strip()}

    def _fill(self, file: Path) -> None:
        time.sleep(self._miss_takes_s)
        file.parent.mkdir(parents=True, exist_ok=True)
        put(file, f"{file.name} made on demand\n".encode())


def _measured(content: bytes) -> dict[str, object]:
    import hashlib  # loads OpenSSL: only for a shop that serves a file

    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _parsed(content: bytes) -> object:
    text = content.decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
