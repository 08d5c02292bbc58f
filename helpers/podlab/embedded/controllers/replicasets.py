"""
ReplicaSets and ReplicationControllers: as many Pods as asked for, made and removed one by one.

A ReplicationController is an older ReplicaSet, whose selector is a map of labels.

Source: pkg/controller/replicaset/replica_set.go and pkg/controller/replication at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.controllers.base import (
    Again,
    Context,
    Key,
    available_in,
    condition,
    deleting,
    expendable,
    key_of,
    make_pod,
    never,
    owned,
    pod_from,
    selects,
    set_status,
    with_condition,
    worker_of,
)
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.embedded.fault import Fault, NotYetFault
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject


def start(context: Context) -> None:
    """Watch ReplicaSets, ReplicationControllers and the Pods that they control."""
    _start(context, "replicasets", "ReplicaSet", "replicaset-controller")
    _start(context, "replicationcontrollers", "ReplicationController", "replication-controller")


def _start(context: Context, resource: str, kind: str, component: str) -> None:
    worker = worker_of(context, resource, ReplicaSets(context, resource, component))
    context.watch("pods", wakes_claimant(context, worker, resource, kind))


class ReplicaSets:
    """Compares the Pods of one object of *resource* with its ``spec.replicas``."""

    def __init__(self, context: Context, resource: str, component: str) -> None:
        self._context = context
        self._resource = resource
        self._events = context.recorder(component)
        self.again: Again = never

    def reconcile(self, key: Key) -> None:
        """One step towards the wanted number, and the status as it is now."""
        one = self._context.store.get(self._resource, *key)
        if one is None:
            return
        pods = claim(self._context, "pods", one)
        active = [pod for pod in pods if not has_ended(pod) and not deleting(pod)]
        refusal = None if deleting(one) else self._scaled(one, active)
        self._report(one, key, pods, None if isinstance(refusal, NotYetFault) else refusal)
        if refusal:
            raise refusal

    def _scaled(self, one: RawObject, active: list[RawObject]) -> Fault | None:
        """Scale as far as it goes; what the API refused."""
        try:
            self._scale(one, active)
        except Fault as refusal:
            return refusal
        return None

    def _scale(self, one: RawObject, active: list[RawObject]) -> None:
        meta, missing = one["metadata"], one["spec"].get("replicas", 1) - len(active)
        for _ in range(missing):
            pod = pod_from(one["spec"]["template"], one, f"{meta['name']}-")
            make_pod(self._context, self._events, one, pod)
        for pod in sorted(active, key=expendable)[: max(0, -missing)]:
            self._context.api.delete("pods", *key_of(pod))
            self._events.event(one, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _report(self, one: RawObject, key: Key, pods: list[RawObject], refusal: Fault | None) -> None:
        current = self._context.store.get(self._resource, *key)
        if current is None:
            return
        pods = owned(self._context.store.list("pods", key[0]), one)
        active = [pod for pod in pods if not has_ended(pod) and not deleting(pod)]
        waits = [
            available_in(pod, one["spec"].get("minReadySeconds", 0), self._context.now()) for pod in active
        ]
        soon = [wait for wait in waits if wait]
        if soon:
            self.again(key, min(soon))
        labels = (one["spec"]["template"].get("metadata") or {}).get("labels") or {}
        counts = {
            "fullyLabeledReplicas": sum(
                selects({"matchLabels": labels}, p["metadata"]["labels"]) for p in active
            ),
            "readyReplicas": sum(is_ready(pod) for pod in active),
            "availableReplicas": waits.count(0.0),
        }
        status = {"replicas": len(active), "observedGeneration": one["metadata"].get("generation", 1)}
        status |= {name: count for name, count in counts.items() if count}
        if self._resource == "replicasets":
            status["terminatingReplicas"] = sum(deleting(pod) and not has_ended(pod) for pod in pods)
        if refusal:
            # The first refusal stays: each names another Pod, and a change would bring the controller back at once.
            entry = {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": str(refusal),
            }
            kept = condition(current, "ReplicaFailure")
            status["conditions"] = [kept] if kept else with_condition([], entry, self._context.stamp())
        set_status(self._context, self._resource, current, status)
