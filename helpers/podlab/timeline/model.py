"""
The words of a timeline: Instant, Evidence, Run, Span, Lane, Marker, Stretch.

Everything here is plain frozen data. A time is a float, seconds since the Pod's ``creationTimestamp`` as the
API prints it (a whole second); what is not known exactly is an ``Instant``, the interval that holds the true
moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isinf

ROLES = ("init", "sidecar", "app", "ephemeral")
"""Roles of a lane: regular init container, sidecar container, app container, ephemeral container."""

STATES = ("waiting", "pulling", "back-off", "running", "terminating", "terminated", "unseen")
"""States of a span. ``unseen``: the container ran then (its restart count says so) but nobody saw when."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One thing that bounds a moment.

    Attributes:
        source: Whose clock: ``status``, ``event``, ``watch``, ``log``, ``node``, ``scheduler`` or ``rule``.
        text: What was seen, in words.
        lo: The moment is not before this; ``-inf`` when the evidence does not say.
        hi: The moment is not after this; ``inf`` when the evidence does not say.
    """

    source: str
    text: str
    lo: float = -inf
    hi: float = inf


@dataclass(frozen=True, slots=True)
class Instant:
    """
    A moment that lies somewhere in ``[lo, hi]``, with what is known about it.

    ``a <= b`` and ``a < b`` are True only when the evidence forces that order; both ``a <= b`` and ``b <= a``
    are False when it does not. Use ``order`` to tell "no" from "cannot know".
    """

    lo: float
    hi: float
    evidence: tuple[Evidence, ...] = field(default=(), compare=False, repr=False)
    # Where to draw it, when not in the middle.
    best: float | None = field(default=None, compare=False, repr=False)

    @property
    def width(self) -> float:
        """Seconds of doubt; ``inf`` when one side is open."""
        return self.hi - self.lo

    @property
    def mid(self) -> float:
        """A number to draw at: the middle, or the known side of an open interval."""
        if self.best is not None:
            return self.best
        if isinf(self.hi) and isinf(self.lo):
            return 0.0
        if isinf(self.hi):
            return self.lo
        return self.hi if isinf(self.lo) else (self.lo + self.hi) / 2

    @property
    def sources(self) -> tuple[str, ...]:
        """The clocks that had a say, without repetition."""
        return tuple(dict.fromkeys(e.source for e in self.evidence))

    def order(self, other: Instant) -> bool | None:
        """True: not after *other*; False: after it; None: the evidence does not force an order."""
        if self.hi <= other.lo:
            return True
        return False if self.lo > other.hi else None

    def __le__(self, other: Instant) -> bool:
        return self.order(other) is True

    def __lt__(self, other: Instant) -> bool:
        return self.hi < other.lo

    def __str__(self) -> str:
        if isinf(self.hi):
            return f"after {self.lo:.3f} s"
        if isinf(self.lo):
            return f"before {self.hi:.3f} s"
        if self.width < 0.0005:
            return f"{self.mid:.3f} s"
        return f"{self.lo:.3f} to {self.hi:.3f} s"


@dataclass(frozen=True, slots=True)
class Run:
    """
    One life of one container: from its process' start to its end.

    Attributes:
        restart: 0 for the first run; what ``restartCount`` was while it ran.
        start: When the process started; None when it never did (``StartError``).
        end: When it ended; None while it runs (or when the recording stopped before its end was seen).
        seen: False for runs that are only known by the restart count; *count* says how many such runs it
            stands for.
    """

    restart: int
    start: Instant | None
    end: Instant | None
    container_id: str = ""
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    message: str = ""
    seen: bool = True
    count: int = 1

    @property
    def ran(self) -> bool:
        """Whether a process of this run ever started."""
        return self.start is not None


@dataclass(frozen=True, slots=True)
class Span:
    """
    One half-open stretch ``[start, end)`` of one state of one container; ``end`` None: still so at the last
    look.
    """

    state: str
    reason: str
    start: Instant
    end: Instant | None
    restart: int = 0
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Marker:
    """
    Something that happened at one moment.

    Attributes:
        kind: ``event``, ``probe``, ``hook``, ``condition``, ``deletion``, ``signal``, ``gap``, ``act`` or
            ``log``.
        label: One or two words to draw.
        container: The lane it belongs to; empty for the Pod.
        count: How often the Event had been counted by then.
    """

    kind: str
    label: str
    at: Instant
    container: str = ""
    message: str = ""
    warning: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """One word of a strip (phase, kubectl's STATUS, a condition) and how long it stood."""

    word: str
    start: Instant
    end: Instant | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """A container's row: its role, its runs, and its spans in order of time."""

    name: str
    role: str
    image: str
    spans: tuple[Span, ...]
    runs: tuple[Run, ...]
    restart_policy: str = ""

    @property
    def first_start(self) -> Instant | None:
        """When the container first started; None when it never did."""
        return next((run.start for run in self.runs if run.start is not None), None)

    @property
    def last_end(self) -> Instant | None:
        """When its last run ended; None while it runs, and when it never ran."""
        ran = [run for run in self.runs if run.ran]
        return ran[-1].end if ran else None

    @property
    def start_s(self) -> float | None:
        """Seconds until the first start, the earliest it can have been; None when it never started."""
        return self.first_start.lo if self.first_start else None

    @property
    def end_s(self) -> float | None:
        """Seconds until the last end, the latest it can have been; None while it runs."""
        return self.last_end.hi if self.last_end else None

    @property
    def running(self) -> bool:
        """Whether it was running at the last look."""
        ran = [run for run in self.runs if run.ran]
        return bool(ran) and ran[-1].end is None

    @property
    def starts(self) -> int:
        """How often a process of it started, as far as is known."""
        return sum(run.count for run in self.runs if run.ran)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons of waiting and of ending, in order, without immediate repetition."""
        found: list[str] = []
        for span in self.spans:
            if span.reason and span.state != "running" and (not found or found[-1] != span.reason):
                found.append(span.reason)
        return tuple(found)


"""An object as the API sent it, untouched."""
