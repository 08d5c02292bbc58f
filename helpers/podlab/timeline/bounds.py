"""
Evidence of each clock about the start and the end of each run, and orders that the kubelet's rules force.

Only what is forced is used. Where an Event could belong to another run than the one in question, because
Events are dropped and merged, it is not used; where an arrival cannot be turned into node time, because
nothing bounds the recorder's clock, it is not used either.

    bound                                      rests on
    start >= startedAt - START_LAG_S           the runtime notes a start at most so long after it
    start <  startedAt + 1 s                   the API cuts times to whole seconds
    start >= Created Event, <= Started Event   the kubelet speaks after it has created, and after it has started;
                                               both only where the Event can belong to no other run
    start <= first log line + LOG_LEAD_S       who writes runs
    start <= first failed probe or hook, Killing   what is probed, hooked or killed has started; of the first run
    end   in [finishedAt, finishedAt + 1 s)    the runtime's stamp of the exit, cut to whole seconds
    end   >= last log line - log lag           what reads the pipe is at most so late
    end   <= arrival of a status that shows it, <= the node's answer that it is over; both need an offset
                                               between the clocks that is bounded from above: by what the node
                                               stamped after an act of ours, or by its answer to sinceSeconds=1
    end   <= any Event of what waits for it    inits take turns; sidecars are told to stop once apps have ended
    SIGTERM, exact start and end               the node's own record

Not used: that a kubelet relists each second. Its timer starts anew after each relist, which takes as long as it takes,
and from v1.36 on one can be asked for in between, so no phase can be learnt from which a bound would follow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject
from podlab.pods.roles import statuses
from podlab.timeline.clocks import ONE_CLOCK, START_LAG_S, Offset, OffsetEvidence, parse_s
from podlab.timeline.crashes import spec_of
from podlab.timeline.facts import Emission, Facts
from podlab.timeline.fuse import Moment, Order
from podlab.timeline.runs import Draft
from podlab.timeline.stopping import stops

LOG_LAG_S = {"embedded": 0.3, "": 0.1}
"""
How long after the end of a run its last log line may be stamped, by driver: when the runtime reads the pipe.

Measured on loaded machines: containerd 2.2 up to 67 ms (455 containers); the embedded node, which reads in Python, up
to 114 ms (180 containers).
"""

LOG_LEAD_S = 0.5
"""
How long before the start that the runtime notes a first log line may be stamped.

The process writes as soon as it runs, while the runtime notes the start once it has returned from starting it
(measured: up to 101 ms on a loaded machine).
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
    """Whether no container had ended by itself or by a probe before *t*, as far as the recorder saw."""
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
    """Whether the recorder's act was about this Pod; one that names nothing is about all."""
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


def weigh(facts: Facts, drafts: Mapping[str, list[Draft]], clocks: Clocks) -> list[Order]:
    """Give every run's moments their evidence; returns the orders that rules force."""
    orders: list[Order] = []
    for name, runs in drafts.items():
        ordinal = 0
        for run in runs:
            _weigh_status(run, clocks)
            _weigh_logs(run, facts, clocks)
            _rebase(run, clocks)
        mine = [e for e in facts.emissions if e.container == name and e.reason in _STARTING]
        complete = _none_dropped(runs, mine, _runs_once(facts, name))
        _weigh_signs_of_life(name, runs, facts, clocks)
        for index, run in enumerate(runs):
            if run.seen and run.started:
                before = runs[index - 1] if index else None
                _weigh_events(run, ordinal, before, _Said(mine, complete), clocks)
            ordinal += run.count if run.started else 0
        orders += _orders_within(name, runs)
    orders += _orders_of_inits(facts, drafts, clocks)
    orders += _orders_of_sidecars(facts, drafts, clocks)
    return orders


def _rebase(run: Draft, clocks: Clocks) -> None:
    """Evidence of statuses and of the node was noted in epoch seconds: count it from the timeline's 0."""
    for moment in (run.start, run.end):
        kept, moment.evidence = moment.evidence, []
        for e in kept:
            far = e.lo > 1e8 or (e.hi > 1e8 and e.hi < inf)
            shift = clocks.zero if far else 0.0
            moment.add(e.source, e.text, e.lo - shift, e.hi - shift)


def _weigh_status(run: Draft, clocks: Clocks) -> None:
    if run.started and run.started_s is not None and not any(e.source == "node" for e in run.start.evidence):
        s = run.started_s
        run.start.add("status", "startedAt, a whole second", s - START_LAG_S, s + 1)
    if run.seen and run.first_t and clocks.recorder.known:
        run.start.add("watch", "a status showed it", hi=clocks.arrival(run.first_t))
    if run.ended_t is not None and clocks.recorder.known:
        run.end.add("watch", "a status showed its end", hi=clocks.arrival(run.ended_t))


def _weigh_logs(run: Draft, facts: Facts, clocks: Clocks) -> None:
    if (over_t := facts.over.get((run.container, run.restart))) is not None:
        run.end.add("log", "the node, asked, said that it was over", hi=clocks.arrival(over_t))
    lines = facts.logs.get((run.container, run.restart))
    if lines is None:
        return
    run.start.add("log", "its first log line", hi=lines.first + LOG_LEAD_S - clocks.zero)
    run.end.add("log", "its last log line", lo=lines.last - clocks.log_lag - clocks.zero)


_STARTING = frozenset({"Pulled", "Created", "Started"})
_STARTED = frozenset({"Unhealthy", "FailedPostStartHook", "FailedPreStopHook", "Killing"})
"""Events about a container that has started."""


