"""DaemonSets: on a cluster of one node, one Pod; replaced when the template changes."""

from __future__ import annotations

from podlab.embedded.controllers.base import (
    Context,
    Key,
    available_in,
    deleting,
    finished,
    is_ready,
    key_of,
    make_pod,
    owned,
    pod_from,
    set_status,
    wakes_owner,
)
from podlab.embedded.controllers.deployments import template_hash
from podlab.pods.raw import RawObject

HASH = "controller-revision-hash"


def start(context: Context) -> None:
    """Watch DaemonSets and their Pods."""
    controller = DaemonSets(context)
    worker = context.worker("daemonsets", controller.reconcile)

    context.watch("daemonsets", lambda _, one: worker.add(key_of(one)))
    context.watch("pods", wakes_owner(worker, "DaemonSet"))


class DaemonSets:
    """Keeps the one Pod of one DaemonSet."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = context.recorder("daemonset-controller")

    def reconcile(self, key: Key) -> None:
        """Make the Pod, replace an outdated one, report."""
        one = self._context.store.get("daemonsets", *key)
        if one is None or deleting(one):
            return
        mark = template_hash(one["spec"]["template"])
        pods = owned(self._context.store.list("pods", key[0]), one)
        rolling = one["spec"].get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate"
        for pod in pods:
            outdated = rolling and pod["metadata"]["labels"].get(HASH) != mark
            if (finished(pod) or outdated) and not deleting(pod):
                self._context.api.delete("pods", *key_of(pod))
                self._events.event(
                    one, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}"
                )
        if not owned(self._context.store.list("pods", key[0]), one):
            self._create(one, mark)
        self._report(one, mark)

    def _create(self, one: RawObject, mark: str) -> None:
        pod = pod_from(one["spec"]["template"], one, f"{one['metadata']['name']}-")
        pod["metadata"]["labels"][HASH] = mark
        make_pod(self._context, self._events, one, pod)

    def _report(self, one: RawObject, mark: str) -> None:
        stored = self._context.store.get("daemonsets", *key_of(one))
        if stored is None:
            return
        pods = [p for p in owned(self._context.store.list("pods", key_of(one)[0]), one) if not deleting(p)]
        ready = sum(is_ready(pod) for pod in pods)
        waits = [
            available_in(pod, one["spec"].get("minReadySeconds", 0), self._context.now()) for pod in pods
        ]
        updated = sum(pod["metadata"]["labels"].get(HASH) == mark for pod in pods)
        status = {
            "currentNumberScheduled": len(pods),
            "desiredNumberScheduled": 1,
            "numberMisscheduled": 0,
            "numberReady": ready,
            "numberAvailable": waits.count(0.0) or None,  # of the two only what is not zero is written
            "numberUnavailable": int(waits.count(0.0) == 0) or None,
            "updatedNumberScheduled": updated,
            "observedGeneration": stored["metadata"].get("generation", 1),
        }
        status = {key: value for key, value in status.items() if value is not None}
        set_status(self._context, "daemonsets", stored, status)
