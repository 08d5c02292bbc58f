"""
How many answers are graded side by side: as many as the machine bears, by what its monitor shows.

It begins with a few for each processor and takes a quarter more while the machine is calm. At the first delay that
makes lost points doubtful it goes back a step, and grows by one from then on: so their number stays where delays are
short. Delays that others on the machine cause do not go away by fewer answers; only where they are so long that right
answers would lose points is the number cut, by a third.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from podlab.grading.delays import BEARABLE_S, SLOW_S, DelayMonitor

T = TypeVar("T")

_CALM_S = SLOW_S / 2
_REST_S, _STEP_S = 10.0, 3.0
_LOOK_IN_S = 0.1


class ConcurrencyLimit:
    """
    The number of answers that may run at once.

    Args:
        most: Never more than that.
        first: To begin with.
        least: Never fewer than that: fewer do not make a machine calm that others keep busy.
        monitor: None: always *most*.
        at_once, every_s: So many begin at once, the others one after another: Pods take most when they start, and a
            burst of them would make the machine late. Answers that are only read end at once, and do not wait.
    """

    def __init__(
        self,
        most: int,
        first: int,
        least: int,
        monitor: DelayMonitor | None,
        *,
        at_once: int = 0,
        every_s: float = 0.0,
    ) -> None:
        self.most = max(1, most)
        self.least = max(1, min(least, self.most))
        self.limit = max(self.least, min(first, self.most)) if monitor else self.most
        self._half = max(self.limit, self.most // 2)
        self._careful = False
        self._monitor = monitor
        self._at_once, self._every_s, self._begun = at_once, every_s, 0.0
        self._since = self._next = monitor.clock() if monitor else 0.0

    def now(self) -> int:
        """Return how many may run now; reads the delays every three seconds, after a long delay every ten."""
        if self._monitor is None or self._monitor.clock() < self._next:
            return self.limit
        now, late_s = self._monitor.clock(), self._monitor.worst_s(self._since)
        if late_s >= BEARABLE_S:
            self.limit = max(self.least, self.limit * 2 // 3)
        elif late_s >= SLOW_S:
            self.limit = min(self.limit, max(self._half, self.limit * 4 // 5))
        elif late_s < _CALM_S:
            self.limit = min(self.most, self.limit + (1 if self._careful else max(1, self.limit // 4)))
        self._careful |= late_s >= SLOW_S
        self._since, self._next = now, now + (_REST_S if late_s >= BEARABLE_S else _STEP_S)
        return self.limit

    def admits(self, running: int, run: int = 0) -> bool:
        """Return whether one more may begin beside *running* others; in the third run half as many."""
        if running >= max(1, self.now() >> max(0, run - 1)):
            return False
        if self._monitor and running >= self._at_once:
            if self._monitor.clock() < self._begun + self._every_s:
                return False
            self._begun = self._monitor.clock()
        return True


def side_by_side(
    jobs: Sequence[T], do: Callable[[T], bool], concurrency: ConcurrencyLimit, *, runs: int = 1,
    stop: Callable[[], object] = lambda: None, pods: Callable[[T], int] = lambda _job: 0, room: int | None = None,
) -> list[T]:  # fmt: skip
    """
    Do all *jobs*, at least one at a time: as many as *concurrency* allows, and as the nodes have *room* for.

    Those for which *do* returned False are done again, up to *runs* times each: first when as many others have been
    begun as run at once, so that it is another moment of the machine; then, with half as many at once, when all have.

    Returns:
        Jobs for which *do* never returned True.

    Raises:
        BaseException: As the first job raised it, or KeyboardInterrupt as pressed; jobs that were not begun are left,
            and *stop* is called, so that those under way end soon.
    """
    waiting = deque((job, 0) for job in jobs)
    running, left = dict[Future[bool], tuple[T, int]](), list[T]()

    def fits(job: T) -> bool:
        if room is None or not running:
            return True
        return sum(pods(each) for each, _ in running.values()) + pods(job) <= room

    with ThreadPoolExecutor(max_workers=concurrency.most) as pool:
        try:
            while waiting or running:
                while waiting and fits(waiting[0][0]) and concurrency.admits(len(running), waiting[0][1]):
                    job, run = waiting.popleft()
                    running[pool.submit(do, job)] = job, run
                finished, _ = wait(running, timeout=_LOOK_IN_S, return_when=FIRST_COMPLETED)
                for future in finished:
                    job, run = running.pop(future)
                    if future.result():
                        continue
                    if run + 1 < runs:
                        waiting.insert(len(waiting) if run else concurrency.limit, (job, run + 1))
                    else:
                        left.append(job)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise
    return left
