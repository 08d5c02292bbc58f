"""
How long a process lives, and why it ends: by itself, by ``--exit-after``, or because it was told to stop.

In a container this program is process 1, for which the kernel drops every signal that nobody asked for. So
SIGTERM is blocked first of all and then taken by a thread that does nothing else: the handler cannot
interrupt a half written line, and the moment of the signal is known exactly.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

from .journal import Journal

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def block_stop_signals() -> None:
    """Keep SIGTERM and SIGINT pending until :class:`ProcessLife` takes them; call before any thread exists."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)


class ProcessLife:
    """
    One process from its start to its exit code.

    Args:
        journal: Where the signal is noted.
        exit_after: ``(seconds, code)``: leave by itself then; None to stay.
        ignore_term: Note SIGTERM and carry on, as badly made servers do.
    """

    def __init__(
        self, journal: Journal, *, exit_after: tuple[float, int] | None = None, ignore_term: bool = False
    ) -> None:
        self.journal = journal
        self.exit_code = 0
        self.told_to_stop = False
        self._ignore_term = ignore_term
        self._over = threading.Event()
        self._leaves_at = None if exit_after is None else time.monotonic() + exit_after[0]
        self._own_code = 0 if exit_after is None else exit_after[1]
        threading.Thread(target=self._take_signals, name="signals", daemon=True).start()
        if self._leaves_at is not None:
            threading.Thread(target=self._leave_by_itself, name="exit-after", daemon=True).start()

    @property
    def over(self) -> bool:
        """True once it is time to finish up."""
        return self._over.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep for *seconds* (None: without end) or until it is time to finish; True in the second case."""
        return self._over.wait(seconds)

    def repeat(self, every_s: float, action: Callable[[], object]) -> None:
        """Run *action* now and every *every_s* seconds until it is time to finish."""
        while not self.over:
            action()
            self.wait(every_s)

    def finish(self, code: int = 0) -> None:
        """End by itself with *code*."""
        if not self._over.is_set():
            self.exit_code = code
        self._over.set()

    def fail_if_stopped(self) -> None:
        """Work that SIGTERM cut short was not done: the exit code is then 1, whatever was planned."""
        if self.told_to_stop:
            self.exit_code = 1

    def _take_signals(self) -> None:
        while True:
            name = signal.Signals(signal.sigwait(_STOP_SIGNALS)).name
            if self._ignore_term:
                self.journal.say("signal", signal=name, answer="ignored")
            elif self.told_to_stop:
                self.journal.say("signal", signal=name, answer="already stopping")
            else:
                self.told_to_stop = True
                self.journal.say("signal", signal=name, answer="stopping")
                self._over.set()

    def _leave_by_itself(self) -> None:
        assert self._leaves_at is not None
        if self._over.wait(max(0.0, self._leaves_at - time.monotonic())):
            return
        self.finish(self._own_code)


def leave(code: int) -> None:
    """End the process now; threads that still serve somebody must not hold it back."""
    os._exit(code)
