"""
Evidence of each clock about the start and the end of each run; ``kubeletorder`` holds the orders that rules force.

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

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from podlab.timeline.clocks import START_LAG_S
from podlab.timeline.crashes import spec_of
from podlab.timeline.facts import Emission, Facts
from podlab.timeline.fuse import Order
from podlab.timeline.kubeletorder import orders_of_inits, orders_of_sidecars, orders_within
from podlab.timeline.offsets import Clocks
from podlab.timeline.runs import Draft

LOG_LEAD_S = 0.5
"""
How long before the start that the runtime notes a first log line may be stamped.

The process writes as soon as it runs, while the runtime notes the start once it has returned from starting it
(measured: up to 101 ms on a loaded machine).
"""


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
                _weigh_events(run, ordinal, before, _StartEvents(mine, complete), clocks)
            ordinal += run.count if run.started else 0
        orders += orders_within(name, runs)
    orders += orders_of_inits(facts, drafts, clocks)
    orders += orders_of_sidecars(facts, drafts, clocks)
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
class _StartEvents:
    """The kubelet's Events about starts of one container, and whether all of them were seen."""

    events: list[Emission]
    complete: bool


def _weigh_events(run: Draft, ordinal: int, before: Draft | None, told: _StartEvents, clocks: Clocks) -> None:
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
    Return whether a Started Event belongs to a later run than *before*.

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
    """Return whether the Event was made before this run ended, so that it belongs to this run or an earlier one."""
    ends = [e.lo for e in run.end.evidence if e.source in ("status", "node")]
    return run.ended and bool(ends) and item.hi - clocks.zero < max(ends)


def _runs_once(facts: Facts, name: str) -> bool:
    """
    Return whether nothing can make the kubelet run this container again: ``Never``, for it and for all that could
    restart it.

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
    """Return whether as many Started Events were counted as runs are known: then the nth Event is the nth run's."""
    started = [e for e in mine if e.reason == "Started"]
    ran = sum(r.count for r in runs if r.started)
    failed = any(not r.started for r in runs)
    return not failed and bool(started) and max(e.count for e in started) == ran and (once or _settled(runs))


def _settled(runs: list[Draft]) -> bool:
    """
    Return whether no newer run can hide behind the last: it runs, or it ended in success, or was seen for a while.
    """
    last = runs[-1]
    return not last.ended or last.exit_code == 0 or last.count > 1 or len(runs) > 1 or not _brief(last)


def _brief(run: Draft) -> bool:
    ends = [e.lo for e in run.end.evidence if e.source == "status"]
    return run.started_s is not None and bool(ends) and ends[-1] - run.started_s < 1
