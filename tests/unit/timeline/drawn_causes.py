"""
Edges that a picture draws before their possible cause, in words: an own list of causes, apart from the package's.

A moment is drawn at its point (``best``), or hatched from ``lo`` to ``hi``. An effect is drawn before its cause when
its left edge lies left of the cause's, or its right edge left of the cause's right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from podlab.timeline import Instant, Lane, Marker, Span, Timeline

NEAR_S = 1e-5

Pair = tuple[str, Instant | None, str, Instant | None]
"""Name and moment of a cause, name and moment of its effect."""


def violations(timeline: Timeline) -> list[str]:
    """Every edge of this timeline that is drawn before its possible cause."""
    return [
        f"{timeline.name}: {effect} is drawn at {_drawn(late)}, before {cause} at {_drawn(early)}"
        for cause, early, effect, late in pairs(timeline)
        if early is not None and late is not None and _before(late, early)
    ]


def pairs(timeline: Timeline) -> Iterator[Pair]:
    """Causes and effects of one timeline."""
    yield from _within_lanes(timeline)
    yield from _between_lanes(timeline)
    yield from _stops(timeline)
    yield from _marks(timeline)
    yield from _pod(timeline)


def left(at: Instant) -> float:
    """The leftmost second at which anything of this moment is drawn."""
    return at.lo if at.best is None else at.best


def right(at: Instant) -> float:
    """The rightmost one; infinite where nothing bounds it, so that it is hatched to the picture's edge."""
    return at.hi if at.best is None else at.best


def _before(late: Instant, early: Instant) -> bool:
    return left(late) < left(early) - NEAR_S or right(late) < right(early) - NEAR_S


def _drawn(at: Instant) -> str:
    return f"[{left(at):.4f} {right(at):.4f}]"


def stopping(lane: Lane, restart: int) -> Span | None:
    """The span of one run between its SIGTERM and its end."""
    return next((s for s in lane.spans if s.state == "terminating" and s.restart == restart), None)


def _within_lanes(timeline: Timeline) -> Iterator[Pair]:
    for lane in timeline.lanes:
        edges = [(f"{span.state} of {lane.name}", span.start) for span in lane.spans]
        if lane.spans and lane.spans[-1].end is not None:
            edges.append((f"what follows {lane.spans[-1].state} of {lane.name}", lane.spans[-1].end))
        yield from ((*early, *late) for early, late in pairwise(edges))


def _between_lanes(timeline: Timeline) -> Iterator[Pair]:
    """A container starts after each regular init container before it has succeeded, each sidecar has started."""
    for index, lane in enumerate(timeline.lanes):
        gate = _gate(lane)
        later = timeline.lanes[index + 1 :] if lane.role in ("init", "sidecar") else ()
        for other in later:
            if other.first_start is not None and other.runs[0].seen:
                yield f"gate of {lane.name}", gate, f"start of {other.name}", _shown_start(other)


def _gate(lane: Lane) -> Instant | None:
    if lane.role == "sidecar":
        return _shown_start(lane) if lane.starts else None
    ran = [run for run in lane.runs if run.ran]
    if not all(run.seen for run in ran):
        return None
    good = next((run for run in ran if run.end is not None and run.exit_code == 0), None)
    return None if good is None else _shown_end(lane, good.restart)


def _shown_start(lane: Lane) -> Instant | None:
    return next((s.start for s in lane.spans if s.state in ("running", "terminating", "unseen")), None)


def _shown_end(lane: Lane, restart: int) -> Instant | None:
    """The end of a run as its lane draws it."""
    mine = [s for s in lane.spans if s.restart == restart and s.state in ("running", "terminating")]
    return mine[-1].end if mine else None


def _stops(timeline: Timeline) -> Iterator[Pair]:
    """A delete comes before the SIGTERM that answers it; a sidecar's SIGTERM comes after the apps' ends."""
    for lane in timeline.lanes:
        told = [s for s in lane.spans if s.state == "terminating" and "Stopping container" in s.message]
        for span in told[-1:]:
            if _answers_a_delete(timeline, span):
                yield "the delete", timeline.deletion, f"told to stop of {lane.name}", span.start
            if lane.role == "sidecar" and span.restart == lane.runs[-1].restart:
                yield from _turn(timeline, lane, span)


