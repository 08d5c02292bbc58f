"""
The row of a Pod in ``kubectl get pods``: READY, STATUS, RESTARTS.

Source: printPod in pkg/printers/internalversion/printers.go at v1.36.3; rules 1.19 of the specification.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.api.ages import age

Object = dict[str, Any]


def is_sidecar(container: Object | None) -> bool:
    """An init container that restarts always."""
    return bool(container) and container.get("restartPolicy") == "Always"  # type: ignore[union-attr]


class _Count:
    """What is counted while the statuses are read."""

    def __init__(self, pod: Object) -> None:
        self.status: Object = pod.get("status") or {}
        spec = pod["spec"]
        self.inits = {c["name"]: c for c in spec.get("initContainers") or []}
        self.total = len(spec.get("containers") or []) + sum(map(is_sidecar, self.inits.values()))
        self.ready = 0
        self.restarts = 0
        self.sidecar_restarts = 0
        self.last = ""
        self.sidecar_last = ""
        self.reason: str = self.status.get("reason") or self.status.get("phase", "")

    def conditions(self, kind: str) -> Object:
        """The condition of that type; empty when there is none."""
        for condition in self.status.get("conditions") or []:
            if condition["type"] == kind:
                return dict(condition)
        return {}


def _finished(status: Object) -> str:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return ended.get("finishedAt") or ""


def _ended_word(terminated: Object, prefix: str = "") -> str:
    if terminated.get("reason"):
        return f"{prefix}{terminated['reason']}"
    if terminated.get("signal"):
        return f"{prefix}Signal:{terminated['signal']}"
    return f"{prefix}ExitCode:{terminated.get('exitCode', 0)}"


def _read_inits(count: _Count) -> bool:
    """Read the init container statuses; True while the Pod is initializing."""
    for place, status in enumerate(count.status.get("initContainerStatuses") or []):
        sidecar = is_sidecar(count.inits.get(status["name"]))
        count.restarts += status.get("restartCount", 0)
        count.last = max(count.last, _finished(status))
        if sidecar:
            count.sidecar_restarts += status.get("restartCount", 0)
            count.sidecar_last = max(count.sidecar_last, _finished(status))
        state = status.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated and terminated.get("exitCode", 0) == 0:
            continue
        if sidecar and status.get("started"):
            count.ready += bool(status.get("ready"))
            continue
        if terminated:
            count.reason = _ended_word(terminated, "Init:")
        elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
            count.reason = f"Init:{waiting['reason']}"
        else:
            count.reason = f"Init:{place}/{len(count.inits)}"
        return True
    return False


def _read_regulars(count: _Count) -> None:
    count.restarts, count.last = count.sidecar_restarts, count.sidecar_last
    running, error = False, ""
    for status in reversed(count.status.get("containerStatuses") or []):
        count.restarts += status.get("restartCount", 0)
        count.last = max(count.last, _finished(status))
        state = status.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            count.reason = state["waiting"]["reason"]
        elif state.get("terminated"):
            count.reason = _ended_word(state["terminated"])
            if state["terminated"].get("exitCode", 0) != 0:
                error = count.reason
        elif status.get("ready") and state.get("running"):
            running = True
            count.ready += 1
    if count.reason == "Completed":
        if running and count.conditions("Ready").get("status") == "True":
            count.reason = "Running"
        elif error:
            count.reason = error
        elif running:
            count.reason = "NotReady"


def _count(pod: Object) -> _Count:
    count = _Count(pod)
    if count.conditions("PodScheduled").get("reason") == "SchedulingGated":
        count.reason = "SchedulingGated"
    initializing = _read_inits(count)
    if not initializing or count.conditions("Initialized").get("status") == "True":
        _read_regulars(count)
    if pod["metadata"].get("deletionTimestamp"):
        if count.status.get("reason") == "NodeLost":
            count.reason = "Unknown"
        elif count.status.get("phase") not in ("Succeeded", "Failed"):
            count.reason = "Terminating"
    return count


def _gates(pod: Object) -> str:
    gates = pod["spec"].get("readinessGates") or []
    if not gates:
        return "<none>"
    conditions = {c["type"]: c["status"] for c in (pod.get("status") or {}).get("conditions") or []}
    return f"{sum(conditions.get(g['conditionType']) == 'True' for g in gates)}/{len(gates)}"


def cells(pod: Object) -> list[Any]:
    """The cells of one Pod."""
    count = _count(pod)
    restarts = str(count.restarts)
    if count.restarts and count.last:
        restarts = f"{count.restarts} ({age(count.last)} ago)"
    addresses = count.status.get("podIPs") or []
    return [
        pod["metadata"]["name"],
        f"{count.ready}/{count.total}",
        count.reason,
        restarts,
        age(pod["metadata"].get("creationTimestamp")),
        addresses[0]["ip"] if addresses else "<none>",
        pod["spec"].get("nodeName") or "<none>",
        count.status.get("nominatedNodeName") or "<none>",
        _gates(pod),
    ]
