"""
The vocabulary of checks: what a container did in its life, judged from a Timeline.

Each returns True, False, or None where the evidence does not decide. They ask what ran, in which order,
what came back and what stayed; how the manifest looks is no matter, so that every right answer passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podlab.pods import restarts, roles
from podlab.pods.raw import RawView

if TYPE_CHECKING:
    from podlab.timeline import Lane, Timeline

IN_ORDER = ("init", "sidecar")


def lane(timeline: Timeline, name: str) -> Lane | None:
    """Return the lane of a container; None when the Pod has none of that name."""
    return next((each for each in timeline.lanes if each.name == name), None)


def ran(timeline: Timeline, name: str) -> bool:
    """Return whether a process of this container ever started."""
    found = lane(timeline, name)
    return found is not None and found.first_start is not None


def started_before(timeline: Timeline, first: str, second: str) -> bool | None:
    """
    Return whether *first* was sure to start before *second*, and did.

    Containers of the ``containers`` list are started one after another too, but no order is promised among
    them: so *first* must be a regular init container or a sidecar.
    """
    a, b = lane(timeline, first), lane(timeline, second)
    if a is None or b is None or a.first_start is None or b.first_start is None:
        return False
    if a.role not in IN_ORDER:
        return False
    return timeline.before(f"{first}.start", f"{second}.start").value


def overlapped(timeline: Timeline, first: str, second: str) -> bool | None:
    """Return whether there was a moment at which both ran."""
    if not (ran(timeline, first) and ran(timeline, second)):
        return False
    return timeline.overlapped(first, second).value


def outlived(timeline: Timeline, first: str, second: str) -> bool | None:
    """Return whether the last run of *first* ended after the last run of *second*."""
    if not (ran(timeline, first) and ran(timeline, second)):
        return False
    return timeline.outlived(first, second).value


def came_back(timeline: Timeline, name: str) -> bool:
    """Return whether the container was started again after its first run."""
    return ran(timeline, name) and timeline.restarts(name) >= 1


def starts_again(pod: RawView, name: str, exit_code: int | None) -> bool:
    """
    Return whether the restart policy starts a container again that ended with *exit_code*; None: not known, so it may.

    Rules of a container's own (``restartPolicyRules``) are not read: they may, too.
    """
    found = roles.find(pod, name)
    if found is None or roles.role(*found) == "sidecar" or found[1].get("restartPolicyRules"):
        return True
    return restarts.restarts_after(restarts.policy_of(pod, found[1]), exit_code)


def ended_in(timeline: Timeline, phase: str) -> bool:
    """Return whether the last phase that was seen is *phase*."""
    return str(timeline.phase) == phase