def _answers_a_delete(timeline: Timeline, span: Span) -> bool:
    """Whether an app lived when the delete was asked for: else it is the Pod's own end that stops a sidecar."""
    apps = [lane for lane in timeline.lanes if lane.role == "app" and lane.starts]
    asked = timeline.deletion
    if asked is None or span.start.hi < asked.lo:
        return False
    return any(lane.running or (lane.last_end is not None and lane.last_end.lo > asked.hi) for lane in apps)


def _turn(timeline: Timeline, lane: Lane, span: Span) -> Iterator[Pair]:
    place = timeline.lanes.index(lane)
    first = [o for o in timeline.lanes if o.role == "app"]
    first += [o for o in timeline.lanes[place + 1 :] if o.role == "sidecar"]
    grace = timeline.pod["spec"].get("terminationGracePeriodSeconds", 30)
    if timeline.deletion is not None:
        grace = min(grace, timeline.pod["metadata"].get("deletionGracePeriodSeconds", grace))
    announced = min(m.at.lo for m in timeline.markers if m.label == "Killing" and m.container == lane.name)
    for other in first:
        end = _shown_end(other, other.runs[-1].restart) if other.starts else None
        if other.starts and other.running:
            end = Instant(timeline.until, timeline.until)  # it still runs: nobody behind it has been told
        if end is not None and end.lo < announced + grace:
            yield f"end of {other.name}", end, f"told to stop of {lane.name}", span.start


def _marks(timeline: Timeline) -> Iterator[Pair]:
    """What a container failed at, or was told, comes after it had started; the Pod's end after all ends."""
    for marker in timeline.markers:
        lane = next((one for one in timeline.lanes if one.name == marker.container), None)
        about_life = marker.kind in ("probe", "hook", "signal") or marker.label == "Killing"
        if lane is not None and lane.starts and lane.runs[0].seen and about_life:
            yield (
                f"start of {lane.name}",
                _shown_start(lane),
                f"{marker.label} mark of {lane.name}",
                _point(marker),
            )
        if lane is not None and marker.label == "SIGTERM":
            yield from _sigterm(lane, marker)


def _sigterm(lane: Lane, marker: Marker) -> Iterator[Pair]:
    """The mark of the signal by which a lane begins to be told to stop stands where the lane does so."""
    for span in lane.spans:
        told = span.start
        if span.state == "terminating" and told.lo <= marker.at.hi and marker.at.lo <= told.hi:
            yield f"told to stop of {lane.name}", told, f"SIGTERM mark of {lane.name}", _point(marker)


def _point(marker: Marker) -> Instant:
    """Marks are drawn at one point."""
    return Instant(marker.at.lo, marker.at.hi, best=marker.at.mid)


def _pod(timeline: Timeline) -> Iterator[Pair]:
    for lane in timeline.lanes:
        for run in lane.runs:
            if run.seen and run.ran and run.end is not None:
                yield f"end of {lane.name}", _shown_end(lane, run.restart), "gone", timeline.gone
    yield "the delete", timeline.deletion, "gone", timeline.gone
    counted = [lane for lane in timeline.lanes if lane.role in ("app", "sidecar") and lane.starts]
    ready = next((v.start for v in timeline.conditions.get("Ready", ()) if v.word == "True"), None)
    for lane in counted:
        yield f"start of {lane.name}", lane.first_start, "Ready", ready
    for stretch in timeline.phases:
        if stretch.word in ("Succeeded", "Failed"):
            for lane in (one for one in timeline.lanes if one.role == "app"):
                last = _shown_end(lane, lane.runs[-1].restart) if lane.starts else None
                yield f"end of {lane.name}", last, f"phase {stretch.word}", stretch.start
    running = next((s.start for s in timeline.phases if s.word == "Running"), None)
    for lane in timeline.lanes:
        if lane.role == "init":
            yield f"gate of {lane.name}", _gate(lane), "phase Running", running
