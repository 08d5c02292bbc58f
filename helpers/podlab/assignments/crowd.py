"""
How many answers are graded side by side: as many as the machine bears, by what its pulse shows.

It begins with two for each processor, takes one more while the machine is calm, and halves their number when it is
late. Answers that lost points then come back, and are run again with fewer beside them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from podlab.grading.pulse import SLOW_S, Pulse

T = TypeVar("T")

_CALM_S = SLOW_S / 2
_REST_S, _STEP_S = 10.0, 3.0
_LOOK_IN_S = 0.2


class Crowd:
    """
    The number of answers that may run at once.

    Args:
        most: Never more than that.
        first: To begin with.
        least: Never fewer than that: fewer do not make a machine calm that others keep busy.
        pulse: None: always *most*.
    """

    def __init__(self, most: int, first: int, least: int, pulse: Pulse | None) -> None:
        self.most = max(1, most)
        self.least = max(1, min(least, self.most))
        self.limit = max(self.least, min(first, self.most)) if pulse else self.most
        self._pulse = pulse
        self._since = self._next = pulse.clock() if pulse else 0.0

    def now(self) -> int:
        """Return how many may run now; looks at the pulse every three seconds, after a delay every ten."""
        if self._pulse is None or self._pulse.clock() < self._next:
            return self.limit
        now, late_s = self._pulse.clock(), self._pulse.worst_s(self._since)
        slow = late_s >= SLOW_S
        if slow:
            self.limit = max(self.least, self.limit // 2)
        elif late_s < _CALM_S:
            self.limit = min(self.most, self.limit + 1)
        self._since, self._next = now, now + (_REST_S if slow else _STEP_S)
        return self.limit


def side_by_side(jobs: Sequence[T], do: Callable[[T], bool], crowd: Crowd) -> list[T]:
    """
    Do all *jobs*, as many at once as *crowd* lets, and return those for which *do* returned False.

    Raises:
        BaseException: As the first job raised it, or KeyboardInterrupt as pressed; jobs that were not begun are left.
    """
    waiting, running, left = deque(jobs), dict[Future[bool], T](), list[T]()
    with ThreadPoolExecutor(max_workers=crowd.most) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < crowd.now():
                    job = waiting.popleft()
                    running[pool.submit(do, job)] = job
                finished, _ = wait(running, timeout=_LOOK_IN_S, return_when=FIRST_COMPLETED)
                for future in finished:
                    job = running.pop(future)
                    if not future.result():
                        left.append(job)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return left
