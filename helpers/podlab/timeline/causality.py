"""
No moment before its possible cause: intervals narrowed by what must have come first, and points moved behind it.

``bounds`` does this for starts and ends of runs, whose intervals are exact claims. Here it is done for what is drawn
between and around them: edges of spans, strips, marks. Where clocks contradict each other, so that the cause would lie
beyond the interval, nothing is changed: a wrong clock must not move an edge that another clock knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

from podlab.timeline.clocks import START_LAG_S
from podlab.timeline.fuse import SLACK_S
from podlab.timeline.model import Evidence, Instant, Lane, Run, Span


def after(at: Instant, cause: Instant | None, text: str) -> Instant:
    """
    *at*, which cannot precede *cause*: its interval begins no earlier, and its point lies behind all of the cause.

    Args:
        at: The moment to narrow.
        cause: What must have come before; None when nothing must.
        text: The rule in words, for the evidence.
    """
    if cause is None:
        return at
    lo = min(cause.lo, at.hi) if at.lo < cause.lo <= at.hi + SLACK_S else at.lo
    evidence = at.evidence if lo == at.lo else (*at.evidence, Evidence("rule", text, lo=lo))
    best = at.best
    if best is not None:
        best = min(max(best, _drawn_to(cause), lo), max(at.hi, best))
    return at if (lo, best) == (at.lo, at.best) else Instant(lo, at.hi, evidence, best)


def pointed_after(at: Instant, cause: Instant | None, text: str) -> Instant:
    """The same for what is drawn as one point, a mark: it is not drawn in the middle when the cause may lie there."""
    narrowed = after(at, cause, text)
    if cause is None or narrowed.best is not None or narrowed.hi == inf:
        return narrowed
    point = min(max(narrowed.mid, _drawn_to(cause)), narrowed.hi)
    return narrowed if point == narrowed.mid else replace(narrowed, best=point)


def before(at: Instant, effect: Instant | None, text: str) -> Instant:
    """*at*, which cannot follow *effect*: its interval ends no later."""
    if effect is None or not at.lo - SLACK_S <= effect.hi < at.hi:
        return at
    return Instant(
        at.lo, max(at.lo, effect.hi), (*at.evidence, Evidence("rule", text, hi=effect.hi)), at.best
    )


def _drawn_to(cause: Instant) -> float:
    """Return the rightmost second at which anything of a moment is drawn."""
    if cause.best is not None:
        return cause.best
    return cause.hi if cause.hi < inf else cause.lo


def latest(moments: Iterable[Instant]) -> Instant | None:
    """Return the moment at which all of *moments* have passed; None for none."""
    found = list(moments)
    if not found:
        return None
    return Instant(max(m.lo for m in found), max(m.hi for m in found))


def in_order(spans: Sequence[Span]) -> tuple[Span, ...]:
    """
    Spans of one lane with each edge not before the one in front of it.

    A run may end in an interval that begins before the one of its SIGTERM: if it was told to stop, it ended after that.
    """
    if not spans:
        return ()
    edges: list[Instant | None] = [spans[0].start, *(span.end for span in spans)]
    for i in range(1, len(edges)):
        edges[i] = _behind(edges[i], edges[i - 1])
    for i in range(len(edges) - 2, -1, -1):
        edges[i] = _in_front(edges[i], edges[i + 1], edges[i - 1] if i else None)
    return tuple(
        replace(span, start=start or span.start, end=end)
        for span, start, end in zip(spans, edges, edges[1:], strict=False)
    )


def _behind(at: Instant | None, former: Instant | None) -> Instant | None:
    return None if at is None else after(at, former, "it comes after what precedes it in its lane")


def _in_front(at: Instant | None, following: Instant | None, former: Instant | None) -> Instant | None:
    """
    The same from behind: an edge cannot follow the next one, and is drawn at no point beyond it.

    Where no point lies behind the former edge and before the next one, the edge is drawn as an interval.
    """
    if at is None or following is None:
        return at
    if following.hi < at.lo <= following.hi + START_LAG_S:
        return following  # a start that the runtime noted after the end: it was no later than that
    bounded = before(at, following, "it comes before what follows it in its lane")
    left = following.lo if following.best is None else following.best
    if bounded.best is None or bounded.best <= left:
        return bounded
    fits = former is None or _drawn_to(former) <= left
    return replace(bounded, best=max(left, bounded.lo) if fits else None)


def inside_a_run(at: Instant, runs: Sequence[Run]) -> Instant:
    """
    Return a failed probe as a mark: after the container's first start, and drawn within a run where one can hold it.

    An Event that was repeated is known to the second only, and its middle may lie between two runs.
    """
    ran = [run for run in runs if run.start is not None and run.seen]
    if not ran:
        return at
    at = pointed_after(at, runs[0].start, "a container is probed after it has started")
    held = [run for run in ran if _holds(run, at.mid)]
    near = [
        run for run in ran if run.start and run.start.hi <= at.hi and (run.end is None or run.end.lo >= at.lo)
    ]
    if held or not near or at.lo == at.hi:
        return at
    start = near[-1].start
    assert start is not None
    return replace(at, best=min(max(at.lo, start.hi), at.hi))


def _holds(run: Run, t: float) -> bool:
    return run.start is not None and run.start.lo <= t and (run.end is None or t <= run.end.hi)


def gated(lanes: Sequence[Lane]) -> tuple[Lane, ...]:
    """
    Lanes whose first start is not drawn before what lets it begin: inits before it succeeded, sidecars started.

    ``bounds`` orders the runs; here it holds for the edges as lanes show them, which ``in_order`` may have narrowed.
    """
    done: list[Lane] = []
    for lane in lanes:
        gates = [gate for former in done if (gate := _gate(former)) is not None]
        done.append(_started_after(lane, latest(gates)) if lane.runs and lane.runs[0].seen else lane)
    return tuple(done)


def _gate(lane: Lane) -> Instant | None:
    """When a lane lets the next container start; None for apps, and where that is not known."""
    alive = [s for s in lane.spans if s.state in ("running", "terminating")]
    if lane.role == "sidecar":
        return alive[0].start if alive else None
    ran = [run for run in lane.runs if run.ran]
    if lane.role != "init" or not all(run.seen for run in ran):
        return None
    good = next((run for run in ran if run.end is not None and run.exit_code == 0), None)
    return next((s.end for s in reversed(alive) if good and s.restart == good.restart), None)


def _started_after(lane: Lane, gate: Instant | None) -> Lane:
    place = next((i for i, s in enumerate(lane.spans) if s.state in ("running", "terminating")), None)
    if gate is None or place is None:
        return lane
    spans = list(lane.spans)
    start = after(spans[place].start, gate, "it starts after what stands before it")
    spans[place] = replace(spans[place], start=start)
    if place:
        spans[place - 1] = replace(spans[place - 1], end=start)
    return replace(lane, spans=in_order(spans))
