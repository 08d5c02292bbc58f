"""
The delays during a grading: how late the machine and the API server were, moment by moment, while answers ran.

A thread sleeps for a short time again and again, does a little work now and then, and asks the API server for its
version. A sleep or a piece of work that lasts longer is a delay of the machine; a late answer is one of the server, of
the network or of the grading's own budget of requests. Each delay concerns every answer that ran then: its play was
performed late, its probes were answered late, its containers lived slower. Points that were lost then prove nothing;
points that were earned do.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from podlab.client import Client
from podlab.errors import PodlabError

SLOW_S = 0.75
"""A delay from which on points lost in one run do not count: probes wait one second unless a manifest differs."""

BEARABLE_S = 4.0
"""A delay from which on points lost in two runs do not count either: half of the shortest deadline in a play."""

EVERY_S = 0.25
ASK_EVERY = 4
_WORK_S, _POD_WORK_S = 0.02, 0.1
"""A sleeper is woken soon even where processors are scarce; work is not. A Pod's start takes about 0.1 s of it."""

_CALM_FOR_S = 2.0
_KEPT = 40_000  # three hours of sleeps
_ANSWER_S = 30.0


class DelayMonitor:
    """
    Delays over time; safe to share between threads.

    Args:
        client: Asks the API server; None: only the machine is observed.
        clock, sleep, work: Monotonic seconds, the short sleep, and the piece of work, which returns the seconds of
            a processor that it took; tests give their own.
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        work: Callable[[], float] | None = None,
    ) -> None:
        self._client, self.clock = client, clock
        self._over = threading.Event()
        self._sleep, self._work = sleep or self._over.wait, work or _work
        self._delays: deque[tuple[float, float, float]] = deque(maxlen=_KEPT)  # since, until, delay
        self._asked_at: float | None = None
        self._measured = 0
        self._thread = threading.Thread(target=self._run, name="delay-monitor", daemon=True)

    def __enter__(self) -> DelayMonitor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(_ANSWER_S)

    def worst_s(self, since: float, until: float | None = None) -> float:
        """Return the longest delay that reached into the time from *since* to *until* (now), by ``clock``."""
        now = self.clock()
        last = now if until is None else until
        found = [late for began, ended, late in list(self._delays) if ended >= since and began <= last]
        asked_at = self._asked_at
        if asked_at is not None and asked_at <= last:
            found.append(now - asked_at)
        return max(found, default=0.0)

    def calm(self, within_s: float) -> bool:
        """Wait for two seconds without a delay; False if all had delays until *within_s* had passed."""
        ends_at = self.clock() + within_s
        while self.worst_s(self.clock() - _CALM_FOR_S) >= SLOW_S:
            if self.clock() >= ends_at:
                return False
            self._sleep(EVERY_S)
        return True

    def measure(self) -> None:
        """Sleep once; every fourth time work, and ask the API server. Note how late each was."""
        began = self.clock()
        self._sleep(EVERY_S)
        self._note(began, EVERY_S)
        self._measured += 1
        if self._measured % ASK_EVERY == 0:
            began = self.clock()
            self._note(began, self._work(), weight=_POD_WORK_S / _WORK_S)
            self._ask()

    def _ask(self) -> None:
        if self._client is None:
            return
        asked_at = self._asked_at = self.clock() if self._asked_at is None else self._asked_at
        with suppress(PodlabError):  # a server that is away is late until it answers again
            self._client.get("/version", timeout_s=_ANSWER_S)
            self._note(asked_at, 0.0)
            self._asked_at = None

    def _note(self, began: float, usual_s: float, weight: float = 1.0) -> None:
        ended = self.clock()
        self._delays.append((began, ended, max(0.0, ended - began - usual_s) * weight))

    def _run(self) -> None:
        while not self._over.is_set():
            self.measure()


def _work() -> float:
    """Use a processor for a moment, and return the seconds of it."""
    began = time.thread_time()
    while time.thread_time() - began < _WORK_S:
        pass
    return time.thread_time() - began
