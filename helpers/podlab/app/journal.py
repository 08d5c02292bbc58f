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
    """

    def __init__(self, role: str, file: Path | None = None) -> None:
        self._role, self._file = role, file
        self._seq, self._lock, self._began = 0, threading.Lock(), time.monotonic()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)

    def say(self, event: str, **details: Any) -> int:
        """Write one line and return its sequence number."""
        with self._lock:
            self._seq += 1
            line = {
                "seq": self._seq,
                "t": round(time.monotonic() - self._began, 3),
                "role": self._role,
                "event": event,
                **details,
            }
            data = (json.dumps(line) + "\n").encode()
            _write(1, data)
            if self._file is not None:
                self._append(data)
            return self._seq

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
