"""
Spans of a lane: what a container did between its runs (waiting, pulling, back-off) and during them.

Starts and ends of runs are fused from all clocks (``bounds``); the steps in between are told by statuses,
whose arrival bounds them only from above, and by Events.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from podlab.pods import roles
from podlab.pods.raw import RawObject
from podlab.timeline.causality import after, in_order
from podlab.timeline.facts import Emission, Facts
from podlab.timeline.model import Evidence, Instant, Run, Span
from podlab.timeline.offsets import Clocks
from podlab.timeline.runs import Draft, short_id
from podlab.timeline.signals import signals
from podlab.timeline.stopping import PrecedingEnds, sigterm, stops, told_at

_WAITS = frozenset({"Pulling", "Pulled", "Failed", "BackOff"})
BACK_OFF = frozenset({"CrashLoopBackOff", "ImagePullBackOff"})


@dataclass(frozen=True, slots=True)
class _Step:
    """From here on the container is in *state*."""

    at: Instant
    state: str
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class _SeenStatus:
    """One status of one container, and when it arrived."""

    t: float
    status: RawObject

    @property
    def state(self) -> str:
        return next(iter(self.status.get("state") or {}), "")

    @property
    def waiting(self) -> RawObject:
        return (self.status.get("state") or {}).get("waiting") or {}


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """
    The facts about one container: its role and spec, statuses and Events, and how to read the clocks.
    """

    name: str
    role: str
    spec: RawObject
    looks: list[_SeenStatus]
    running: dict[str, list[_SeenStatus]]  # container id -> the looks that showed it running
    waits: list[Emission]  # Events that tell of pulls and back-off, by time
    killings: list[Emission]
    sigterms: dict[
        int, Instant
    ]  # restart -> when PID 1 was sent SIGTERM, where the node or the app's log said so
    clocks: Clocks
    turn: PrecedingEnds


def told_of(name: str, facts: Facts, clocks: Clocks, turn: PrecedingEnds) -> ContainerFacts:
    """Collect what was told about one container; *turn*: what comes before it is told to stop."""
    role, spec = facts.role_of()[name]
    looks = [
        _SeenStatus(s.t, status)
        for s in facts.seen
        for status in roles.statuses(s.pod)
        if status["name"] == name
    ]
    running: dict[str, list[_SeenStatus]] = {}
    for look in looks:
        if look.state == "running":
            running.setdefault(short_id(look.status.get("containerID")), []).append(look)
    events = sorted((e for e in facts.emissions if e.container == name), key=lambda e: e.lo)
    waits = [e for e in events if e.reason in _WAITS]
    killings = [e for e in events if e.reason == "Killing"]
    sigterms = {
        restart: sigterm(lo, hi, source)
        for container, restart, word, lo, hi, source in signals(facts, clocks)
        if (container, word) == (name, "SIGTERM")
    }
    return ContainerFacts(name, role, spec, looks, running, waits, killings, sigterms, clocks, turn)


def spans_of(
    told: ContainerFacts, drafts: list[Draft], runs: list[Run], gone: Instant | None
) -> tuple[Span, ...]:
    """Return all spans of one container, from the Pod's creation on; *gone* is when the Pod vanished."""
    spans: list[Span] = []
    since = Instant(0.0, 0.0)
    gaps = _gaps(told.looks, drafts)
    for index in range(len(runs) + 1):
        run = runs[index] if index < len(runs) else None
        before = runs[index - 1] if index else None
        until = (run.start or run.end) if run else gone
        if before is None or before.end is not None:
            spans += _between(before, (since, until), gaps.get(index, []), told)
        if run is None:
            break
        spans += _during(run, drafts[index], told, since)
        since = run.end or run.start or since
    return in_order(spans)


