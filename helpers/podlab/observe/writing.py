"""
Writes a recording: one line per observation, each handed to the system as soon as it is known.

A line is written whole or, if the process is killed in that very moment, as the last, broken one. The file's last
line says how the recording ended; without it, it was cut short. The file is locked while it is written, so a
second recorder with the same name is refused instead of taking the first one's place.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from podlab import files, paths
from podlab.errors import RecordingError
from podlab.version import __version__

SCHEMA = 1


def encode(body: dict[str, Any]) -> bytes:
    """Return *body* as one compact line of JSON, without newline."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape")


class Sink(Protocol):
    """Where a watch writes: a recording, or what hands its lines on to several."""

    def now(self) -> float:
        """Return seconds since it began."""

    def raw(self, lines: list[bytes]) -> None:
        """Take *lines*, each a whole JSON object without newline."""

    def mark(self, event: str, **fields: Any) -> None:
        """Take one observation of the watch itself, such as a gap."""


class Writer:
    """
    An open recording; safe to share between threads.

    Args:
        path: Replaced at once by a file that holds *header*; its folder is made.
        header: All but kind, schema, podlab and started_at, which are added.
        keep: Also hold each line for ``take()``, for a listener in this process.

    Raises:
        RecordingError: If the file cannot be written, or another recorder is writing it.
    """

    def __init__(self, path: Path, header: dict[str, Any], *, keep: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._kept: deque[bytes] | None = deque() if keep else None
        self.started_at = datetime.now(UTC)
        self.started = time.monotonic()
        self.lines = 0
        self.closed = False
        first = {"kind": "podlab.recording", "schema": SCHEMA, "podlab": __version__}
        stamp = self.started_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        self.header = {**first, **header, "started_at": stamp}
        try:
            paths.refuse_no_file(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            with _kept_from_others(path):
                self._file = _begin(path, encode(self.header) + b"\n")
        except OSError as error:
            raise _cannot_write(path, error) from error

    def now(self) -> float:
        """Return seconds since the recording began."""
        return time.monotonic() - self.started

    def raw(self, lines: list[bytes]) -> None:
        """Write *lines*, each a whole JSON object without newline, in one go."""
        data = b"\n".join(lines) + b"\n"
        with self._lock:
            if self.closed:
                return
            try:
                while data:
                    data = data[os.write(self._file, data) :]
            except OSError as error:
                raise _cannot_write(self.path, error) from error
            self.lines += len(lines)
            if self._kept is not None:
                self._kept.extend(lines)

    def observe(self, body: dict[str, Any]) -> None:
        """Write one observation; ``t`` is added where it is missing."""
        if "t" not in body:
            body = {"t": round(self.now(), 6), **body}
        self.raw([encode(body)])

    def mark(self, event: str, **fields: Any) -> None:
        """Write one observation of the recorder itself, such as a gap."""
        self.observe({"t": round(self.now(), 6), "source": "recorder", "event": event, **fields})

    def take(self) -> list[bytes]:
        """Return the lines written since the last call, for a Writer made with *keep*."""
        kept = self._kept
        return [kept.popleft() for _ in range(len(kept))] if kept else []

    def end(self, reason: str, **fields: Any) -> None:
        """
        Write the line that makes the recording whole, and close it; a second call does nothing.

        Raises:
            RecordingError: The line cannot be written. The file is closed nevertheless, and its lock ends.
        """
        if not self.closed:
            try:
                self.mark("end", reason=reason, **fields)
            finally:
                self.close()

    def close(self) -> None:
        """Close the file as it is; without ``end`` it stays a recording that was cut short."""
        with self._lock:
            if not self.closed:
                self.closed = True
                os.close(self._file)


@contextlib.contextmanager
def _kept_from_others(path: Path) -> Iterator[None]:
    """
    Hold the file at *path* (an empty one, if it is absent) until a new recording has taken its place.

    Two recorders that begin at the same time meet at the lock of that file; the new one is locked from its first line.

    Raises:
        RecordingError: Another recorder is writing it.
        OSError: It cannot be opened, or not made.
    """
    missing = not path.exists()
    descriptor = _opened(path)
    if descriptor is None:
        yield
        return
    try:
        if not _locked(descriptor) or not os.path.samestat(os.fstat(descriptor), path.stat()):
            missing = False
            raise RecordingError(
                f"the recording {path} is being written by another podlab",
                cause="two recordings in one file would lose one of them",
                hint="name another file with --out, or wait until the other recording ends",
            )
        yield
        missing = False
    finally:
        if missing:
            with contextlib.suppress(OSError):
                path.unlink()
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    """
    Return a descriptor of the file at *path* to lock, made if it is absent.

    None if nobody lets this user open it: the user can still replace it where the folder is the user's own.
    """
    for way in (os.O_RDWR, os.O_RDONLY):  # NFS locks only a file that is open for writing
        with contextlib.suppress(PermissionError):
            return os.open(path, way | os.O_CREAT | os.O_CLOEXEC, 0o644)
    return None


def _locked(descriptor: int) -> bool:
    try:
        return files.take_lock(descriptor)
    except OSError:
        return True  # a file system without locks: recording there is better than not recording


def _begin(path: Path, header: bytes) -> int:
    """Put a locked file that holds *header* at *path*, and return its descriptor."""
    draft = path.parent / f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        _locked(descriptor)
        os.write(descriptor, header)
        draft.replace(path)
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    return descriptor


def _cannot_write(path: Path, error: OSError) -> RecordingError:
    return RecordingError(
        f"the recording {path} cannot be written",
        cause=error.strerror or str(error),
        hint="free space or name another file with --out",
    )
