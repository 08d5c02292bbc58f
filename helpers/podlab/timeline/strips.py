"""
Strips and markers: what happened to the Pod as a whole, and the single moments on its lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from podlab.pods import roles
from podlab.pods.raw import RawObject
from podlab.pods.status import status_word
from podlab.timeline.causality import after, inside_a_run, latest
from podlab.timeline.clocks import parse_s
from podlab.timeline.facts import Emission, Facts
from podlab.timeline.model import Evidence, Instant, Lane, Marker, Run, Stretch
from podlab.timeline.offsets import Clocks, act_t
from podlab.timeline.runs import short_id
from podlab.timeline.signals import signals
from podlab.timeline.words import phase_of

PROBES = frozenset({"Unhealthy", "ProbeWarning"})
HOOKS = frozenset({"FailedPostStartHook", "FailedPreStopHook"})


@dataclass(frozen=True, slots=True)
class Causes:
    """The possible causes of a state of the Pod: the runs of its containers, and the request to delete it."""

    runs: Mapping[str, Sequence[Run]]
    deletion: Instant | None = None

    def shown_by(self, pod: RawObject) -> Instant | None:
        """Return the moment at which all that this state of the Pod shows had happened; None where it shows nothing."""
        found = [self.deletion] if self.deletion and pod["metadata"].get("deletionTimestamp") else []
        for status in roles.statuses(pod):
            states = (status.get("state") or {}), (status.get("lastState") or {})
            known = {
                run.container_id: run
                for run in self.runs.get(str(status.get("name")), ())
                if run.container_id
            }
            for state in states:
                found += _edges_shown(state, status, known)
        return latest(found)


def _edges_shown(state: RawObject, status: RawObject, known: Mapping[str, Run]) -> list[Instant]:
    ended = state.get("terminated")
    identity = (ended or {}).get("containerID") or (status.get("containerID") if "running" in state else "")
    run = known.get(short_id(identity))
    if run is None:
        return []
    return [edge for edge in (run.end if ended else run.start,) if edge is not None]


def strip(
    facts: Facts,
    clocks: Clocks,
    word: Callable[[RawObject], str],
    gone: Instant | None,
    causes: Causes,
) -> tuple[Stretch, ...]:
    """Return one word per stretch, as each state of the Pod object showed it; the first begins with the Pod."""
    changes: list[tuple[str, Instant]] = []
    for seen in facts.seen:
        text = word(seen.pod)
        if changes and changes[-1][0] == text:
            continue
        at = Instant(0.0, 0.0)
        if changes:
            hi = clocks.arrival(seen.t)
            before = changes[-1][1]
            at = Instant(
                before.lo, max(before.lo, hi), (Evidence("watch", text, hi=hi),), clocks.drawn(seen.t)
            )
            at = after(after(at, before, "it follows"), causes.shown_by(seen.pod), "the same state shows it")
        changes.append((text, at))
    ends = [*(at for _, at in changes[1:]), gone]
    return tuple(Stretch(text, at, end) for (text, at), end in zip(changes, ends, strict=True))


def phase_strip(
    facts: Facts, clocks: Clocks, gone: Instant | None, causes: Causes, began: Instant | None
) -> tuple[Stretch, ...]:
    """
    ``status.phase`` over time; *began*: see ``running_began``.

    A Pod that was first seen Running was Pending before: the API server makes it so.
    """
    found = strip(facts, clocks, phase_of, gone, causes)
    if began is None:
        return found
    return Stretch("Pending", Instant(0.0, 0.0), began), replace(found[0], start=began), *found[1:]


def running_began(facts: Facts, clocks: Clocks, causes: Causes) -> Instant | None:
    """
    Return when the phase became Running, of a Pod whose first state seen is Running; None for any other.

    Not before each app container had started, not after the containers were ready: both are in one status.
    """
    first = facts.seen[0]
    if phase_of(first.pod) != "Running":
        return None
    hi = clocks.arrival(first.t)
    for condition in first.pod["status"].get("conditions") or ():
        if condition.get("type") == "ContainersReady" and condition.get("status") == "True":
            hi = min(hi, _flip(condition, first.t, clocks).hi)
    restarted = any(each.get("restartCount") for each in first.pod["status"].get("containerStatuses") or ())
    names = [each["name"] for each in roles.containers(first.pod, roles.APP)]
    starts = [
        run.start.lo for name in names for run in causes.runs.get(name, ())[:1] if run.start is not None
    ]
    lo = max(0.0, *starts) if starts and not restarted else 0.0
    evidence = (Evidence("watch", "first seen Running: every app container had started", lo, hi),)
    return Instant(lo, max(lo, hi), evidence, lo)


def status_strip(
    facts: Facts, clocks: Clocks, gone: Instant | None, causes: Causes, began: Instant | None
) -> tuple[Stretch, ...]:
    """kubectl's STATUS over time, by the rule of the server that was recorded; *began*: see ``running_began``."""
    server = facts.header.get("server")
    found = strip(facts, clocks, lambda pod: status_word(pod, server), gone, causes)
    # What STATUS was before, nobody saw.
    return found if began is None else (replace(found[0], start=began), *found[1:])


