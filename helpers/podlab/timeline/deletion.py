"""When a Pod was asked to go, and when it was gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from podlab.timeline.causality import after, latest
from podlab.timeline.clocks import parse_s
from podlab.timeline.facts import Facts
from podlab.timeline.model import Evidence, Instant, Run
from podlab.timeline.offsets import Clocks, act_t
from podlab.timeline.stopping import stops

Runs = Mapping[str, Sequence[Run]]


def ends_of(runs: Runs) -> list[Instant]:
    """Return all ends of all containers."""
    return [run.end for found in runs.values() for run in found if run.end is not None and run.ran]


def gone_at(facts: Facts, clocks: Clocks, causes: Iterable[Instant] = ()) -> Instant | None:
    """When the Pod vanished, after all of *causes*; None while it exists."""
    last = next((s for s in reversed(facts.seen) if s.type == "DELETED"), None)
    if last is None:
        return None
    hi = clocks.arrival(last.t)
    at = Instant(-inf, hi, (Evidence("watch", "DELETED arrived", hi=hi),), clocks.drawn(last.t))
    return after(at, latest(causes), "its containers had ended, and it had been asked to go")


def deletion(facts: Facts, clocks: Clocks, runs: Runs) -> Instant | None:
    """
    When the first delete was asked for; None without one.

    ``deletionTimestamp`` less its grace gives the second. The recorder's own request bounds it from below, and what
    answers it from above: the state that shows it, and the Killing Events of containers that lived then.
    """
    for seen in facts.seen:
        meta = seen.pod["metadata"]
        at = parse_s(meta.get("deletionTimestamp"))
        if at is not None:
            begun = at - float(meta.get("deletionGracePeriodSeconds") or 0)
            lo, hi = clocks.of_server(begun, 1.0)
            arrived = clocks.arrival(seen.t)
            text = "deletionTimestamp less its grace, a whole second"
            both = (Evidence("status", text, lo, hi), Evidence("watch", "arrival", hi=arrived))
            shown = Instant(lo, max(lo, min(hi, arrived)), both)
            return _answered(_asked(shown, facts, clocks), facts, clocks, runs)
    return None


def _asked(at: Instant, facts: Facts, clocks: Clocks) -> Instant:
    """Not before the recorder's own request, where that lies in the second in question."""
    if not clocks.recorder.known:
        return at
    for act in facts.recorder:
        if act.get("event") == "delete" or (act.get("event") == "step" and act.get("verb") == "delete"):
            begun = clocks.act(act_t(act))[0]
            if at.lo < begun <= at.hi:
                rule = Evidence("recorder", "the recorder asked for it", lo=begun)
                return Instant(begun, at.hi, (*at.evidence, rule))
    return at


def _answered(at: Instant, facts: Facts, clocks: Clocks, runs: Runs) -> Instant:
    """Not after the first Killing Event of an app that nothing but the delete can have stopped."""
    roles = facts.role_of()
    reasons = {str((s.pod.get("status") or {}).get("reason") or "") for s in facts.seen}
    if reasons - {""} or any(e.reason == "SandboxChanged" for e in facts.emissions):
        return at
    alive = any(
        run.end is None or run.end.lo > at.hi
        for name, found in runs.items()
        if roles[name][0] == "app"
        for run in found[-1:]
    )
    for item in facts.emissions:
        answers = item.reason == "Killing" and stops(item) and item.component == "kubelet"
        if answers and (alive or roles.get(item.container, ("",))[0] == "app"):
            hi = min(item.hi - clocks.zero, clocks.arrival(item.arrived))
            if at.lo <= hi < at.hi:
                rule = Evidence("event", f"Killing Event of {item.container}, which answers it", hi=hi)
                at = Instant(at.lo, hi, (*at.evidence, rule))
    return at
