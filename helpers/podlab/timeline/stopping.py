"""
When a container was told to stop: SIGTERM, which a Killing Event announces and which comes in its turn.

When a Pod is stopped the kubelet announces all its containers at once. Apps are told at once; a sidecar waits until all
apps and all sidecars listed after it have ended, or until the grace period is over; preStop hooks run before.

Source: ``newTerminationOrdering`` and ``waitForTurn`` in pkg/kubelet/kuberuntime/kuberuntime_termination_order.go, and
``killContainer`` in kuberuntime_container.go, read at v1.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from podlab.timeline.causality import after, latest
from podlab.timeline.facts import Emission, Facts
from podlab.timeline.model import Evidence, Instant, Lane, Run

TOLD_LAG_S = 0.25
"""
How long after its Killing Event a container without a hook, whose turn it is, is sent SIGTERM.

Measured on the embedded node, whose record has the signal: up to 104 ms on a loaded machine (61 containers).
"""

_TURN = "a sidecar is told to stop after the apps and the sidecars behind it have ended"


@dataclass(frozen=True, slots=True)
class PrecedingEnds:
    """
    The events that precede a container's SIGTERM.

    Attributes:
        ends: When each container ended that ends before this one is told; None for one that runs; empty for apps.
        grace_s: Seconds after which it is told although others still run.
        hooked: Whether a preStop hook comes first, which takes as long as it takes.
        until: The last moment that the recording looked at.
        deletion: When the Pod was asked to go; None when it was not.
    """

    ends: tuple[Instant | None, ...] = ()
    grace_s: float = 30.0
    hooked: bool = False
    until: float = inf
    deletion: Instant | None = None


def turn_of(
    name: str, facts: Facts, lanes: Mapping[str, Lane], until: float, deletion: Instant | None
) -> PrecedingEnds:
    """Return the turn of one container; *lanes* holds at least those of all that come before it (see ``in_turn``)."""
    role, spec = facts.role_of()[name]
    first = in_turn(facts)[: in_turn(facts).index(name)] if role == "sidecar" else []
    ends = tuple(_end(lanes[n]) for n in first if lanes[n].starts and lanes[n].role in ("app", "sidecar"))
    hooked = "preStop" in (spec.get("lifecycle") or {})
    return PrecedingEnds(ends, _grace(facts), hooked, until, deletion)


def in_turn(facts: Facts) -> list[str]:
    """
    Return names of all containers in the order in which they are stopped: sidecars last, and the last of them first.
    """
    roles = facts.role_of()
    others = [n for n in roles if roles[n][0] != "sidecar"]
    return [*others, *(n for n in reversed(roles) if roles[n][0] == "sidecar")]


def _end(lane: Lane) -> Instant | None:
    """Return the last end of a container as its lane shows it: not before its own SIGTERM."""
    lives = [s for s in lane.spans if s.state in ("running", "terminating", "unseen")]
    return lives[-1].end if lives else lane.last_end


def _grace(facts: Facts) -> float:
    """Return the shortest grace period that the Pod may have been given; 0 where it was evicted."""
    found = [float(facts.latest.get("spec", {}).get("terminationGracePeriodSeconds") or 30)]
    for seen in facts.seen:
        status, meta = seen.pod.get("status") or {}, seen.pod["metadata"]
        if status.get("reason") == "Evicted":
            found.append(0.0)
        given = meta.get("deletionGracePeriodSeconds")
        if given is not None and status.get("phase") not in ("Succeeded", "Failed"):
            found.append(float(given))
    return min(found)


def stops(killing: Emission) -> bool:
    """Return whether a container is killed for good, and not to be run again for a probe, a hook or a new image."""
    return killing.message.startswith("Stopping container")


def told_at(run: Run, announced: Instant, for_good: bool, turn: PrecedingEnds) -> Instant | None:
    """
    When a run was told to stop, by the Killing Event that announced it; None when its turn has not come.

    Args:
        run: The run that is told.
        announced: The moment of the Killing Event.
        for_good: Whether the Pod as a whole is stopped, so that there are turns.
        turn: What comes first.
    """
    limit = run.end.hi if run.end else inf
    soon = min(limit, announced.hi + TOLD_LAG_S)
    if not for_good:
        return _by(announced, limit if turn.hooked else soon)
    announced = _answer(announced, turn.deletion)
    free = _free(announced, turn)
    if free is None or free.lo > limit:
        return None
    if free.lo <= announced.lo and not turn.hooked and all(_over(end, announced) for end in turn.ends):
        return _by(announced, soon)
    return after(_by(announced, max(limit, free.lo)), free, _TURN)


def _by(announced: Instant, limit: float) -> Instant:
    return Instant(announced.lo, max(limit, announced.hi), announced.evidence)


def _answer(announced: Instant, deletion: Instant | None) -> Instant:
    """An Event of a coarse clock does not precede the delete that it answers."""
    return after(announced, deletion, "it answers the delete")


def _over(end: Instant | None, announced: Instant) -> bool:
    """Return whether a container had ended when the kubelet announced that it stops the Pod."""
    return end is not None and end.hi <= announced.hi + 1e-6


def _free(announced: Instant, turn: PrecedingEnds) -> Instant | None:
    """When the turn comes: the others have ended, or the grace period is over; None while neither has happened."""
    patience = announced.lo + turn.grace_s
    if None in turn.ends:
        return Instant(patience, inf) if patience <= turn.until else None
    over = latest([announced, *(end for end in turn.ends if end is not None)])
    assert over is not None
    return over if over.lo <= patience else Instant(patience, max(patience, over.hi))


def sigterm(lo: float, hi: float, source: str) -> Instant:
    """Return the moment of a signal that the node or the app's own log noted."""
    return Instant(lo, hi, (Evidence(source, "SIGTERM", lo, hi),))