def _gaps(looks: list[_SeenStatus], drafts: list[Draft]) -> dict[int, list[_SeenStatus]]:
    """Statuses that show no running instance, by the number of runs that lay behind them."""
    position = {d.container_id: i + 1 for i, d in enumerate(drafts) if d.container_id}
    found: dict[int, list[_SeenStatus]] = {}
    for look in looks:
        if look.state != "waiting":
            continue
        last = ((look.status.get("lastState") or {}).get("terminated") or {}).get("containerID")
        restart = int(look.status.get("restartCount") or 0)
        default = max((i + 1 for i, d in enumerate(drafts) if d.restart <= restart), default=0) if last else 0
        found.setdefault(position.get(short_id(last), default), []).append(look)
    return found


def _seen_at(since: Instant, t: float, clocks: Clocks, text: str) -> Instant:
    """Return a change that a status showed: somewhere between *since* and the arrival, drawn at the arrival."""
    hi = clocks.arrival(t)
    drawn = max(clocks.drawn(t), since.lo)
    return Instant(since.lo, max(hi, since.lo), (Evidence("watch", text, hi=hi),), best=drawn)


def _said_at(item: Emission, clocks: Clocks) -> Instant:
    lo, hi = item.lo - clocks.zero, min(item.hi - clocks.zero, clocks.arrival(item.arrived))
    return Instant(lo, max(lo, hi), (Evidence("event", f"{item.reason} Event", lo, hi),))


def _between(
    before: Run | None,
    stretch: tuple[Instant, Instant | None],
    looks: list[_SeenStatus],
    told: ContainerFacts,
) -> list[Span]:
    """Return the spans from the end of one run to the start of the next."""
    since, until = stretch
    clocks = told.clocks
    first = _Step(since, "waiting", "")
    if before is not None:
        first = _Step(since, "terminated", before.reason, before.message)
    steps = [first, *_waiting_steps(since, looks, clocks), *_event_steps(since, until, told.waits, clocks)]
    head, rest = steps[0], sorted(steps[1:], key=lambda s: s.at.mid)
    found = _spans([head, *_distinct(head, rest)], until)
    if before is None:
        return found
    return [
        Span(s.state, s.reason, s.start, s.end, before.restart, before.exit_code, before.signal, s.message)
        if s.state == "terminated"
        else Span(s.state, s.reason, s.start, s.end, before.restart + before.count, message=s.message)
        for s in found
    ]


def _waiting_steps(since: Instant, looks: list[_SeenStatus], clocks: Clocks) -> list[_Step]:
    found: list[_Step] = []
    for look in looks:
        reason = str(look.waiting.get("reason") or "")
        state = "back-off" if reason in BACK_OFF else "waiting"
        if not found or found[-1].reason != reason:
            at = (
                since
                if not found and since.hi <= 0
                else _seen_at(since, look.t, clocks, f"a status said {reason}")
            )
            found.append(_Step(at, state, reason, str(look.waiting.get("message") or "")))
    return found


def _event_steps(since: Instant, until: Instant | None, mine: list[Emission], clocks: Clocks) -> list[_Step]:
    """Image pulls, and the back-off of a sidecar that no status shows, as Events tell of them."""
    limit = until.hi if until else inf
    found: list[_Step] = []
    seen: set[tuple[str, float]] = set()
    for item in mine:
        at = _said_at(item, clocks)
        inside = (
            since.lo <= at.hi and at.lo <= limit and at.mid >= since.mid and (item.reason, at.lo) not in seen
        )
        seen.add((item.reason, at.lo))
        if not inside:
            continue
        if item.reason == "Pulling":
            found.append(_Step(at, "pulling", "Pulling", item.message))
        elif found and found[-1].state == "pulling" and item.reason in ("Pulled", "Failed"):
            found.append(
                _Step(at, "waiting", "" if item.reason == "Pulled" else "ErrImagePull", item.message)
            )
        elif item.reason == "BackOff" and item.message.startswith("Back-off restarting"):
            found.append(_Step(at, "back-off", "CrashLoopBackOff", item.message))
    return found


