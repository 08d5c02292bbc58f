"""
Container output to CRI log files: ``<RFC3339Nano> stdout F line``, as containerd writes them.

A line longer than 16 KiB, and what stands before the end of the stream without a newline, is tagged ``P`` (partial).
A file is bounded: beyond ``max_bytes`` it becomes ``<path>.1``. A container that writes without end is read at a
bounded rate; then its own pipe is full and the kernel makes it wait, and nobody else.

Source: containerd internal/cri/io/logger.go (redirectLogs), read at v2.2.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

from podlab.embedded import clock

_MAX_LINE = 16 * 1024
_CHUNK = 64 * 1024
# Per container and second; above it the pipe is left alone until the second is over.
_LINES_PER_S, _BYTES_PER_S = 40_000, 16 << 20


def timestamp(at: int) -> str:
    """RFC3339 with nanoseconds, UTC, of *at* nanoseconds since the epoch."""
    seconds, nanoseconds = divmod(at, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds:09d}Z"


class LogFile:
    """
    One container's log; never raises for a full disk: lines are then dropped, as on a real node.

    Attributes:
        refused: How often that was.
    """

    def __init__(self, path: str, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        self.refused = 0
        try:
            self._descriptor = self._open()
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size
        self._second, self._prefix = -1, b""

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)

    def write(self, stream: bytes, pieces: list[tuple[bytes, bytes]]) -> None:
        """Append *pieces* (tag, text) of *stream*, all with the present time."""
        seconds, nanoseconds = divmod(clock.now_ns(), 1_000_000_000)
        if seconds != self._second:
            self._second = seconds
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode()
        head = b"%s.%09dZ %s " % (self._prefix, nanoseconds, stream)
        data = b"".join([head + tag + b" " + text + b"\n" for tag, text in pieces])
        try:
            os.write(self._descriptor, data)
        except OSError:
            self.refused += 1
            return
        self._size += len(data)
        if self._size > self._max_bytes:
            self._rotate()

    def _rotate(self) -> None:
        try:
            os.replace(self._path, self._path + ".1")
            fresh = self._open()
        except OSError:
            return
        os.close(self._descriptor)
        self._descriptor, self._size = fresh, 0

    def close(self) -> None:
        """Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _cut(line: bytes, pieces: list[tuple[bytes, bytes]]) -> bytes:
    """Put what is beyond a full line's length into *pieces* and return the rest."""
    while len(line) > _MAX_LINE:
        pieces.append((b"P", line[:_MAX_LINE]))
        line = line[_MAX_LINE:]
    return line


class Stream:
    """Reads one pipe into a log file; *on_end* is called once, at its end."""

    def __init__(self, descriptor: int, name: bytes, log: LogFile, on_end: Callable[[Stream], None]) -> None:
        self.descriptor, self.name, self._log, self._on_end = descriptor, name, log, on_end
        self.rest = b""
        self._loop = asyncio.get_running_loop()
        self._second, self._lines, self._bytes = 0.0, 0, 0
        self.listeners: list[
            Callable[[bytes, bytes], None]
        ] = []  # attached clients: (stream, bytes) as they come
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._readable)

    def _readable(self) -> None:
        if not self._read():
            return
        now = self._loop.time()
        if now - self._second >= 1:
            self._second, self._lines, self._bytes = now, 0, 0
        elif self._lines > _LINES_PER_S or self._bytes > _BYTES_PER_S:
            self._loop.remove_reader(self.descriptor)
            self._loop.call_at(self._second + 1, self._resume)

    def _resume(self) -> None:
        if self.descriptor >= 0:
            self._loop.add_reader(self.descriptor, self._readable)

    def _read(self) -> bool:
        """Take one chunk; False if absent."""
        try:
            data = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # a terminal whose other side is closed says EIO
        if not data:
            self._end()
            return False
        self._bytes += len(data)
        for listener in self.listeners:
            listener(self.name, data)
        self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        pieces: list[tuple[bytes, bytes]] = []
        for line in lines:
            pieces.append((b"F", _cut(line, pieces)))
        self.rest = _cut(self.rest, pieces)
        self._lines += len(pieces)
        if pieces:
            self._log.write(self.name, pieces)

    def drain(self) -> None:
        """Take what is in the pipe now: its writer has ended. At most one pipe's worth."""
        for _chunk in range(32):
            if self.descriptor < 0 or not self._read():
                return

    def _end(self) -> None:
        if self.rest:
            self._log.write(self.name, [(b"P", self.rest)])
            self.rest = b""
        self.close()
        self._on_end(self)

    def finish(self) -> None:
        """Write what is left of the last line and stop reading; idempotent."""
        if self.descriptor >= 0:
            self._end()

    def close(self) -> None:
        """Stop reading; idempotent."""
        if self.descriptor >= 0:
            self._loop.remove_reader(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1
