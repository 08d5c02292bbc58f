"""
Runs each answer until its grade is sure, however late the machine is meanwhile.

An answer is run with many side by side at first. Full points are believed at once. Lost points are believed where no
delay of ``SLOW_S`` reached into the run; or where a second run, when as many others have begun as run at once, lost
the same points for the same reasons, and no delay in either was as long as ``BEARABLE_S``: such a delay spoils a right
answer rarely, and not twice in the same words. All others are run again, with half as many beside them, then alone;
so is a report in which a check could not be decided. What never decides stays open, and loses nothing.

Answers that may take long are begun first, so that at the end none runs on alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from podlab.assignments.concurrency import ConcurrencyLimit, side_by_side
from podlab.checks.verdict import NOT_GRADABLE, Loss, Report
from podlab.grading.delays import BEARABLE_S, SLOW_S, DelayMonitor
from podlab.grading.grade import AWAY, CROWDED, TOO_BUSY, UNDECIDED

TWICE = "two runs lost the same points for the same reasons"
OWN = "alone on a calm machine, twice, the answer made it late itself and lost the same points"
"""Reasons why lost points count although the machine was late; they are kept with the evidence."""

_FIRST, _LEAST = 8, 4  # answers for each processor; a play takes a second of one in about twenty
_AT_ONCE, _START_S = 2, 0.7  # of those, at once; seconds of a processor that an answer's Pods take to start
_RUNS = 3  # beside others
_ALONE = 2
_CALM_IN_S = 30.0
_GIVEN_UP = 3  # answers in a row on a machine that does not get calm
_BY_CHANCE = (TOO_BUSY, AWAY, CROWDED, UNDECIDED)  # another moment may give a grade

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Grading(Protocol[T_contra]):
    """Steps on the way of an answer; many threads take them."""

    def pods(self, job: T_contra) -> int:
        """Return how many Pods the answer may have at once."""

    def longest_s(self, job: T_contra) -> float:
        """Return how long the answer may take, s."""

    def run(self, job: T_contra) -> Report:
        """
        Run the answer, keep the evidence, and return the report.

        Raises:
            ConnectionLostError: The cluster went away and did not come back.
        """

    def doubt(self, job: T_contra) -> tuple[Sequence[Loss], float]:
        """
        Return the points that the kept evidence would lose if delays did not matter, and its longest delay, s.

        None are lost where the evidence leaves a check undecided.
        """

    def accept(self, job: T_contra, why: str) -> Report:
        """Judge the kept evidence whatever the delays in it, and note why."""

    def end(self, state: str) -> None:
        """Count an answer that needs no further run, by the state of its report."""

    def stop(self) -> None:
        """Let the answers that run end soon, not gradable."""

    def repeat(self) -> None:
        """Count an answer that is run again."""


@dataclass
class _Try(Generic[T]):
    """An answer on its way, and what its runs so far lost while the machine was late, but not too late to compare."""

    job: T
    lost: list[Sequence[Loss]] = field(default_factory=list)
    again: bool = False
    refused: str = ""  # by the last run


class Rounds(Generic[T]):
    """
    Grades answers.

    Args:
        at_once: So many side by side at most.
        monitor: None: delays are not measured, and each answer is run once.
        cpus: Processors of the nodes.
        room: How many Pods the nodes may still take; None: not known.
    """

    def __init__(
        self,
        grading: Grading[T],
        *,
        at_once: int,
        cpus: int,
        monitor: DelayMonitor | None,
        room: int | None = None,
    ) -> None:
        self._grading, self._monitor, self._room = grading, monitor, room
        self._concurrency = ConcurrencyLimit(
            at_once, _FIRST * cpus, _LEAST * cpus, monitor, at_once=_AT_ONCE * cpus, every_s=_START_S / cpus
        )
        self._busy = 0  # answers in a row that found no calm machine

    def all(self, jobs: Sequence[T]) -> None:
        """Grade *jobs*; what is late in the last run, too, stays not gradable."""
        tries = [_Try(job) for job in sorted(jobs, key=self._grading.longest_s, reverse=True)]
        left = side_by_side(
            tries, self._try, self._concurrency, runs=_RUNS, stop=self._grading.stop,
            pods=lambda each: self._grading.pods(each.job), room=self._room,
        )  # fmt: skip
        for each in left:
            if self._busy >= _GIVEN_UP or not self._alone(each):
                self._grading.end(NOT_GRADABLE)

    def _try(self, each: _Try[T]) -> bool:
        """Grade an answer; False where it has to be run again: another moment may give another grade."""
        began = self._monitor.clock() if self._monitor else 0.0
        report = self._grading.run(each.job)
        each.refused = report.refused
        # Without a monitor nothing is run on a cluster: the same recording gives the same report.
        late = self._monitor is not None and (
            report.refused in _BY_CHANCE or self._monitor.worst_s(began) >= SLOW_S
        )
        if report.state == NOT_GRADABLE and late:
            if report.refused == TOO_BUSY and self._is_sure(each):
                return True
            if not each.again:
                each.again = True
                self._grading.repeat()
            return False
        self._grading.end(report.state)
        return True

    def _is_sure(self, each: _Try[T]) -> bool:
        """Return whether an earlier run lost the same; the loss counts then."""
        lost, late_s = self._grading.doubt(each.job)
        if late_s >= BEARABLE_S or not lost:
            return False
        if lost in each.lost:
            self._grading.end(self._grading.accept(each.job, TWICE).state)
            return True
        each.lost.append(lost)
        return False

    def _alone(self, each: _Try[T]) -> bool:
        """
        Grade an answer with none beside it, on a machine that is calm before.

        Where the machine was calm before and after, and late in between, and all that twice with the same loss, then
        the answer itself made it late.
        """
        assert self._monitor is not None
        lost = []
        busy, self._busy = self._busy, 0
        for _ in range(_ALONE):
            calm = self._monitor.calm(_CALM_IN_S)
            if self._try(each):
                return True
            if not (calm and self._monitor.calm(_CALM_IN_S)):
                self._busy = busy + 1
                return False
            # Any other run than a late one left no evidence, or that of an earlier run: it shows no lost points.
            lost.append(self._grading.doubt(each.job)[0] if each.refused == TOO_BUSY else ())
        if not lost[0] or any(lost[0] != other for other in lost):
            return False
        self._grading.end(self._grading.accept(each.job, OWN).state)
        return True
