"""
A budget of requests to one API server, for all that share it: a bucket of tokens, as client-go's rate limiter.

Each request takes a token; an empty bucket makes the request wait for its turn. A question that may as well go unasked
asks ``spare`` first: such questions have a quarter of the rate, and none while requests that must be sent need it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_QUESTIONS = 0.25


class Budget:
    """
    At most *burst* requests at once and *per_s* a second in the long run; safe to share between threads and clients.

    Args:
        clock, sleep: Monotonic seconds, and the wait for a turn; tests give their own.

    Attributes:
        taken: Requests that were sent; *questions* of them were sent only because the budget had room.
        waited_s: Sum of all waits for a turn.
    """

    def __init__(
        self,
        per_s: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_s, self.burst = per_s, max(1.0, burst)
        self.taken, self.questions, self.waited_s = 0, 0, 0.0
        self._clock, self._sleep, self._lock = clock, sleep, threading.Lock()
        self._left, self._at = self.burst, clock()
        self._room = self.burst * _QUESTIONS

    def take(self) -> None:
        """Wait for the turn of one request. Turns are given in the order in which they are asked for."""
        with self._lock:
            self._renew()
            self._left -= 1
            self.taken += 1
            wait_s = max(0.0, -self._left / self.per_s)
            self.waited_s += wait_s
        if wait_s:
            self._sleep(wait_s)

    def spare(self) -> bool:
        """Return whether a question may be asked now that nothing depends on; it has to ``take`` its token, too."""
        with self._lock:
            self._renew()
            if self._left < self.burst / 2 or self._room < 1:
                return False
            self._room -= 1
            self.questions += 1
            return True

    def _renew(self) -> None:
        now = self._clock()
        more = (now - self._at) * self.per_s
        self._left = min(self.burst, self._left + more)
        self._room = min(self.burst * _QUESTIONS, self._room + more * _QUESTIONS)
        self._at = now
