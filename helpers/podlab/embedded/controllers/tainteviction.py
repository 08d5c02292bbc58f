"""
Ends Pods that do not tolerate a ``NoExecute`` taint of their node, at once or after their ``tolerationSeconds``.

Source: pkg/controller/tainteviction/taint_eviction.go at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded import disruption, nodefit
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, deleting, key_of
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

REASON, MESSAGE = "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"


def start(context: ControllerContext) -> None:
    """Watch the node's taints and the Pods on it."""
    controller = TaintEviction(context)

    def pod_changed(kind: str, pod: RawObject) -> None:
        if kind == "DELETED":
            controller.forget(pod)
        elif pod["spec"].get("nodeName"):
            controller.queue(key_of(pod))

    def node_changed(_: str, __: RawObject) -> None:
        for pod in context.store.list("pods"):
            pod_changed("MODIFIED", pod)

    context.watch("nodes", node_changed)
    context.watch("pods", pod_changed)


class TaintEviction(Controller):
    """Remembers, by uid, since when a Pod has tolerated a taint: the API does not hold that instant."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "taint-eviction-controller")
        self._since: dict[str, float] = {}

    def forget(self, pod: RawObject) -> None:
        """Forget a deleted Pod."""
        self._since.pop(pod["metadata"]["uid"], None)

    def reconcile(self, key: Key) -> None:
        """Leave a Pod alone, wait until its toleration is over, or evict it."""
        pod = self._context.store.get("pods", *key)
        if pod is None or deleting(pod) or has_ended(pod):
            return
        left = self._left_s(pod)
        if left is None:
            if self._since.pop(pod["metadata"]["uid"], None) is not None:
                self._say(pod, f"Cancelling deletion of Pod {key[0]}/{key[1]}")
        elif left > 0:
            self.queue(key, left)
        else:
            self._evict(pod, key)

    def _left_s(self, pod: RawObject) -> float | None:
        """Return seconds until the Pod must go; None if it may stay for ever."""
        node = self._context.store.get("nodes", "", pod["spec"].get("nodeName", ""))
        taints = [
            t for t in (node or {}).get("spec", {}).get("taints") or () if t.get("effect") == "NoExecute"
        ]
        seconds = nodefit.tolerated_s(taints, pod)
        if seconds is None:
            return None
        now = self._context.now()
        return self._since.setdefault(pod["metadata"]["uid"], now) + seconds - now

    def _evict(self, pod: RawObject, key: Key) -> None:
        self._say(pod, f"Marking for deletion Pod {key[0]}/{key[1]}")
        self._context.store.update("pods", disruption.marked(pod, REASON, MESSAGE, self._context.stamp()))
        self._context.api.delete("pods", *key)

    def _say(self, pod: RawObject, message: str) -> None:
        self._events.event(pod, "Normal", "TaintManagerEviction", message)
