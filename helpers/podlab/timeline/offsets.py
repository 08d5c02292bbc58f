"""The offsets between the clocks of one recording, from the messages and answers that went between them."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from podlab.timeline.clocks import ONE_CLOCK, Offset, OffsetEvidence, parse_s
from podlab.timeline.facts import Facts

LOG_LAG_S = {"embedded": 0.3, "": 0.1}
"""
How long after the end of a run its last log line may be stamped, by driver: when the runtime reads the pipe.

Measured on loaded machines: containerd 2.2 up to 67 ms (455 containers); the embedded node, which reads in Python, up
to 114 ms (180 containers).
"""


class Clocks:
    """The offsets of one recording, seconds to add to get the node's clock."""

    def __init__(self, facts: Facts) -> None:
        self.zero = facts.zero
        self._wall = facts.wall_zero
        self.one_machine = facts.header.get("driver") in ONE_CLOCK
        self.log_lag = LOG_LAG_S.get(str(facts.header.get("driver")), LOG_LAG_S[""])
        evidence = _recorder_evidence(facts)
        self.recorder = evidence.offset()
        self.notes: list[str] = []
        if evidence.contradictory:
            self.notes.append(
                "the recorder's clock and the node's cannot be matched; arrival times are not used"
            )
        elif not self.recorder.known:
            self.notes.append(
                "how far the recorder's clock is from the node's is not known; arrival times are not used"
            )
        server = _server_evidence(facts)
        self.server = Offset(0.0, 0.0) if self.one_machine else server.offset()

    def arrival(self, t: float) -> float:
        """
        Return the latest node time, since the timeline's 0, at which what arrived at *t* was sent; inf if unbounded.
        """
        return self._wall + t + self.recorder.hi - self.zero if self.recorder.known else inf

    def act(self, t: float) -> tuple[float, float]:
        """Return the node's time, as an interval, of something that the recorder did or saw at *t*."""
        base = self._wall + t - self.zero
        return (base + self.recorder.lo, base + self.recorder.hi) if self.recorder.known else (-inf, inf)

    def drawn(self, t: float) -> float:
        """Return a plain number for *t*, for drawing: the middle of what is known, or the recorder's own clock."""
        lo, hi = self.act(t)
        return (lo + hi) / 2 if self.recorder.known else self._wall + t - self.zero

    def of_server(self, seconds: float, width: float) -> tuple[float, float]:
        """Return a stamp of the API server or the scheduler as node time since the timeline's 0."""
        at = seconds - self.zero
        return at + self.server.lo, at + width + self.server.hi


def _recorder_evidence(facts: Facts) -> OffsetEvidence:
    """Node minus recorder: messages bound it from below, answers to the recorder's own acts from above."""
    found = OffsetEvidence()
    wall = facts.wall_zero
    kubelet = [e for e in facts.emissions if e.component == "kubelet"]
    for item in kubelet:
        found.received(item.lo, wall + item.arrived, f"{item.reason} Event")
    for lines in facts.logs.values():
        if lines.last_arrived:
            found.received(lines.last, wall + lines.last_arrived, "log line")
    node = facts.latest.get("spec", {}).get("nodeName")
    for told, sent_t, latest in facts.times:
        if told == node:
            found.answered(wall + sent_t, latest, "the node, asked for its time")
    for act, answers in _acts(facts):
        for item in [e for e in kubelet if e.reason in answers]:
            found.answered(wall + act, item.hi, f"{item.reason} Event after the recorder's act")
        if answers is not _DELETED and facts.header.get("driver") in ONE_CLOCK:
            scheduled = [e for e in facts.emissions if e.reason == "Scheduled"]
            for item in scheduled:
                found.answered(wall + act, item.hi, "Scheduled Event after apply")
            created = parse_s(facts.latest["metadata"].get("creationTimestamp"))
            if created is not None:
                found.answered(wall + act, created + 1, "creationTimestamp after apply")
    return found


class _Every:
    def __contains__(self, reason: object) -> bool:
        return True


_APPLIED = _Every()

_DELETED = frozenset({"Killing"})


def _acts(facts: Facts) -> list[tuple[float, _Every | frozenset[str]]]:
    """
    Return the recorder's acts that the node answered: *t* when it began each, and the Events that can only come
    after.

    A Killing Event answers a delete only if nothing else made the kubelet kill before: exactly one act, and
    the Event arrived after it.
    """
    found: list[tuple[float, _Every | frozenset[str]]] = []
    for item in facts.recorder:
        event, t = item.get("event"), act_t(item)
        if event == "apply" and _is_about(item, facts.name):
            found.append((t, _APPLIED))
        deletes = event == "delete" or (event == "step" and item.get("verb") == "delete")
        if deletes and _is_about(item, facts.name):
            kills = [e for e in facts.emissions if e.reason == "Killing"]
            if kills and all(e.arrived >= t for e in kills) and _alive_until(facts, t):
                found.append((t, _DELETED))
    return found


def _alive_until(facts: Facts, t: float) -> bool:
    """Return whether no container had ended by itself or by a probe before *t*, as far as the recorder saw."""
    before = [s for s in facts.seen if s.t <= t]
    return (
        bool(before)
        and before[-1].pod.get("status", {}).get("phase") == "Running"
        and not any(
            e.reason in ("Unhealthy", "FailedPostStartHook", "DeadlineExceeded", "Evicted")
            for e in facts.emissions
        )
    )


def _is_about(item: Mapping[str, Any], name: str) -> bool:
    """Return whether the recorder's act was about this Pod; one that names nothing is about all."""
    objects = item.get("objects")
    if not objects:
        return (item.get("name") or item.get("pod") or name) == name
    return any((o.get("name") if isinstance(o, Mapping) else o) == name for o in objects)


def act_t(item: Mapping[str, Any]) -> float:
    """When the recorder began an act, by its own clock: what answered it came later."""
    return float(next((item[key] for key in ("since_t", "sent_t", "t") if item.get(key) is not None), 0.0))


def _server_evidence(facts: Facts) -> OffsetEvidence:
    """Node minus API server: the server stamps each Event when it is stored, after the kubelet made it."""
    found = OffsetEvidence()
    created = parse_s(facts.latest["metadata"].get("creationTimestamp"))
    for item in facts.emissions:
        if item.component != "kubelet":
            continue
        if item.stored is not None:
            found.received(item.lo, item.stored + 1, f"{item.reason} Event, stored later")
        if created is not None:
            found.answered(created, item.hi, f"{item.reason} Event after the Pod's creation")
    for seen in facts.seen:
        for condition in seen.pod.get("status", {}).get("conditions") or []:
            if condition.get("type") == "Ready" and created is not None:
                at = parse_s(condition.get("lastTransitionTime"))
                if at is not None:
                    found.answered(created, at + 1, "condition after the Pod's creation")
    return found