Floors = Mapping[str, float]
"""What a flip of Ready cannot precede, seconds: by the status it flips to, or by its reason."""


def floors(lanes: Sequence[Lane], pod: RawObject) -> Floors:
    """
    Return the earliest moments for "True" (every app and sidecar must have started before), and for the
    reasons "PodCompleted" (every app must have ended before) and "ContainersNotReady" (one container must
    have ended before, unless a readiness probe or a deletion can be the cause).
    """
    apps = [lane for lane in lanes if lane.role == "app"]
    counted = [*apps, *(lane for lane in lanes if lane.role == "sidecar")]
    starts = [first.lo for lane in counted if (first := lane.first_start) is not None]
    ends = [last.lo for lane in apps if (last := lane.last_end) is not None]
    found = {"True": max(starts, default=-inf), "PodCompleted": max(ends, default=-inf)}
    probed = any(c.get("readinessProbe") for c in roles.containers(pod, roles.INIT, roles.APP))
    if not probed and not pod["metadata"].get("deletionTimestamp"):
        over = [run.end.lo for lane in counted for run in lane.runs if run.end is not None]
        found["ContainersNotReady"] = min(over, default=-inf)
    return found


def conditions(
    facts: Facts, clocks: Clocks, gone: Instant | None, floors: Floors
) -> dict[str, tuple[Stretch, ...]]:
    """Condition type -> its values over time; a flip lies in the second of ``lastTransitionTime``."""
    found: dict[str, list[tuple[str, Instant, str]]] = {}
    for seen in facts.seen:
        for condition in seen.pod.get("status", {}).get("conditions") or []:
            values = found.setdefault(str(condition.get("type")), [])
            value = str(condition.get("status"))
            if not values or values[-1][0] != value:
                at = _flip(condition, seen.t, clocks)
                if values or value == "True":  # the first "False" is that of a Pod which has just been made
                    at = _after(at, condition, floors)
                values.append((value, at, str(condition.get("message") or "")))
    result = {}
    for kind, values in sorted(found.items()):
        ends = [*(v[1] for v in values[1:]), gone]
        result[kind] = tuple(Stretch(v, at, e, m) for (v, at, m), e in zip(values, ends, strict=True))
    return result


def _after(flip: Instant, condition: RawObject, floors: Floors) -> Instant:
    """Narrow the flip of a readiness condition by what must have come before it."""
    if condition.get("type") not in ("Ready", "ContainersReady"):
        return flip
    floor = max(floors.get(str(condition.get(key)), -inf) for key in ("status", "reason"))
    if floor <= flip.lo or floor > flip.hi:  # beyond hi the clocks contradict each other: nothing is gained
        return flip
    rule = Evidence("rule", "its containers had started, or ended, before", lo=floor)
    return Instant(floor, flip.hi, (*flip.evidence, rule))


def _flip(condition: RawObject, t: float, clocks: Clocks) -> Instant:
    hi = clocks.arrival(t)
    at = parse_s(condition.get("lastTransitionTime"))
    if at is None:
        return Instant(-inf, hi, (Evidence("watch", "a status showed it", hi=hi),), clocks.drawn(t))
    at -= clocks.zero
    if condition.get("type") == "PodScheduled":  # written by the API server at the binding, not by the node
        lo, top = clocks.of_server(at + clocks.zero, 1.0)
    else:
        lo, top = at, at + 1
    evidence = (
        Evidence("status", "lastTransitionTime, a whole second", lo, top),
        Evidence("watch", "arrival", hi=hi),
    )
    return Instant(lo, max(lo, min(top, hi)), evidence)


