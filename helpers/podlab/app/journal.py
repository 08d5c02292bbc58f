"""One JSON object a line, numbered, written at once: the order of what this process did."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any


class Journal:
    """
    Writes numbered JSON lines to stdout and, where *file* is given, the same lines to that file.

    Each line goes out in a single ``write`` call, so lines of several threads, or of two containers
    appending to one file, are never mixed. ``seq`` starts at 1 in each process; ``t`` is seconds since the
    process started.

    Args:
        role: Who writes.
        file: A second copy goes there; its folder is made. OSError where it cannot be written.
        nonce: The word of this run. With it each line is evidence that can be told from the lines of other
            runs, Pods and starts: ``nonce``, ``pod`` (host name), ``run`` (one word per process) and ``at``
            (Unix time in seconds) are added.
    """

    def __init__(self, role: str, file: Path | None = None, nonce: str | None = None) -> None:
        self.nonce = nonce
        self._role, self._file = role, file
        self._seq, self._lock, self._began = 0, threading.Lock(), time.monotonic()
        self._run = {"nonce": nonce, "pod": os.uname().nodename, "run": os.urandom(3).hex()} if nonce else {}

    def open(self) -> None:
        """Make the folder of the file; OSError where that cannot be."""
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)

    def say(self, event: str, **details: Any) -> int:
        """Write one line and return its sequence number."""
        with self._lock:
            self._seq += 1
            data = (json.dumps(self._line(event, details)) + "\n").encode()
            _write(1, data)
            if self._file is not None:
                self._append(data)
            return self._seq

    def only_stdout(self) -> None:
        """Write no further line to the file: it is the file that failed."""
        self._file = None

    def _line(self, event: str, details: dict[str, Any]) -> dict[str, Any]:
        line = {"seq": self._seq, "t": round(time.monotonic() - self._began, 3), "role": self._role}
        if self._run:
            line |= {**self._run, "at": round(time.time(), 3)}
        return {**line, "event": event, **details}

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            _write(handle, data)
        finally:
            os.close(handle)


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
