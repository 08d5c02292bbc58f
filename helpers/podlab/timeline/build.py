"""From observations to a ``Timeline``: gather, weigh, solve, lay out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podlab.timeline.bounds import weigh
from podlab.timeline.causality import gated
from podlab.timeline.deletion import deletion, ends_of, gone_at
from podlab.timeline.facts import Facts, gather
from podlab.timeline.fuse import Moment, Order, solve
from podlab.timeline.model import Instant, Lane, Run
from podlab.timeline.offsets import Clocks
from podlab.timeline.runs import Draft, drafts_of
from podlab.timeline.spans import spans_of, told_of
from podlab.timeline.stopping import in_turn, turn_of
from podlab.timeline.strips import (
    Causes,
    conditions,
    creation,
    floors,
    markers,
    phase_strip,
    running_began,
    status_strip,
)

CUT_SHORT = "the recording was cut short: what came after its last line is not known"


def build(
    header: Mapping[str, Any] | None, observations: Iterable[Mapping[str, Any]], pod: str | None = None
) -> dict[str, Any]:
    """Return the fields of a Timeline, by name. Raises TimelineError when no observation is about that Pod."""
    facts = gather(header, observations, pod)
    clocks = Clocks(facts)
    drafts = drafts_of(facts)
    orders = weigh(facts, drafts, clocks)
    born = creation(facts, clocks)
    notes = [*facts.notes, *clocks.notes, *_solve(drafts, orders, born)]
    runs = {name: [draft.run() for draft in found] for name, found in drafts.items()}
    asked = deletion(facts, clocks, runs)
    gone = gone_at(facts, clocks, [*ends_of(runs), *([asked] if asked else [])])
    lanes = _lanes(facts, drafts, runs, clocks, (asked, gone))
    least = floors(lanes, facts.latest)
    causes = Causes(runs, asked)
    began = running_began(facts, clocks, causes)
    return {
        "name": facts.name,
        "namespace": str(facts.latest["metadata"].get("namespace") or facts.header.get("namespace") or ""),
        "uid": facts.uid,
        "zero": facts.zero,
        "lanes": lanes,
        "markers": markers(facts, clocks, causes, gone, lanes, least),
        "phases": phase_strip(facts, clocks, gone, causes, began),
        "status_words": status_strip(facts, clocks, gone, causes, began),
        "conditions": conditions(facts, clocks, gone, least),
        "created": born,
        "deletion": asked,
        "gone": gone,
        "until": max(0.0, clocks.drawn(facts.last_t)),
        "complete": facts.end is not None and not facts.gaps,
        "end_reason": str((facts.end or {}).get("reason") or ""),
        "notes": tuple(dict.fromkeys([*notes, *_closing_notes(facts)])),
        "orders": tuple((o.earlier.name, o.later.name, o.text) for o in orders),
        "pod": facts.latest,
        "clock": clocks.recorder,
    }


def _solve(drafts: Mapping[str, list[Draft]], orders: list[Order], born: Instant) -> list[str]:
    creation_moment = Moment("creation of the Pod", list(born.evidence))
    moments = [creation_moment]
    for runs in drafts.values():
        for run in runs:
            moments += [run.start, run.end]
        first = next((r for r in runs if r.started), None)
        if first is not None:
            orders.append(
                Order(creation_moment, first.start, f"{first.container} starts after the Pod was created")
            )
    return solve(moments, orders)


def _lanes(
    facts: Facts,
    drafts: Mapping[str, list[Draft]],
    runs: Mapping[str, list[Run]],
    clocks: Clocks,
    end: tuple[Instant | None, Instant | None],
) -> tuple[Lane, ...]:
    """Return the lanes; *end* is when the Pod was asked to go, and when it was gone."""
    asked, gone = end
    until = max(0.0, clocks.drawn(facts.last_t))
    roles, lanes = facts.role_of(), dict[str, Lane]()
    for name in in_turn(facts):
        role, spec = roles[name]
        turn = turn_of(name, facts, lanes, until, asked)
        spans = spans_of(told_of(name, facts, clocks, turn), drafts[name], runs[name], gone)
        policy = str(spec.get("restartPolicy") or facts.latest.get("spec", {}).get("restartPolicy") or "")
        lanes[name] = Lane(name, role, str(spec.get("image") or ""), spans, tuple(runs[name]), policy)
    return gated([lanes[name] for name in roles])


def _closing_notes(facts: Facts) -> list[str]:
    notes = []
    if facts.end is None:
        notes.append(CUT_SHORT)
    if gaps := len(facts.gaps):
        notes.append(
            f"the recording has {gaps} gap{'s' if gaps > 1 else ''}: something may have happened unseen"
        )
    if facts.seen[0].type == "LISTED" and len(facts.seen) == 1:
        notes.append("one state only: everything before it is inferred")
    return notes