def _distinct(head: _Step, steps: list[_Step]) -> list[_Step]:
    found: list[_Step] = []
    last = head
    for step in steps:
        if (step.state, step.reason) == (last.state, last.reason):
            continue
        if step.state == "waiting" and not step.reason and last.state not in ("pulling",):
            continue
        found.append(step)
        last = step
    return found


def _spans(steps: list[_Step], until: Instant | None) -> list[Span]:
    """Spans from steps; the last one ends at *until*. Steps that would lie behind it are left out."""
    kept = [s for i, s in enumerate(steps) if i == 0 or until is None or _reaches(s, until)]
    ends = [*(s.at for s in kept[1:]), until]
    found = [Span(s.state, s.reason, s.at, end, message=s.message) for s, end in zip(kept, ends, strict=True)]
    real = [s for s in found if s.end is None or s.end.hi > s.start.lo or s.end.mid > s.start.mid]
    return [s for s in real if s.reason or s.end is None or s.end.mid - s.start.mid > 1e-9 or len(real) == 1]


def _reaches(step: _Step, until: Instant) -> bool:
    """
    Return whether the step belongs before *until*; being told to stop does, even when the end may have come first.
    """
    return step.at.mid <= until.mid or (step.state == "terminating" and step.at.lo <= until.hi)


def _during(run: Run, draft: Draft, told: ContainerFacts, since: Instant) -> list[Span]:
    """Return the spans of one run."""
    if run.start is None:
        return []
    if not run.seen:
        return [Span("unseen", "not seen", since, run.end or run.start, run.restart, message=_unseen(run))]
    steps = [_Step(run.start, "running", _first_reason(told.role, told.spec))]
    for look in told.running.get(draft.container_id, ()):
        reason = _running_reason(told.role, look.status)
        if reason != steps[-1].reason:
            at = _seen_at(run.start, look.t, told.clocks, f"a status said {reason}")
            steps.append(_Step(at, "running", reason))
    stop = _told_to_stop(run, told, since)
    if stop is not None:
        steps.append(stop)
    head, rest = steps[0], sorted(steps[1:], key=lambda s: s.at.mid)
    found = _spans([head, *_cut_after_kill(rest)], run.end)
    found = found or [Span("running", head.reason, run.start, run.end)]  # over before it was noted as started
    return [
        Span(s.state, s.reason, s.start, s.end, run.restart, run.exit_code, run.signal, s.message)
        for s in found
    ]


def _told_to_stop(run: Run, facts: ContainerFacts, since: Instant) -> _Step | None:
    """Return the moment of SIGTERM, as far as it is known: by the node or the app's log, else by a Killing Event."""
    known = facts.sigterms.get(run.restart)
    limit = run.end.hi if run.end else inf
    for item in facts.killings:
        announced = _said_at(item, facts.clocks)
        if since.evidence and announced.mid <= since.hi:
            continue  # it told the run before
        if run.start is None or announced.hi < run.start.lo or announced.lo > limit:
            continue
        at = told_at(run, announced, stops(item), facts.turn)
        if known is not None:
            at = after(known, at, "its turn had come")
        return None if at is None else _Step(at, "terminating", "Killing", item.message)
    return None


def _cut_after_kill(steps: list[_Step]) -> list[_Step]:
    """Once told to stop, a container stays told: readiness may still flip, the span does not."""
    found: list[_Step] = []
    for step in steps:
        found.append(step)
        if step.state == "terminating":
            break
    return found


def _unseen(run: Run) -> str:
    return "1 run that nobody saw" if run.count == 1 else f"{run.count} runs that nobody saw"


def _first_reason(role: str, spec: RawObject) -> str:
    """Return what a container is the moment it starts, before any status tells."""
    if role == "init":
        return "started"
    if spec.get("startupProbe"):
        return "starting"
    if spec.get("readinessProbe"):
        return "started"
    return "ready" if role != "ephemeral" else "started"


def _running_reason(role: str, status: RawObject) -> str:
    if not status.get("started"):
        return "starting" if role not in ("init", "ephemeral") else "started"
    return "ready" if status.get("ready") and role != "init" else "started"
