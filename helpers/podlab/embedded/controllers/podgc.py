"""
Pods that no node looks after: those bound to a node that does not exist, and deleted ones that never got a node.

Source: pkg/controller/podgc/gc_controller.go at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.controllers.base import ControllerContext
from podlab.embedded.controllers.objects import deleting, key_of, with_condition
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

PERIOD_S = 20.0
QUARANTINE_S = 40.0  # a node may be on its way


def start(context: ControllerContext) -> None:
    """Look every ``PERIOD_S``."""
    collector = Collector(context)
    context.loop.call_later(PERIOD_S, collector.sweep)


class Collector:
    """Remembers since when a node is missing."""

    def __init__(self, context: ControllerContext) -> None:
        self._context = context
        self._missing: dict[str, float] = {}  # name of a node -> since when it is missed

    def sweep(self) -> None:
        """Delete Pods whose node has been missing long enough, and schedule the next sweep."""
        if self._context.stopped:
            return
        store, now = self._context.store, self._context.now()
        nodes = {node["metadata"]["name"] for node in store.list("nodes")}
        orphans = [pod for pod in store.list("pods") if pod["spec"].get("nodeName", "") not in {"", *nodes}]
        wanted = {pod["spec"]["nodeName"] for pod in orphans}
        self._missing = {name: self._missing.get(name, now) for name in wanted}
        for pod in orphans:
            if now - self._missing[pod["spec"]["nodeName"]] >= QUARANTINE_S:
                self._remove(pod, orphaned=True)
        for pod in store.list("pods"):
            if deleting(pod) and not pod["spec"].get("nodeName"):
                self._remove(pod, orphaned=False)
        self._context.loop.call_later(PERIOD_S, self.sweep)

    def _remove(self, pod: RawObject, *, orphaned: bool) -> None:
        """Mark a Pod failed unless it has ended, and delete it without grace."""
        status = dict(pod.get("status") or {})
        if not has_ended(pod):
            status["phase"] = "Failed"
            if orphaned:
                entry = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
                         "message": "PodGC: node no longer exists"}  # fmt: skip
                before = status.get("conditions") or []
                status["conditions"] = with_condition(before, entry, self._context.stamp())
            self._context.store.update("pods", {**pod, "status": status})
        self._context.api.delete("pods", *key_of(pod), grace_s=0)
