"""
A small real HTTP server that speaks the list and watch protocol of one resource, and breaks it on purpose.

``History`` is the truth: every change with its resourceVersion. ``Schedule`` says, from a seed, what happens to each
connection: cut at any byte, half-open, 410 in the stream or as status, replay, reorder, truncated JSON, slow drip,
refusals. When the faults of a schedule are used up, the server is honest, so a patient client can learn everything
that the server still knows.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

FAULTS = (
    "cut",
    "clean",
    "half-open",
    "gone-stream",
    "gone-status",
    "replay",
    "reorder",
    "truncated",
    "drip",
    "refused",
    "unavailable",
    "cut-list",
)


@dataclass(frozen=True)
class Change:
    """One change of one Pod: what the server would send on a watch."""

    version: int
    type: str
    uid: str
    line: bytes
    object: dict[str, Any]


class History:
    """The changes of a few Pods, made from a seed; versions grow by steps of 1 to 3, as in a shared etcd."""

    def __init__(
        self, seed: int, *, changes: int = 60, pods: int = 6, filler: int = 0, first: int = 1000
    ) -> None:
        rng = random.Random(seed)
        self.first, self.changes = first, list[Change]()
        alive: dict[str, dict[str, Any]] = {}
        version, serial = first, 0
        for _ in range(changes):
            version += rng.randint(1, 3)
            roll = rng.random()
            if len(alive) < 2 or (len(alive) < pods and roll < 0.25):
                serial += 1
                uid, kind = f"uid-{seed}-{serial}", "ADDED"
                alive[uid] = _pod(f"pod-{serial}", uid, filler)
            elif roll > 0.92:
                uid, kind = rng.choice(sorted(alive)), "DELETED"
            else:
                uid, kind = rng.choice(sorted(alive)), "MODIFIED"
            body = json.loads(json.dumps(alive[uid]))
            body["metadata"]["resourceVersion"] = str(version)
            body["status"]["note"] = rng.choice(["", "}", "{", '"\\', "}}{", "a\u00e9"])
            line = json.dumps(
                {"type": kind, "object": body}, separators=(",", ":"), ensure_ascii=False
            ).encode()
            self.changes.append(Change(version, kind, uid, line, body))
            if kind == "DELETED":
                del alive[uid]

    def state(self, count: int) -> tuple[int, list[dict[str, Any]]]:
        """Return the resourceVersion and the living Pods after the first *count* changes."""
        alive: dict[str, dict[str, Any]] = {}
        for change in self.changes[:count]:
            alive.pop(change.uid, None) if change.type == "DELETED" else alive.update(
                {change.uid: change.object}
            )
        return (self.changes[count - 1].version if count else self.first), list(alive.values())


def _pod(name: str, uid: str, filler: int) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "lab", "uid": uid, "resourceVersion": "0"},
        "spec": {"containers": [{"name": "app", "image": "busybox"}], "filler": "x" * filler},
        "status": {"phase": "Running"},
    }


@dataclass
class Schedule:
    """What happens to the connections of one run, in order; from a seed."""

    seed: int
    faults: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int) -> Schedule:
        """Two to six faults, the first kind going round so that each has its share of seeds."""
        rng = random.Random(seed * 7919 + 1)
        count = rng.randint(1, 5)
        return cls(seed, [FAULTS[seed % len(FAULTS)], *(rng.choice(FAULTS) for _ in range(count))])


class WatchServer:
    """Serves ``History`` on loopback under ``Schedule``; changes are published over *seconds*."""

    def __init__(self, history: History, schedule: Schedule | None = None, *, seconds: float = 0.4) -> None:
        self.history, self._faults = history, list(schedule.faults if schedule else [])
        self._rng = random.Random((schedule.seed if schedule else 0) * 31 + 7)
        self._seconds = seconds
        self._published, self._floor = 0, history.first
        self._lock = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._closed = False
        self.requests: list[str] = []
        self.used: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    # -- the truth ----------------------------------------------------------------------------------------

    def play(self) -> None:
        """Publish every change, evenly, from another thread."""
        threading.Thread(target=self._play, daemon=True).start()

    def _play(self) -> None:
        pause_s = self._seconds / max(1, len(self.history.changes))
        for count in range(1, len(self.history.changes) + 1):
            time.sleep(pause_s)
            with self._lock:
                self._published = count
                self._lock.notify_all()

    @property
    def done(self) -> bool:
        """Whether every change was published."""
        return self._published == len(self.history.changes)

    def close(self) -> None:
        """Close the listener and every connection."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in list(self._open):
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Stop answering anybody, with every connection left open: a machine that was put to sleep."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    # -- connections --------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._closed:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            if self._closed:
                return
            self._open.add(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = b""
            while b"\r\n\r\n" not in head:
                data = peer.recv(65536)
                if not data:
                    break
                head += data
            if head and not self._closed:
                self._answer(peer, head.split(b" ", 2)[1].decode())
        if not self._closed:
            self._open.discard(peer)
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()

    def _answer(self, peer: socket.socket, target: str) -> None:
        url = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        self.requests.append(target)
        if url.path == "/version":
            _reply(peer, 200, {"gitVersion": "v1.36.3"})
        elif not url.path.endswith("/pods"):
            self._empty(peer, query)
        elif query.get("watch", "").lower() == "true":
            self._watch(peer, int(query.get("resourceVersion") or 0))
        else:
            self._list(peer)

    def _empty(self, peer: socket.socket, query: dict[str, str]) -> None:
        if query.get("watch", "").lower() != "true":
            _reply(peer, 200, _listing("EventList", self.history.first, []))
            return
        peer.sendall(_STREAM_HEAD)
        with self._lock:
            self._lock.wait_for(lambda: self._closed)

    def _take_fault(self, *, listing: bool) -> str:
        with self._lock:
            if not self._faults or (self._faults[0] == "cut-list") != listing:
                return "" if listing or not self._faults or self._faults[0] != "cut-list" else self._skip()
            fault = self._faults.pop(0)
        self.used.append(fault)
        return fault

    def _skip(self) -> str:
        # "cut-list" waits for a list; a watch in the meantime is honest, but cut so that a list may come.
        self._faults.append(self._faults.pop(0))
        if all(fault == "cut-list" for fault in self._faults):
            self._faults.clear()
        return "cut"

    def _list(self, peer: socket.socket) -> None:
        fault = self._take_fault(listing=True)
        with self._lock:
            version, items = self.history.state(self._published)
        body = json.dumps(_listing("PodList", version, items)).encode()
        if fault:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            peer.sendall(body[: self._rng.randrange(len(body))])
            return
        _reply(peer, 200, body)

    def _watch(self, peer: socket.socket, since: int) -> None:
        fault = self._take_fault(listing=False)
        if fault in {"gone-stream", "gone-status"}:
            with self._lock:  # what was published so far is forgotten: a real loss
                self._floor = self.history.state(self._published)[0]
        if fault == "refused":
            return
        if fault == "unavailable":
            _reply(
                peer,
                self._rng.choice([500, 503]),
                _status(503, "ServiceUnavailable", "etcdserver: leader changed"),
            )
            return
        if 0 < since < self._floor:
            gone = _status(410, "Expired", f"too old resource version: {since} ({self._floor})")
            if fault == "gone-status" or (fault != "gone-stream" and self._rng.random() < 0.5):
                _reply(peer, 410, gone)
            else:
                peer.sendall(_STREAM_HEAD)
                peer.sendall(_chunk(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n"))
                peer.sendall(b"0\r\n\r\n")
            return
        _Stream(self, peer, fault, self._rng.randrange(1 << 30)).run(since)

    def wait_for_changes(self, count: int, timeout_s: float) -> list[Change]:
        """Return the changes published after the first *count*, waiting for one at most *timeout_s*."""
        with self._lock:
            self._lock.wait_for(lambda: self._published > count or self._closed, timeout_s)
            return self.history.changes[count : self._published]

    @property
    def closed(self) -> bool:
        """Whether no connection should be served any more."""
        return self._closed


class _Stream:
    """One watch connection with its fault."""

    def __init__(self, server: WatchServer, peer: socket.socket, fault: str, seed: int) -> None:
        self._server, self._peer, self._fault = server, peer, fault
        self._rng = random.Random(seed)
        # Where the fault strikes: a byte for "cut", an event for the others.
        self._bytes_left = self._rng.randint(0, 6000)
        self._events_left = self._rng.randint(0, 15)

    def run(self, since: int) -> None:
        changes = self._server.history.changes
        # Version 0: what there is now would come first; no client of these tests asks for that in mid-history.
        count = sum(1 for change in changes if change.version <= since)
        if self._fault == "replay":
            count = max(0, count - self._rng.randint(1, 20))
        if not self._send_raw(_STREAM_HEAD):
            return
        while not self._server.closed:
            if self._fault == "reorder":
                time.sleep(0.06)  # lets a few changes come together, so that there is something to disorder
            batch = self._server.wait_for_changes(count, 0.5)
            count += len(batch)
            if self._fault == "reorder" and batch:
                older = changes[max(0, count - len(batch) - self._rng.randint(0, 10)) : count - len(batch)]
                places = {
                    id(change): index + self._rng.uniform(0, 8)
                    for index, change in enumerate([*older, *batch])
                }
                batch = sorted([*older, *batch], key=lambda change: places[id(change)])
            for change in batch:
                if not self._send(change):
                    return
        self._peer.settimeout(None)

    def _send(self, change: Change) -> bool:
        if self._fault in {"clean", "half-open", "truncated", "reorder"} and self._events_left <= 0:
            return self._strike(change)
        self._events_left -= 1
        return self._send_raw(_chunk(change.line + b"\n"))

    def _strike(self, change: Change) -> bool:
        if self._fault == "half-open":
            while not self._server.closed:
                self._server.wait_for_changes(1 << 30, 0.5)
            return False
        if self._fault == "truncated":
            self._fault = ""
            cut = self._rng.randrange(1, len(change.line))
            return self._send_raw(_chunk(change.line[:cut] + b"\n"))
        self._send_raw(b"0\r\n\r\n")
        return False

    def _send_raw(self, data: bytes) -> bool:
        if self._fault == "cut":
            if len(data) >= self._bytes_left:
                self._peer.sendall(data[: self._bytes_left])
                if self._rng.random() < 0.5:  # half of the cuts are resets, the others ends of file
                    self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            self._bytes_left -= len(data)
        if self._fault == "drip":
            for start in range(0, len(data), 97):
                self._peer.sendall(data[start : start + 97])
                time.sleep(0.0005)
            return True
        self._peer.sendall(data)
        return True


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _listing(kind: str, version: int, items: list[dict[str, Any]]) -> dict[str, Any]:
    bare = [
        {key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in items
    ]
    return {"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": str(version)}, "items": bare}


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    }  # fmt: skip


def _reply(peer: socket.socket, code: int, body: dict[str, Any] | bytes) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    peer.sendall(head.encode() + b"Connection: close\r\n\r\n" + data)
