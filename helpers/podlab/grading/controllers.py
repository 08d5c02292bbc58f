"""
Whether the cluster's controllers work, asked where a play waited in vain: without them a right answer looks wrong.

A workload that no controller has looked at shows it by its status. Where the account may read it, the Lease by which
kube-controller-manager is elected shows it for all other controllers, too: it is renewed every two seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from podlab.client import Client, waiting
from podlab.errors import ApiError, WaitTimeoutError
from podlab.grading.exercise import NotGradable
from podlab.pods.raw import RawObject, RawView

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager"
_WITH_GENERATION = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_MORE_S = 5.0
_HINT = "look at kube-controller-manager on the cluster, then run it again"


def refuse_idle(
    client: Client, namespace: str, made: Iterable[RawView], *, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """
    Leave the grade open where controllers do not work.

    Args:
        made: The objects that the play made, as they were stored.
        meanwhile: Called while the Lease is waited for.

    Raises:
        NotGradable: Names the workload that no controller has looked at, or the Lease that is not renewed.
    """
    for each in made:
        if each.get("kind") in (*_WITH_GENERATION, "Job"):
            now = client.find(client.path_of(dict(each), namespace))
            if now is not None and is_unobserved({**now, "kind": each["kind"]}):
                raise NotGradable(
                    f"no controller looked at the {each['kind']} {each['metadata']['name']}",
                    cause="its status is not of its newest generation",
                    hint=_HINT,
                )
    _await_renewal(client, meanwhile)


def is_unobserved(workload: RawView) -> bool:
    """Return whether no controller has looked at the newest form of a workload."""
    status: dict[str, Any] = workload.get("status") or {}
    if workload["kind"] == "Job":
        return not status and not (workload.get("spec") or {}).get("suspend")
    return int(status.get("observedGeneration") or 0) < int(workload["metadata"].get("generation") or 1)


def _await_renewal(client: Client, meanwhile: Callable[[], object]) -> None:
    first = _lease(client)
    if first is None:
        return

    def late() -> WaitTimeoutError:
        return WaitTimeoutError("the Lease of kube-controller-manager is not renewed")

    try:
        waiting.until(
            lambda: _lease(client) != first, deadline_s=first[1] + _MORE_S, late=late, every_s=1.0,
            meanwhile=meanwhile,
        )  # fmt: skip
    except WaitTimeoutError as error:
        raise NotGradable(
            error.summary, cause="controllers make Pods of Deployments, and addresses of Services", hint=_HINT
        ) from error


def _lease(client: Client) -> tuple[str, float] | None:
    """Return when the Lease was renewed, and for how long it holds; None where it is unknown."""
    try:
        found: RawObject | None = client.find(LEASE)
    except ApiError:
        return None
    spec = (found or {}).get("spec") or {}
    if not spec.get("renewTime"):
        return None
    return str(spec["renewTime"]), float(spec.get("leaseDurationSeconds") or 15)
