"""
ReplicaSets and ReplicationControllers: as many Pods as asked for, created and deleted one by one.

A ReplicationController is an older ReplicaSet, whose selector is a map of labels.

Source: pkg/controller/replicaset/replica_set.go and pkg/controller/replication at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.embedded.controllers.objects import (
    Key,
    condition,
    deleting,
    key_of,
    owned,
    with_condition,
)
from podlab.embedded.controllers.templates import available_in, expendable, pod_from
from podlab.embedded.fault import NotYetError, StatusError
from podlab.embedded.nodefit import selects
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject


def start(context: ControllerContext) -> None:
    """Watch ReplicaSets, ReplicationControllers and the Pods that they control."""
    _start(context, "replicasets", "ReplicaSet", "replicaset-controller")
    _start(context, "replicationcontrollers", "ReplicationController", "replication-controller")


def _start(context: ControllerContext, resource: str, kind: str, component: str) -> None:
    controller = ReplicaSets(context, resource, component)
    controller.follow(resource)
    context.watch("pods", wakes_claimant(context, controller, resource, kind))


class ReplicaSets(Controller):
    """Compares the Pods of one object of *resource* with its ``spec.replicas``."""

    def __init__(self, context: ControllerContext, resource: str, component: str) -> None:
        super().__init__(context, component)
        self._resource = resource

    def reconcile(self, key: Key) -> None:
        """Take a step towards the wanted number of Pods, and write the status."""
        replica_set = self._context.store.get(self._resource, *key)
        if replica_set is None:
            return
        pods = claim(self._context, "pods", replica_set)
        active = [pod for pod in pods if not has_ended(pod) and not deleting(pod)]
        refusal = None if deleting(replica_set) else self._scaled(replica_set, active)
        self._report(replica_set, key, pods, None if isinstance(refusal, NotYetError) else refusal)
        if refusal:
            raise refusal

    def _scaled(self, replica_set: RawObject, active: list[RawObject]) -> StatusError | None:
        """Scale as far as possible, and return what the API server refused."""
        try:
            self._scale(replica_set, active)
        except StatusError as refusal:
            return refusal
        return None

    def _scale(self, replica_set: RawObject, active: list[RawObject]) -> None:
        meta, missing = replica_set["metadata"], replica_set["spec"].get("replicas", 1) - len(active)
        for _ in range(missing):
            pod = pod_from(replica_set["spec"]["template"], replica_set, f"{meta['name']}-")
            self.create_pod(replica_set, pod)
        for pod in sorted(active, key=expendable)[: max(0, -missing)]:
            self._context.api.delete("pods", *key_of(pod))
            self._events.event(
                replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}"
            )

    def _report(
        self, replica_set: RawObject, key: Key, pods: list[RawObject], refusal: StatusError | None
    ) -> None:
        current = self._context.store.get(self._resource, *key)
        if current is None:
            return
        pods = owned(self._context.store.list("pods", key[0]), replica_set)
        active = [pod for pod in pods if not has_ended(pod) and not deleting(pod)]
        waits = [
            available_in(pod, replica_set["spec"].get("minReadySeconds", 0), self._context.now())
            for pod in active
        ]
        soon = [wait for wait in waits if wait]
        if soon:
            self.queue(key, min(soon))
        labels = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
        counts = {
            "fullyLabeledReplicas": sum(
                selects({"matchLabels": labels}, p["metadata"]["labels"]) for p in active
            ),
            "readyReplicas": sum(is_ready(pod) for pod in active),
            "availableReplicas": waits.count(0.0),
        }
        status = {"replicas": len(active), "observedGeneration": replica_set["metadata"].get("generation", 1)}
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
        self._context.set_status(self._resource, current, status)