def creation(facts: Facts, clocks: Clocks) -> Instant:
    """When the Pod was created: in the second that the API server printed."""
    lo, hi = clocks.of_server(clocks.zero, 1.0)
    evidence = [Evidence("status", "creationTimestamp, a whole second", lo, hi)]
    first = facts.seen[0]
    if first.type != "LISTED" and clocks.arrival(first.t) < hi:
        hi = max(lo, clocks.arrival(first.t))
        evidence.append(Evidence("watch", "the Pod was seen", hi=hi))
    for act in facts.recorder:
        if act.get("event") == "apply" and clocks.recorder.known:
            begun = clocks.act(act_t(act))[0]
            if lo < begun <= hi:
                lo = begun
                evidence.append(Evidence("recorder", "the manifest was applied", lo=lo))
    return Instant(lo, hi, tuple(evidence))


def markers(
    facts: Facts, clocks: Clocks, causes: Causes, gone: Instant | None, lanes: Sequence[Lane], floors: Floors
) -> tuple[Marker, ...]:
    """Return every single moment worth a mark, in order of time."""
    gaps = facts.gaps
    found = [*_event_markers(facts, clocks, causes), *_condition_markers(facts, clocks, gone, floors)]
    for container, restart, name, lo, hi, source in signals(facts, clocks):
        evidence = (
            Evidence(source, f"{name} as {'the node' if source == 'node' else 'the app'} noted it", lo, hi),
        )
        at = Instant(lo, hi, evidence)
        if name == "SIGTERM":
            at = _as_its_lane(at, [lane for lane in lanes if lane.name == container], restart)
        found.append(Marker("signal", name, at, container))
    if causes.deletion:
        found.append(Marker("deletion", "delete", causes.deletion))
    if gone:
        found.append(Marker("deletion", "gone", gone))
    found += [
        _recorder_marker(item, clocks)
        for item in facts.recorder
        if item.get("event") == "step" or any(item is gap for gap in gaps)
    ]
    return tuple(sorted(found, key=lambda m: m.at.mid))


def _as_its_lane(sigterm: Instant, mine: Sequence[Lane], restart: int) -> Instant:
    """Return when the lane begins to be told to stop, if that is this signal: that moment is bounded by its causes."""
    spans = (span for lane in mine for span in lane.spans)
    told = (span.start for span in spans if span.state == "terminating" and span.restart == restart)
    return next((at for at in told if at.lo <= sigterm.hi and sigterm.lo <= at.hi), sigterm)


def _event_markers(facts: Facts, clocks: Clocks, causes: Causes) -> list[Marker]:
    found: dict[tuple[str, str, str, int], Marker] = {}
    for item in facts.emissions:
        key = (item.reason, item.container, item.message, item.count)
        if key not in found:
            found[key] = _of_its_life(_event_marker(item, clocks), causes)
    return list(found.values())


def _of_its_life(marker: Marker, causes: Causes) -> Marker:
    """A failed probe or hook, or a Killing, lies within the life of its container."""
    if marker.kind == "event" and marker.label != "Killing":
        return marker
    return replace(marker, at=inside_a_run(marker.at, causes.runs.get(marker.container, ())))


def _event_marker(item: Emission, clocks: Clocks) -> Marker:
    kind = "probe" if item.reason in PROBES else "hook" if item.reason in HOOKS else "event"
    if item.component == "kubelet":
        lo, hi = item.lo - clocks.zero, item.hi - clocks.zero
    else:
        lo, hi = clocks.of_server(item.lo, item.hi - item.lo)
    source = "scheduler" if "scheduler" in item.component else "event"
    top = max(lo, min(hi, clocks.arrival(item.arrived)))
    at = Instant(lo, top, (Evidence(source, f"{item.reason} Event", lo, top),))
    return Marker(kind, item.reason, at, item.container, item.message, item.warning, item.count)


def _condition_markers(facts: Facts, clocks: Clocks, gone: Instant | None, floors: Floors) -> list[Marker]:
    found = []
    for kind, values in conditions(facts, clocks, gone, floors).items():
        for index, value in enumerate(values):
            if value.word == "True" or index:
                label = kind if value.word == "True" else f"not {kind}"
                found.append(Marker("condition", label, value.start, message=value.message))
    return found


def _recorder_marker(item: RawObject | object, clocks: Clocks) -> Marker:
    raw = item if isinstance(item, dict) else {}
    t = float(raw.get("t") or 0.0)
    lo, hi = clocks.act(t)
    kind = "gap" if raw.get("event") == "gap" else "act"
    label = "gap" if kind == "gap" else str(raw.get("verb") or "step")
    at = Instant(lo, hi, (Evidence("recorder", label, lo, hi),), clocks.drawn(t))
    return Marker(
        kind, label, at, message=str(raw.get("reason") or raw.get("result") or ""), warning=kind == "gap"
    )
