"""
The output of verbs: progress on stderr, results on stdout, tables as kubectl lays them out.
"""

from __future__ import annotations

import errno
import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from podlab.errors import PodlabError

if TYPE_CHECKING:
    from pathlib import Path


class UnwrittenError(PodlabError):
    """A file that the command line names cannot be written."""

    exit_code = 74


_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Steps:
    """
    Shows what a slow command is doing, on stderr; call it with one line for each step.

    On a terminal the current step turns and counts its seconds; anywhere else each step is one plain line.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._step, self._since = "", time.monotonic()
        self._lock, self._done = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, line: str) -> None:
        with self._lock:
            self._finish()
            self._step, self._since = line, time.monotonic()
            if not self._live:
                print(f"  {line}", file=sys.stderr, flush=True)

    def __enter__(self) -> Steps:
        if self._live:
            self._thread = threading.Thread(target=self._turn, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._finish(ok=kind is None)

    def _finish(self, *, ok: bool = True) -> None:
        if self._live and self._step:
            took_s = time.monotonic() - self._since
            took = f"  ({took_s:.1f} s)" if took_s >= 1 else ""
            print(f"\r\x1b[K{'✓' if ok else '✗'} {self._step}{took}", file=sys.stderr, flush=True)
        self._step = ""

    def _turn(self) -> None:
        turn = 0
        while not self._done.wait(0.1):
            turn += 1
            with self._lock:
                if self._step:
                    frame, since_s = _FRAMES[turn % len(_FRAMES)], time.monotonic() - self._since
                    line = f"\r\x1b[K{frame} {self._step}  {since_s:.0f} s"
                    print(line, end="", file=sys.stderr, flush=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """
    Name *path* where it cannot be written.

    Raises:
        UnwrittenError: Whatever the system had against it: in /proc, a missing permission looks like a missing file.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        nowhere = error.errno == errno.ENOENT  # of a new file: what /proc answers, its parent being there
        raise UnwrittenError(
            f"{path} cannot be written",
            cause="its folder takes no new files" if nowhere else error.strerror or str(error),
            hint="free some space, or write to another disk" if full else "name another file or folder",
        ) from error


def counted(number: int, noun: str) -> str:
    """Return ``1 observation``, ``2 observations``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(value: Any) -> None:
    """Print *value* as JSON."""
    print(json.dumps(value, indent=2, default=str))


def results(rows: Sequence[tuple[str, str]], *, as_json: bool = False) -> None:
    """Print what became of each object, as kubectl does: ``pod/web created``."""
    if as_json:
        print(json.dumps([{"object": name, "result": result} for name, result in rows], indent=2))
        return
    for name, result in rows:
        print(f"{name} {result}")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a header, columns as wide as they need and three blanks apart, as kubectl does."""
    print("\n".join(lines(header, rows)))


def lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the same as lines, the header first."""
    cells = [tuple(header), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    return [
        "   ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def say(line: str) -> None:
    """Print a line for the person at the terminal, on stderr: stdout is for the result."""
    print(line, file=sys.stderr, flush=True)