def _weigh_signs_of_life(name: str, runs: list[Draft], facts: Facts, clocks: Clocks) -> None:
    """A container that fails or is killed has started before; used for the first run alone."""
    first = next((run for run in runs if run.started), None)
    if first is None or first.restart or not first.seen:
        return
    for item in facts.emissions:
        if item.container == name and item.reason in _STARTED and item.component == "kubelet":
            hi = min(item.hi - clocks.zero, clocks.arrival(item.arrived))
            first.start.add("event", f"{item.reason} Event, of what runs", hi=hi)


@dataclass(frozen=True, slots=True)
class _Said:
    """The kubelet's Events about starts of one container, and whether all of them were seen."""

    events: list[Emission]
    complete: bool


def _weigh_events(run: Draft, ordinal: int, before: Draft | None, told: _Said, clocks: Clocks) -> None:
    """
    Started is an upper bound of the start if it belongs to this run or a later one; Created a lower one.
    """
    for item in told.events:
        if item.reason == "Started":
            if item.count > ordinal or _surely_after(item, before, told.events, clocks.zero):
                hi = min(item.hi - clocks.zero, clocks.arrival(item.arrived))
                run.start.add("event", f"Started Event{_exactly(item)}", hi=hi)
        elif item.reason == "Created" and (
            _surely_before_end(item, run, clocks) or (told.complete and item.count <= ordinal + 1)
        ):
            run.start.add("event", f"Created Event{_exactly(item)}", lo=item.lo - clocks.zero)


def _exactly(item: Emission) -> str:
    return ", its name holds the nanosecond" if item.lo == item.hi else " and its arrival"


def _surely_after(item: Emission, before: Draft | None, mine: list[Emission], zero: float) -> bool:
    """
    Whether a Started Event belongs to a later run than *before*.

    That it was made after the end of *before* proves nothing: a brief container is over when its own Started
    is written. But what prepares a start (Pulled, Created) is written before that start, so one that was made
    after the end of *before* belongs to a later run, and so does a Started that follows it.
    """
    if before is None:
        return True
    ends = [e.hi for e in before.end.evidence if e.source in ("status", "node")]
    if not before.ended or not ends:
        return False
    over = min(ends) + zero
    return any(e.hi <= item.lo and e.lo > over and e.reason != "Started" for e in mine)


def _surely_before_end(item: Emission, run: Draft, clocks: Clocks) -> bool:
    """Whether the Event was made before this run ended, so that it belongs to this run or an earlier one."""
    ends = [e.lo for e in run.end.evidence if e.source in ("status", "node")]
    return run.ended and bool(ends) and item.hi - clocks.zero < max(ends)


def _runs_once(facts: Facts, name: str) -> bool:
    """
    Whether nothing can make the kubelet run this container again: ``Never``, for it and for all that could restart it.

    A container's own ``restartPolicy`` overrides the Pod's, but under another policy of the Pod a lost sandbox runs all
    of them again; a rule of another can restart all of them; and a new image is run whatever the policy.
    """
    specs = facts.role_of()
    ruled = any(spec.get("restartPolicyRules") for _, spec in specs.values())
    policies = {
        facts.latest.get("spec", {}).get("restartPolicy"),
        specs[name][1].get("restartPolicy") or "Never",
    }
    images = {spec_of(seen.pod, name).get("image") for seen in facts.seen}
    return policies == {"Never"} and len(images) == 1 and not ruled


def _none_dropped(runs: list[Draft], mine: list[Emission], once: bool) -> bool:
    """Whether as many Started Events were counted as runs are known: then the nth Event is the nth run's."""
    started = [e for e in mine if e.reason == "Started"]
    ran = sum(r.count for r in runs if r.started)
    failed = any(not r.started for r in runs)
    return not failed and bool(started) and max(e.count for e in started) == ran and (once or _settled(runs))


def _settled(runs: list[Draft]) -> bool:
    """
    Whether no newer run can hide behind the last: it runs, or it ended in success, or was seen for a while.
    """
    last = runs[-1]
    return not last.ended or last.exit_code == 0 or last.count > 1 or len(runs) > 1 or not _brief(last)


def _brief(run: Draft) -> bool:
    ends = [e.lo for e in run.end.evidence if e.source == "status"]
    return run.started_s is not None and bool(ends) and ends[-1] - run.started_s < 1


def _orders_within(name: str, runs: list[Draft]) -> list[Order]:
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


def _orders_of_inits(facts: Facts, drafts: Mapping[str, list[Draft]], clocks: Clocks) -> list[Order]:
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


def _orders_of_sidecars(facts: Facts, drafts: Mapping[str, list[Draft]], clocks: Clocks) -> list[Order]:
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
    """Whether the newest state shows that this run ended and no other is awaited: all that a live view can see."""
    shown = (s for s in statuses(facts.latest) if s.get("name") == last.container)
    return last.ended and any("terminated" in (status.get("state") or {}) for status in shown)


def signals(facts: Facts, clocks: Clocks) -> list[tuple[str, int, str, float, float, str]]:
    """
    SIGTERM and SIGKILL as known: (container, restart, name, lo, hi, source), from the node and the app's log.
    """
    found: list[tuple[str, int, str, float, float, str]] = []
    for record in facts.node:
        at = parse_s(record.get("at"))
        if record.get("event") == "signal" and at is not None:
            number = record.get("signal")
            name = {15: "SIGTERM", 9: "SIGKILL"}.get(int(number or 0), f"signal {number}")
            at -= clocks.zero
            found.append(
                (str(record.get("container")), int(record.get("attempt") or 0), name, at, at, "node")
            )
    for container, restart, stamp, line in facts.said:
        said = _json(line)
        if said.get("event") == "signal":
            at = stamp - clocks.zero
            word = str(said.get("signal") or "SIGTERM")
            found.append((container, restart, word, at - clocks.log_lag, at, "log"))
    return found


def _json(line: str) -> RawObject:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
