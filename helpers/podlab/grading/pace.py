"""
How slow a cluster is at the moment, from the Pods that it started: deadlines of a play are stretched by it.

A wait ends when its condition holds, so a right answer pays nothing for a long deadline, and a wrong answer on a quiet
machine meets the deadline that the play names. On a machine that does much else, the same Pod lives slower; without
more time its right answer would look like one that never gets there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from podlab.pods import roles
from podlab.pods.phase import has_ended

USUAL_S = 4.0  # from a Pod's creation to its first process: 1 s embedded, 2 to 4 s on kind
MOST = 4.0
UNSTARTED_S = (
    120.0  # a node that has started no process of a Pod for so long, and names no obstacle, is broken
)
_LATE = (
    "not registered",
    "failed to sync",
    "timed out",
    "deadline exceeded",
)  # of FailedMount, FailedCreatePodSandBox
_PREPARING = ("ContainerCreating", "PodInitializing")


def pace(pods: Iterable[dict[str, Any]]) -> float:
    """Return how many times slower than usual the slowest start among *pods* was: 1 (usual, or faster) to 4."""
    slowest = max((late_s for pod in pods for late_s in (start_s(pod), *_gaps_s(pod))), default=0.0)
    return min(MOST, max(1.0, slowest / USUAL_S))


def is_unstarted(pod: dict[str, Any]) -> bool:
    """
    Return whether a Pod has its node, the next of its containers has no process yet, and nothing in the Pod explains
    it.

    Explained are: a container before it that has not ended or started yet, a postStart hook before it, a reason in its
    status. An Event alone names a volume that cannot be mounted (see ``is_obstacle``).
    """
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    over = has_ended(pod) or pod["metadata"].get("deletionTimestamp")
    if over or not spec.get("nodeName"):
        return False
    if not roles.statuses(pod, roles.INIT, roles.APP):
        return bool(status.get("phase") == "Pending")
    hooks = {row["name"] for row in roles.containers(pod) if (row.get("lifecycle") or {}).get("postStart")}
    sidecars = {row["name"] for row in roles.sidecars(pod)}
    for row in roles.statuses(pod, roles.INIT):
        if not _is_passed(row, row["name"] in sidecars):
            return _is_preparing(row)
        if row["name"] in hooks:
            return False
    for row in roles.statuses(pod, roles.APP):
        if _is_preparing(row) or row["name"] in hooks:
            return _is_preparing(row)
    return False


def started(pod: dict[str, Any]) -> int:
    """Return how many containers of a Pod have been started."""
    return sum(not _is_preparing(row) for row in roles.statuses(pod, roles.INIT, roles.APP))


def _is_passed(row: dict[str, Any], sidecar: bool) -> bool:
    """Return whether an init container lets the next one start."""
    state = row.get("state") or {}
    if sidecar:
        return "running" in state and bool(row.get("started"))
    return (state.get("terminated") or {}).get("exitCode") == 0


def _is_preparing(row: dict[str, Any]) -> bool:
    state = row.get("state") or {}
    reason = (state.get("waiting") or {}).get("reason")
    return not (set(state) - {"waiting"} or row.get("lastState") or row.get("restartCount")) and (
        reason in (None, *_PREPARING)
    )


def is_obstacle(event: dict[str, Any]) -> bool:
    """
    Return whether an Event about a Pod that waits for a process may be the manifest's doing.

    A download is, and a Warning about a failure that names more than a node that is late. A Pod that the scheduler has
    not placed shows why itself, and may be placed later.
    """
    reason, late = str(event.get("reason")), any(words in str(event.get("message")) for words in _LATE)
    failed = reason.startswith("Failed") and reason != "FailedScheduling" and event.get("type") == "Warning"
    return reason == "Pulling" or (failed and not late)


def is_unplaced(pod: dict[str, Any]) -> bool:
    """
    Return whether no scheduler has looked at a Pod that the cluster's own one should place: no manifest does that.

    Gates and resource claims keep a Pod out of its queue (``PreEnqueue`` of the plugins SchedulingGates and
    DynamicResources at v1.36.3), and those are the manifest's own.
    """
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    own = spec.get("schedulerName", "default-scheduler") == "default-scheduler"
    held = any(spec.get(key) for key in ("nodeName", "schedulingGates", "resourceClaims"))
    return own and not held and not status.get("conditions")


def start_s(pod: dict[str, Any]) -> float:
    """Return the seconds from a Pod's creation to its first process, by the server's times; 0 where none is known."""
    rows = roles.statuses(pod, roles.INIT)[:1] or roles.statuses(pod, roles.APP)
    begun = [at for row in rows if not row.get("restartCount") for at in _starts(row)]
    created = pod["metadata"].get("creationTimestamp")
    if not begun or not created:
        return 0.0
    return max(0.0, (min(begun) - _time(created)).total_seconds())


def _gaps_s(pod: dict[str, Any]) -> Iterator[float]:
    """Yield the seconds from the end of each regular init container to the start of the next container."""
    inits = roles.statuses(pod, roles.INIT)
    following = [*inits[1:], *roles.statuses(pod, roles.APP)[:1]]
    for row, after in zip(inits, following, strict=False):
        done = (row.get("state") or {}).get("terminated") or {}
        if done.get("exitCode") == 0 and done.get("finishedAt") and not after.get("restartCount"):
            yield from ((begun - _time(done["finishedAt"])).total_seconds() for begun in _starts(after))


def _starts(row: dict[str, Any]) -> list[datetime]:
    states = (row.get("state") or {}).values()
    return [_time(state["startedAt"]) for state in states if state and state.get("startedAt")]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
