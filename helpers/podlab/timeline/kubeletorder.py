"""Orders of starts and ends that the kubelet's rules force: within a container, of init containers, of sidecars."""

from __future__ import annotations

from collections.abc import Mapping

from podlab.pods.phase import has_ended
from podlab.pods.roles import statuses
from podlab.timeline.clocks import START_LAG_S
from podlab.timeline.facts import Facts
from podlab.timeline.fuse import Moment, Order
from podlab.timeline.offsets import Clocks
from podlab.timeline.runs import Draft
from podlab.timeline.stopping import stops


def orders_within(name: str, runs: list[Draft]) -> list[Order]:
    """A run ends after it started, and the next starts after that; in order of time, so that they solve fast."""
    found: list[Order] = []
    before: Draft | None = None
    for run in (r for r in runs if r.started):
        if before is not None and before.ended:
            text = f"{name} restarts after its run {before.restart + 1} ended"
            found.append(Order(before.end, run.start, text))
        if run.ended:
            found.append(Order(run.start, run.end, f"{name} ends after it started", gap=-START_LAG_S))
        before = run
    return found


def _inits(facts: Facts, drafts: Mapping[str, list[Draft]]) -> list[tuple[str, str, list[Draft]]]:
    roles = facts.role_of()
    return [(n, roles[n][0], drafts.get(n, [])) for n in roles if roles[n][0] in ("init", "sidecar")]


def orders_of_inits(facts: Facts, drafts: Mapping[str, list[Draft]], clocks: Clocks) -> list[Order]:
    """
    A regular init container ends with success before anything after it starts; a sidecar starts before that.

    A lost sandbox runs all of them again, so only the first success counts and only what came after it.
    """
    found: list[Order] = []
    roles = facts.role_of()
    inits = _inits(facts, drafts)
    apps = [(n, "app", drafts.get(n, [])) for n in roles if roles[n][0] == "app"]
    for index, (name, role, runs) in enumerate(inits):
        gate = _gate(role, runs)
        for later, _, later_runs in [*inits[index + 1 :], *apps]:
            first = next((r for r in later_runs if r.started), None)
            if gate is None or first is None or (role == "init" and first.restart and not first.seen):
                continue
            text = f"{later} starts after {name} has {'ended' if role == 'init' else 'started'}"
            found.append(Order(gate, first.start, text))
            _bound_by_events(gate, later, text, facts, clocks)
    return found


def _gate(role: str, runs: list[Draft]) -> Moment | None:
    """
    Return the moment that must pass before the next container: first success of an init, first start of a sidecar.
    """
    ran = [r for r in runs if r.started]
    if role == "sidecar":
        return ran[0].start if ran else None
    good = next((r for r in ran if r.ended and r.exit_code == 0), None)
    return good.end if good and all(r.seen for r in ran) else None


def _bound_by_events(gate: Moment, later: str, text: str, facts: Facts, clocks: Clocks) -> None:
    """Any Event of a later container that prepares its start was made after the gate."""
    for item in facts.emissions:
        if item.container == later and item.reason in ("Pulled", "Pulling", "Created", "Started"):
            hi = min(item.hi - clocks.zero, clocks.arrival(item.arrived))
            gate.add("event", f"{item.reason} Event of {later}; {text}", hi=hi)


def orders_of_sidecars(facts: Facts, drafts: Mapping[str, list[Draft]], clocks: Clocks) -> list[Order]:
    """
    When a Pod completes by itself the kubelet stops its sidecars: it has then seen every app container ended.

    Only for a Pod that nobody deleted and that met no deadline: there sidecars are told for other reasons. Nor where an
    app was told to stop, as all are at once when the sandbox is lost.
    """
    roles = facts.role_of()
    reasons = {str(s.pod.get("status", {}).get("reason") or "") for s in facts.seen}
    if any(s.pod["metadata"].get("deletionTimestamp") for s in facts.seen) or reasons - {""}:
        return []
    apps = [drafts.get(n, []) for n in roles if roles[n][0] == "app"]
    if not all(apps) or not (_completed(facts) or all(_over_now(facts, a[-1]) for a in apps)):
        return []
    kills = [e for e in facts.emissions if e.reason == "Killing"]
    if any(roles.get(e.container, ("",))[0] == "app" and stops(e) for e in kills):
        return []
    found: list[Order] = []
    for name in (n for n in roles if roles[n][0] == "sidecar"):
        told = [e for e in kills if e.container == name]
        last = next((r for r in reversed(drafts.get(name, [])) if r.started), None)
        if len(told) == 1 and stops(told[0]) and last:
            text = f"{name} was told to stop after the apps had ended"
            hi = min(told[0].hi - clocks.zero, clocks.arrival(told[0].arrived))
            for ended in (a[-1].end for a in apps):
                ended.add("event", f"Killing Event of {name}; {text}", hi=hi)
                if last.ended:
                    found.append(Order(ended, last.end, text))
    return found


def _completed(facts: Facts) -> bool:
    return has_ended(facts.latest)


def _over_now(facts: Facts, last: Draft) -> bool:
    """
    Return whether the newest state shows that this run ended and no other is awaited: all that a live view can see.
    """
    shown = (s for s in statuses(facts.latest) if s.get("name") == last.container)
    return last.ended and any("terminated" in (status.get("state") or {}) for status in shown)
