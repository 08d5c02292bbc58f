"""
The status of a Deployment: counts of Pods, and the conditions Available, Progressing and ReplicaFailure.

Source: pkg/controller/deployment/progress.go and ``calculateStatus`` in sync.go at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.controllers import deploymentsets as sets
from podlab.embedded.controllers.objects import condition, seconds, with_condition
from podlab.embedded.store import timestamp
from podlab.pods.raw import RawObject

WATCHED = ("updatedReplicas", "readyReplicas", "availableReplicas")


def calculate(
    deployment: RawObject, replica_sets: list[RawObject], now: float
) -> tuple[RawObject, float | None]:
    """
    Return the status of a Deployment, and when to calculate it again.

    Args:
        replica_sets: Those that the Deployment owns.
        now: Seconds since the epoch.

    Returns:
        The status; and the seconds until the progress deadline passes, None without a deadline.
    """
    new, stamp, before = sets.newest(replica_sets, deployment), timestamp(now), deployment.get("status", {})
    counts = _counts(deployment, replica_sets, new)
    conditions = _with_availability(list(before.get("conditions", ())), deployment, counts, stamp)
    progress, deadline_in_s = _progress(deployment, counts, new, now)
    if progress:
        conditions = with_condition(conditions, {"type": "Progressing", **progress}, stamp, updated=True)
    status: RawObject = {
        name: count for name, count in counts.items() if count or name == "terminatingReplicas"
    }
    status["observedGeneration"] = deployment["metadata"].get("generation", 1)
    status["conditions"] = _with_failure(conditions, replica_sets, stamp)
    return status, deadline_in_s


def _counts(deployment: RawObject, replica_sets: list[RawObject], new: RawObject | None) -> dict[str, int]:
    def add(name: str, among: list[RawObject]) -> int:
        return sum(s.get("status", {}).get(name, 0) for s in among)

    replicas, available = add("replicas", replica_sets), add("availableReplicas", replica_sets)
    wanted = max(deployment["spec"]["replicas"], sets.total(replica_sets))
    return {
        "replicas": replicas,
        "updatedReplicas": add("replicas", [new] if new else []),
        "readyReplicas": add("readyReplicas", replica_sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
        "terminatingReplicas": add("terminatingReplicas", replica_sets),
    }


def _with_availability(
    conditions: list[RawObject], deployment: RawObject, counts: dict[str, int], stamp: str
) -> list[RawObject]:
    least = deployment["spec"]["replicas"] - sets.bounds(deployment).unavailable
    truth, reason, message = (
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        if counts["availableReplicas"] >= least
        else ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    )
    entry = {"type": "Available", "status": truth, "reason": reason, "message": message}
    return with_condition(conditions, entry, stamp, updated=True)


def _with_failure(conditions: list[RawObject], replica_sets: list[RawObject], stamp: str) -> list[RawObject]:
    """Return *conditions* with the reason why a ReplicaSet cannot create its Pods, and without one if it can."""
    failed = next((found for s in replica_sets if (found := condition(s, "ReplicaFailure"))), None)
    if failed is None:
        return [entry for entry in conditions if entry["type"] != "ReplicaFailure"]
    entry = {key: failed[key] for key in ("type", "status", "reason", "message")}
    return with_condition(conditions, entry, stamp, updated=True)


def _progress(
    deployment: RawObject, counts: dict[str, int], new: RawObject | None, now: float
) -> tuple[dict[str, str] | None, float | None]:
    """Return the condition Progressing if it changes, and the seconds until its deadline passes if it has one."""
    if new is None or deployment["spec"].get("paused"):
        return None, None
    subject = f'ReplicaSet "{new["metadata"]["name"]}"'
    if _is_complete(deployment, counts):
        text = f"{subject} has successfully progressed."
        return {"status": "True", "reason": "NewReplicaSetAvailable", "message": text}, None
    if _has_moved(counts, deployment.get("status", {})):
        text = f"{subject} is progressing."
        return {"status": "True", "reason": "ReplicaSetUpdated", "message": text}, None
    reported = condition(deployment, "Progressing")
    if not reported or reported["reason"] == "NewReplicaSetAvailable" or reported["status"] != "True":
        return None, None
    limit_s = deployment["spec"].get("progressDeadlineSeconds", 600)
    left_s = seconds(reported.get("lastUpdateTime")) + limit_s - now
    if left_s > 0:
        return None, left_s + 0.01
    text = f"{subject} has timed out progressing."
    return {"status": "False", "reason": "ProgressDeadlineExceeded", "message": text}, None


def _has_moved(counts: dict[str, int], before: RawObject) -> bool:
    """Return whether there are more new Pods, or fewer old ones, than in the status *before*."""
    if any(counts[name] > before.get(name, 0) for name in WATCHED):
        return True
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    return bool(counts["replicas"] - counts["updatedReplicas"] < old_before)


def _is_complete(deployment: RawObject, counts: dict[str, int]) -> bool:
    wanted = int(deployment["spec"]["replicas"])
    return counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == wanted
