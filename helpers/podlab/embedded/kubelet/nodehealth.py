"""
The node's own conditions: Ready as long as its processes live, DiskPressure while its disk is full.

A real kubelet keeps a tenth of the disk free by evicting; on a machine that is not the cluster's alone that would evict
for what others have written. So pressure begins where writing ends: logs that cannot be written were lost in silence.

Source: ReadyCondition and DiskPressureCondition in pkg/kubelet/nodestatus/setters.go, and the taints of
pkg/controller/nodelifecycle/node_lifecycle_controller.go, at v1.36.3.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from podlab.embedded.events import EventRecorder
from podlab.embedded.store import Store, timestamp
from podlab.pods.raw import RawObject

LEAST_BYTES = 16 << 20
# Condition and status -> the reason of the Event, and whether it is a Warning.
EVENTS = {
    ("Ready", "True"): ("NodeReady", False),
    ("Ready", "False"): ("NodeNotReady", True),
    ("DiskPressure", "True"): ("NodeHasDiskPressure", True),
    ("DiskPressure", "False"): ("NodeHasNoDiskPressure", False),
}
NOT_READY, DISK_PRESSURE = "node.kubernetes.io/not-ready", "node.kubernetes.io/disk-pressure"


class State(NamedTuple):
    """The state of the node: *lost* says why its processes are gone, *full* why nothing can be written; or empty."""

    lost: str = ""
    full: str = ""


def full(folder: str, unwritten: int) -> str:
    """
    Return why nothing can be written to *folder*, empty if there is room; *unwritten* lines of logs were lost already.
    """
    try:
        found = os.statvfs(folder)
    except OSError:
        return ""
    if unwritten or found.f_bavail * found.f_frsize < LEAST_BYTES:
        lost = f"; {unwritten} log writes were lost" if unwritten else ""
        return f"{found.f_bavail * found.f_frsize >> 20} MiB are free on the disk of {folder}{lost}"
    return ""


def put(store: Store, name: str, state: State, recorder: EventRecorder) -> None:
    """Bring conditions and taints of the Node up to date, and tell of a change in an Event."""
    node = store.get("nodes", "", name)
    if node is None or "conditions" not in (node.get("status") or {}):
        return
    wanted = {
        "Ready": ("False", "KubeletNotReady", f"container runtime is down: {state.lost}")
        if state.lost
        else ("True", "KubeletReady", "kubelet is posting ready status"),
        "DiskPressure": ("True", "KubeletHasDiskPressure", f"kubelet has disk pressure: {state.full}")
        if state.full
        else ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    }
    now = timestamp(store.clock())
    conditions = [_condition(one, wanted.get(one["type"]), now) for one in node["status"]["conditions"]]
    if conditions == node["status"]["conditions"]:
        return
    turned = [new["type"] for new, old in zip(conditions, node["status"]["conditions"], strict=True)
              if new["status"] != old["status"]]  # fmt: skip
    spec = {**node["spec"], "taints": _taints(node["spec"].get("taints") or (), state, now)}
    if not spec["taints"]:
        del spec["taints"]
    store.update("nodes", {**node, "spec": spec, "status": {**node["status"], "conditions": conditions}})
    for kind in turned:
        status, _reason, message = wanted[kind]
        event, worse = EVENTS[kind, status]
        text = f"Node {name} status is now: {event}" + (f" ({message})" if worse else "")
        recorder.event(node, "Warning" if worse else "Normal", event, text)


def _condition(old: RawObject, wanted: tuple[str, str, str] | None, now: str) -> RawObject:
    if wanted is None or (old["status"], old.get("message")) == (wanted[0], wanted[2]):
        return old
    status, reason, message = wanted
    since = old["lastTransitionTime"] if status == old["status"] else now
    return {**old, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now,
            "lastTransitionTime": since}  # fmt: skip


def _taints(present: Sequence[RawObject], state: State, now: str) -> list[RawObject]:
    """Return the taints of others and podlab's own: no new Pod may be scheduled to a node in trouble."""
    ours = {NOT_READY: state.lost, DISK_PRESSURE: state.full}
    kept = [taint for taint in present if taint["key"] not in ours]
    return kept + [{"key": key, "effect": "NoSchedule", "timeAdded": now} for key, why in ours.items() if why]
