"""
A Deployment's ReplicaSets: which of them has its template, their revisions, and the sizes that are noted on them.

Source: pkg/controller/deployment/util/deployment_util.go at v1.36.3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from podlab.embedded.controllers import rollout
from podlab.pods.raw import RawObject

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
HISTORY = "deployment.kubernetes.io/revision-history"
HISTORY_CHARS = 2000
NOT_INHERITED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MOST,
    "deprecated.deployment.rollback.to",
)
"""Annotations of a Deployment that are not copied to its ReplicaSets."""


def newest(replica_sets: Iterable[RawObject], deployment: RawObject) -> RawObject | None:
    """Return the ReplicaSet that has the Deployment's template, or None."""
    return next((s for s in replica_sets if _has_template_of(deployment, s)), None)


def _has_template_of(deployment: RawObject, replica_set: RawObject) -> bool:
    template = json.loads(json.dumps(replica_set["spec"]["template"]))
    (template.get("metadata", {}).get("labels") or {}).pop(HASH, None)
    return bool(template == deployment["spec"]["template"])


def inherited(deployment: RawObject) -> dict[str, str]:
    """Return the annotations that the newest ReplicaSet copies from its Deployment, such as the cause of a change."""
    annotations = deployment["metadata"].get("annotations") or {}
    return {name: value for name, value in annotations.items() if name not in NOT_INHERITED}


def recreates(deployment: RawObject) -> bool:
    """Return whether all old Pods are stopped before the first new Pod starts."""
    return bool(deployment["spec"].get("strategy", {}).get("type") == "Recreate")


def bounds(deployment: RawObject) -> rollout.Bounds:
    """Return ``maxSurge`` and ``maxUnavailable`` in Pods."""
    if recreates(deployment):
        return rollout.Bounds(0, 0)  # it does stop all at once, but is not "available" while it does
    rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
    surge, unavailable = rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
    return rollout.bounds(deployment["spec"]["replicas"], surge, unavailable)


# -- revisions -----------------------------------------------------------------------------------------------


def history(before: str, revision: str) -> str:
    """Return the earlier revisions of a ReplicaSet, without the oldest where the list would be too long."""
    revisions = [*(before.split(",") if before else ()), revision]
    while len(",".join(revisions)) > HISTORY_CHARS:
        revisions.pop(0)
    return ",".join(revisions)


def revision_of(replica_set: RawObject) -> int:
    """Return the revision of a ReplicaSet; 0 if its annotation is missing or is not a number."""
    return _number_in(replica_set, REVISION, 0)


def by_age(replica_set: RawObject) -> tuple[int, str]:
    """Return a sort key: oldest revision first."""
    return revision_of(replica_set), replica_set["metadata"]["name"]


def _number_in(replica_set: RawObject, annotation: str, default: int) -> int:
    text = str((replica_set["metadata"].get("annotations") or {}).get(annotation, ""))
    return int(text) if text.isascii() and text.isdigit() else default


# -- sizes ---------------------------------------------------------------------------------------------------


def size(replica_set: RawObject) -> int:
    """Return ``spec.replicas`` of a ReplicaSet."""
    return int(replica_set["spec"].get("replicas", 1))


def total(replica_sets: Iterable[RawObject]) -> int:
    """Return the sum of their sizes."""
    return sum(size(replica_set) for replica_set in replica_sets)


def size_annotations(deployment: RawObject) -> dict[str, str]:
    """Return the annotations that note for which ``spec.replicas`` a ReplicaSet was sized."""
    replicas = deployment["spec"]["replicas"]
    return {DESIRED: str(replicas), MOST: str(replicas + bounds(deployment).surge)}


def was_scaled(deployment: RawObject, replica_sets: Iterable[RawObject]) -> bool:
    """Return whether ``spec.replicas`` has changed since an active ReplicaSet was last sized."""
    wanted = str(deployment["spec"]["replicas"])
    active = [replica_set for replica_set in replica_sets if size(replica_set)]
    noted = [(s["metadata"].get("annotations") or {}).get(DESIRED) for s in active]
    return any(number not in (None, wanted) for number in noted)


def saturated(deployment: RawObject, new: RawObject) -> bool:
    """Return whether the newest ReplicaSet was sized for all Pods of the Deployment, and all are available."""
    desired = (new["metadata"].get("annotations") or {}).get(DESIRED)
    wanted, available = deployment["spec"]["replicas"], new.get("status", {}).get("availableReplicas", 0)
    return desired == str(wanted) and size(new) == available == wanted


def most_at_last_sizing(replica_set: RawObject, deployment: RawObject) -> int:
    """Return the most Pods that the Deployment could have when *replica_set* was last sized; else what it has now."""
    return _number_in(replica_set, MOST, int(deployment.get("status", {}).get("replicas", 0)))


def in_order_of_scaling(replica_sets: Iterable[RawObject], *, growing: bool) -> list[RawObject]:
    """Return the largest first; of the same size the newest revision first if *growing*, else the oldest."""
    direction = 1 if growing else -1

    def key(replica_set: RawObject) -> tuple[int, int, str]:
        return size(replica_set), direction * revision_of(replica_set), replica_set["metadata"]["name"]

    return sorted(replica_sets, key=key, reverse=True)
