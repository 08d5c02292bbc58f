"""
Resizes of one Pod in place: the granted resources, those that its containers run with, and the conditions of both.

The API's spec is what is wanted. A resize that fits is granted (*allocated*) at once; one that does not waits
(``PodResizePending``). What was granted is then put into force, in the running container or by restarting it.

Source: pkg/kubelet/allocation/allocation_manager.go, computePodResizeAction and kubelet.go at v1.36.3.
"""

from __future__ import annotations

import json

from podlab.embedded.events import EventRecorder
from podlab.embedded.lifecycle.containers import rfc3339
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods import roles
from podlab.pods.raw import RawObject

PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
KEYS = (roles.INIT, roles.APP)


class Resizes:
    """The resizes of one Pod."""

    def __init__(self, recorder: EventRecorder, pod: RawObject) -> None:
        self._recorder = recorder
        self._allocated = _resources(pod)
        self._in_force: dict[str, RawObject] = {}  # id of a running container -> the resources that it has
        self._pending: RawObject | None = None
        self._in_progress: RawObject | None = None

    # -- granting --------------------------------------------------------------------------------------------

    def allocated(self, pod: RawObject) -> RawObject:
        """Return the Pod with the resources that were granted, which is what its node goes by."""
        if _resources(pod) == self._allocated:
            return pod
        changed = dict(pod["spec"])
        for key in KEYS:
            if changed.get(key):
                changed[key] = [{**c, "resources": self._allocated[c["name"]]} for c in changed[key]]
        return {**pod, "spec": changed}

    def asked(self, pod: RawObject, refusal: str | None, now: int) -> None:
        """
        Look at what the API wants now.

        Args:
            refusal: Why the node has no room for it; None if it has.
        """
        if _resources(pod) == self._allocated:
            self._pending = None
        elif refusal is None:
            self._allocated, self._pending = _resources(pod), None
            self._in_progress = _condition(pod, IN_PROGRESS, now)
            self._say(pod, "Normal", "ResizeStarted", "Pod resize started")
        else:
            self._wait(pod, refusal, now)

    def _wait(self, pod: RawObject, refusal: str, now: int) -> None:
        generation = pod["metadata"].get("generation", 1)
        said = self._pending is not None and self._pending["observedGeneration"] == generation
        self._pending = _condition(pod, PENDING, now) | {"reason": "Deferred", "message": refusal}
        if not said:
            self._say(pod, "Warning", "ResizeDeferred", "Pod resize Deferred", refusal)

    @property
    def waits(self) -> bool:
        """True while a resize has not been granted."""
        return self._pending is not None

    # -- putting into force ----------------------------------------------------------------------------------

    def look(self, pod: RawObject, view: PodView) -> None:
        """Note what new containers began with; say when the last of a resize is in force."""
        running = [r for r in view.containers if r.state is ContainerState.RUNNING]
        self._in_force = {r.id: self._in_force.get(r.id, self._allocated.get(r.name, {})) for r in running}
        if self._in_progress is not None and not self.due(view):
            generation = self._in_progress["observedGeneration"]
            self._in_progress = None
            self._say(pod, "Normal", "ResizeCompleted", "Pod resize completed", generation=generation)

    def due(self, view: PodView) -> list[ContainerRecord]:
        """Return the running containers whose resources are not those that were granted."""
        return [
            record
            for record in view.containers
            if record.id in self._in_force
            and record.name in self._allocated
            and _amounts(self._in_force[record.id]) != _amounts(self._allocated[record.name])
        ]

    def restarts(self, container: RawObject, record: ContainerRecord) -> bool:
        """True if what changes of a container's resources asks for a restart."""
        was, now = _amounts(self._in_force.get(record.id, {})), _amounts(self._allocated[record.name])
        moved = {
            name for key, name in was.keys() | now.keys() if was.get((key, name)) != now.get((key, name))
        }
        return any(
            policy.get("restartPolicy") == "RestartContainer" and policy["resourceName"] in moved
            for policy in container.get("resizePolicy") or ()
        )

    def put_into_force(self, record: ContainerRecord) -> RawObject:
        """Return the new resources of a running container."""
        self._in_force[record.id] = self._allocated[record.name]
        return self._allocated[record.name]

    # -- saying ----------------------------------------------------------------------------------------------

    def conditions(self) -> list[RawObject]:
        """Return the conditions of a resize that waits or is being put into force."""
        return [dict(c) for c in (self._pending, self._in_progress) if c is not None]

    def _say(
        self,
        pod: RawObject,
        kind: str,
        reason: str,
        text: str,
        error: str = "",
        *,
        generation: int | None = None,
    ) -> None:
        summary: RawObject = {
            key: [{"name": c["name"], "resources": _ordered(c.get("resources") or {})} for c in listed]
            for key in KEYS
            if (listed := roles.group(pod, key))
        }
        summary["generation"] = pod["metadata"].get("generation", 1) if generation is None else generation
        if error:
            summary["error"] = error
        told = json.dumps(summary, separators=(",", ":"), ensure_ascii=False)
        self._recorder.event(pod, kind, reason, f"{text}: {told}")


def _resources(pod: RawObject) -> dict[str, RawObject]:
    return {c["name"]: c.get("resources") or {} for key in KEYS for c in roles.group(pod, key)}


def _amounts(resources: RawObject) -> dict[tuple[str, str], str]:
    """(requests or limits, cpu or memory) -> amount: what can be resized."""
    return {
        (key, name): amount
        for key in ("requests", "limits")
        for name, amount in (resources.get(key) or {}).items()
        if name in ("cpu", "memory")
    }


def _ordered(resources: RawObject) -> RawObject:
    """As Go writes them: limits first, names sorted."""
    return {key: dict(sorted(resources[key].items())) for key in ("limits", "requests") if resources.get(key)}


def _condition(pod: RawObject, kind: str, now: int) -> RawObject:
    stamp = rfc3339(now)
    return {
        "type": kind,
        "status": "True",
        "lastProbeTime": stamp,
        "lastTransitionTime": stamp,
        "observedGeneration": pod["metadata"].get("generation", 1),
    }
