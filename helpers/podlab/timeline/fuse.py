"""
Intervals from evidence, and the orders that rules force between them.

A ``Moment`` gathers evidence; ``solve`` intersects it, lets ordering rules pass bounds on, and never trusts a
contradiction: when pieces of evidence exclude each other, one of the sources must be wrong but not known
which, so the interval grows to hold what remains true whichever is left out, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from podlab.timeline.model import Evidence, Instant

SLACK_S = 1e-6
"""Rounding of float seconds; intervals that miss each other by less do not contradict."""


@dataclass(slots=True, eq=False)
class Moment:
    """One moment under construction: its name for notes, and its evidence."""

    name: str
    evidence: list[Evidence] = field(default_factory=list)
    lo: float = -inf
    hi: float = inf
    lo_by: Evidence | None = None
    hi_by: Evidence | None = None
    doubtful: bool = False

    def add(self, source: str, text: str, lo: float = -inf, hi: float = inf) -> None:
        """Note one piece of evidence."""
        self.evidence.append(Evidence(source, text, lo, hi))

    def instant(self) -> Instant:
        """Return the result, with the evidence that decided it first and the rest behind."""
        first = [e for e in (self.lo_by, self.hi_by) if e is not None]
        rest = [e for e in self.evidence if e not in first]
        return Instant(self.lo, self.hi, tuple(dict.fromkeys([*first, *rest])))


@dataclass(frozen=True, slots=True)
class Order:
    """A rule: *earlier* is not after *later* (by *gap* seconds more when given)."""

    earlier: Moment
    later: Moment
    text: str
    gap: float = 0.0


def intersect(evidence: Iterable[Evidence]) -> tuple[float, float]:
    """Return the interval that satisfies all evidence; lo > hi when none does."""
    lo, hi = -inf, inf
    for item in evidence:
        lo, hi = max(lo, item.lo), min(hi, item.hi)
    return lo, hi


def reconcile(evidence: Sequence[Evidence]) -> tuple[float, float, bool]:
    """
    Return the interval that holds whichever one source is wrong, and whether there was a contradiction.

    With no contradiction that is the intersection. Otherwise each source is left out in turn and the hull of
    what the others still agree on is taken; if no two agree, the hull of everything.
    """
    lo, hi = intersect(evidence)
    if lo <= hi + SLACK_S:
        return min(lo, hi), max(lo, hi), False
    sources = {e.source for e in evidence}
    parts = [intersect(e for e in evidence if e.source != source) for source in sources]
    agreed = [part for part in parts if part[0] <= part[1]]
    if not agreed or len(sources) == 1:
        agreed = [(e.lo, e.hi) for e in evidence]
    return min(p[0] for p in agreed), max(p[1] for p in agreed), True


def solve(moments: Sequence[Moment], orders: Sequence[Order]) -> list[str]:
    """
    Give each moment its interval; returns notes on contradictions.

    Orders are passed on until nothing moves. When the evidence contradicts one, either the rule or one side's
    deciding source is wrong: the rule is dropped, both sides are widened by leaving that source out, and all
    is worked out again, so that no bound remains that rested on it.
    """
    notes: list[str] = []
    live, doubts = list(orders), list[tuple[Moment, str]]()
    for _ in range(len(orders) + 1):
        notes = [n for n in notes if n.startswith("clocks")]
        notes += [note for moment in moments if (note := _settle(moment))]
        for moment, source in doubts:
            _widen(moment, source)
        broken = _propagate(moments, live)
        if broken is None:
            break
        live.remove(broken)
        notes.append(f"clocks disagree about: {broken.text}; not used")
        doubts += [(m, by.source) for m, by in _deciders(broken) if by is not None]
    return notes


def _deciders(order: Order) -> tuple[tuple[Moment, Evidence | None], ...]:
    earlier, later = order.earlier, order.later
    own_lo = max((e for e in earlier.evidence if e.lo > -inf), key=lambda e: e.lo, default=None)
    own_hi = min((e for e in later.evidence if e.hi < inf), key=lambda e: e.hi, default=None)
    return (earlier, own_lo), (later, own_hi)


def _widen(moment: Moment, source: str) -> None:
    """Let the interval hold what the other sources alone would say."""
    lo, hi = intersect(e for e in moment.evidence if e.source != source)
    moment.lo, moment.hi, moment.doubtful = min(moment.lo, lo), max(moment.hi, hi), True


def _propagate(moments: Sequence[Moment], orders: Sequence[Order]) -> Order | None:
    """Pass bounds on along the orders until nothing moves; the first order that cannot hold, or None."""
    # Lower bounds travel along a chain, upper ones back: two sweeps, mostly.
    for sweep in range(len(moments) + 1):
        moved = False
        for order in orders if sweep % 2 == 0 else reversed(orders):
            verdict = _apply(order)
            if verdict is None:
                return order
            moved = moved or verdict
        if not moved:
            break
    return None


def _settle(moment: Moment) -> str | None:
    moment.lo, moment.hi, moment.doubtful = reconcile(moment.evidence)
    moment.lo_by = max((e for e in moment.evidence if e.lo > -inf), key=lambda e: e.lo, default=None)
    moment.hi_by = min((e for e in moment.evidence if e.hi < inf), key=lambda e: e.hi, default=None)
    if not moment.doubtful:
        return None
    sources = ", ".join(sorted({e.source for e in moment.evidence}))
    return f"{moment.name}: {sources} contradict each other; the interval holds all of them"


def _apply(order: Order) -> bool | None:
    """Return whether the rule moved a bound; None when it cannot hold."""
    earlier, later = order.earlier, order.later
    lo, hi = earlier.lo + order.gap, later.hi - order.gap
    if lo > later.hi + SLACK_S:
        return None
    moved = False
    if lo > later.lo + SLACK_S:
        later.lo, later.lo_by, moved = min(lo, later.hi), Evidence("rule", order.text, lo=lo), True
    if hi < earlier.hi - SLACK_S:
        earlier.hi, earlier.hi_by, moved = max(hi, earlier.lo), Evidence("rule", order.text, hi=hi), True
    return moved
