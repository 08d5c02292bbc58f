"""One line below a cell that tells each second what it waits for, where somebody looks; gone when the wait is over."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

QUIET_S = 2.0  # anything longer shows progress
EVERY_S = 1.0


def in_notebook() -> bool:
    """Return whether this runs in a notebook or an IPython shell."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None


def watched() -> bool:
    """
    Return whether somebody sits before the cell that runs: front ends name it, programs that run whole pages do not.

    What those store and compare must not depend on how long a wait was. ``PODLAB_PROGRESS=1`` tells in any case.
    """
    if not in_notebook():
        return False
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    metadata = (kernel.get_parent() or {}).get("metadata") or {} if kernel is not None else {}
    return "cellId" in metadata or bool(os.environ.get("PODLAB_PROGRESS"))


class ProgressLine:
    """
    The line: *words* makes it from the seconds that passed. ``due`` draws it, at most once a second.

    Args:
        words: Seconds -> text.
        active: False draws nothing.
    """

    def __init__(self, words: Callable[[float], str], *, active: bool) -> None:
        self._words, self._active = words, active
        self._began = self._shown = time.monotonic()
        self._handle: Any = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def due(self) -> None:
        """Draw the line if it is time."""
        now = time.monotonic()
        if self._active and now - self._began >= QUIET_S and now - self._shown >= EVERY_S:
            self._shown = now
            self._draw(self._words(now - self._began))

    def by_itself(self) -> Self:
        """Draw from a thread, for who is busy; ``end`` stops it."""
        if self._active:
            # the context holds the cell that output belongs to
            run = contextvars.copy_context().run
            self._thread = threading.Thread(target=run, args=(self._tick,), name="progress-line", daemon=True)
            self._thread.start()
        return self

    def end(self, last: str = "") -> None:
        """Put *last* in the place of the line, if there is one. May be called twice."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._active and self._handle is not None:
            self._draw(last)
        self._active = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _tick(self) -> None:
        while not self._over.wait(EVERY_S / 4):
            self.due()

    def _draw(self, text: str) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._handle.update({"text/plain": text}, raw=True)
