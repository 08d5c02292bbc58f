"""The time of a kubelet: the wall clock, and the pace at which it reacts."""

from __future__ import annotations

import random
from typing import Protocol

from podlab.embedded import clock

SECOND = 1_000_000_000
START_NOTICE_S = 0.02
CRASH_SHOWN_S = 3.0
RESYNC_S = 60.0


class Clock(Protocol):
    """Wall time. Waiting is asyncio's business: a simulation has an event loop of its own."""

    def now(self) -> int:
        """Return nanoseconds since the epoch, UTC."""


class WallClock:
    """The cluster's clock."""

    def now(self) -> int:
        """Return nanoseconds since the epoch, UTC."""
        return clock.now_ns()


class Pace:
    """
    How soon things happen that a real kubelet does on timers.

    ``prompt`` reacts at once. ``kubelet`` notices ends of containers once a second, and tries again 10 to 15 s
    after a failed sync, or when a back-off is over and up to half as late again, as the real one does, because those
    delays are part of what is taught.
    """

    def __init__(self, name: str, rng: random.Random) -> None:
        if name not in ("prompt", "kubelet"):
            raise ValueError(f"pace is {name!r}; known are 'prompt' and 'kubelet'")
        self.prompt = name == "prompt"
        self._rng = rng

    def notice_delay_s(self, now: int, *, only_starts: bool) -> float:
        """
        Return how long after a change of a container the kubelet looks at it.

        A real kubelet looks once a second, and (as the traces of v1.36.3 show) soon after it started something
        itself. The moment's grace of a start, which an end cuts short, keeps a container that dies at once from
        being seen running.
        """
        if only_starts:
            return START_NOTICE_S
        return 0.0 if self.prompt else 1.0 - (now % SECOND) / SECOND

    def retry_s(self) -> float:
        """Return how long after a failed sync the next one comes by itself."""
        # Every change that could help wakes a prompt node, so it retries no more often than a real one.
        return 15.0 if self.prompt else self._jitter(10.0)

    def next_sync(self, now: int, at: int | None, *, back_off: bool) -> int:
        """
        When the sync after a failed one comes by itself (ns).

        Args:
            now: The end of the failed sync.
            at: When trying again makes sense; None if nobody can know.
            back_off: Whether *at* is the end of a crashed container's back-off: a kubelet waits for that alone.

        Source: podWorkers.completeWork in pkg/kubelet/pod_workers.go, read at v1.36.3.
        """
        if at is not None and self.prompt:
            return at
        if at is not None and back_off:
            return now + int(self._jitter(min(max(at - now, 0) / SECOND, RESYNC_S)) * SECOND)
        return now + int(self.retry_s() * SECOND)

    def back_off_shown_s(self) -> float | None:
        """
        Return how long the end of a crashed container is shown before CrashLoopBackOff is; None: until the next sync.

        A real kubelet writes a status at the beginning of a sync, so it shows the end until the next one: mostly when
        the wait is over. A prompt node shows both in turn, each long enough to be seen.
        """
        return CRASH_SHOWN_S if self.prompt else None

    def resync_s(self) -> float:
        """Return how long after a good sync the next one comes by itself."""
        return self._jitter(RESYNC_S)

    def _jitter(self, base_s: float) -> float:
        return base_s * (1 + 0.5 * self._rng.random())
