"""
Gives Pods without a node to the one node, or says in a condition and an Event why it cannot.

The filters run in the order of kube-scheduler's, and the first that refuses speaks: node name, taints, node
affinity and selector, host ports, resources. A Pod that does not fit is looked at again when something leaves
the node.
"""

from __future__ import annotations

from podlab.embedded import nodefit
from podlab.embedded.controllers import interpod
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, with_condition
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject
from podlab.pods.requests import amounts, pod_requests, total

GATED = "Scheduling is blocked due to non-empty scheduling gates"
HOPELESS = "1 Preemption is not helpful for scheduling."
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
NO_VICTIMS = "1 No preemption victims found for incoming pod."


def start(context: ControllerContext) -> None:
    """Watch Pods and the node."""
    Scheduler(context)


class Scheduler(Controller):
    """The queue of Pods that wait for a node."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "default-scheduler")
        self._refused: set[Key] = set()
        context.watch("pods", self._pod_changed)
        context.watch("nodes", lambda *_: self._try_again())

    def _pod_changed(self, kind: str, pod: RawObject) -> None:
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if kind == "DELETED" or has_ended(pod):
            self._refused.discard(key)
            if pod["spec"].get("nodeName"):
                self._try_again()
        elif (not pod["spec"].get("nodeName") and key not in self._refused) or (
            key in self._refused and _spec_moved(pod)
        ):
            self.queue(key)

    def _try_again(self) -> None:
        for key in self._refused:
            self.queue(key)

    def reconcile(self, key: Key) -> None:
        """Bind one Pod, or note why not."""
        pod = self._context.store.get("pods", *key)
        self._refused.discard(key)
        if (
            pod is None
            or pod["spec"].get("nodeName")
            or "deletionTimestamp" in pod["metadata"]
            or has_ended(pod)
        ):
            return
        if pod["spec"].get("schedulerName", "default-scheduler") != "default-scheduler":
            return
        if pod["spec"].get("schedulingGates"):
            self._say(pod, "SchedulingGated", GATED)
            return
        node = self._context.store.get("nodes", "", self._context.node_name)
        why, preemption = self._refusal(pod, node)
        if why:
            text = f"no new claims to deallocate, preemption: 0/1 nodes are available: {preemption}"
            message = f"0/1 nodes are available: {why}. {text if preemption else 'not found'}"
            self._refused.add(key)
            self._events.event(pod, "Warning", "FailedScheduling", message)
            self._say(pod, "Unschedulable", message)
        else:
            self._bind(pod)

    def _refusal(self, pod: RawObject, node: RawObject | None) -> tuple[str, str]:
        """(why the node refuses, what preemption would help, "" if it was not asked); ("", "") when it fits."""
        if node is None:
            return "no nodes available to schedule pods", HOPELESS
        claims = [
            v["persistentVolumeClaim"]
            for v in pod["spec"].get("volumes") or ()
            if "persistentVolumeClaim" in v
        ]
        if claims:  # this cluster has no claims, and the node is not asked then
            return f'persistentvolumeclaim "{claims[0]["claimName"]}" not found', ""
        return self._refused_as_it_is(pod, node) or self._refused_for_others(pod, node)

    def _refused_as_it_is(self, pod: RawObject, node: RawObject) -> tuple[str, str] | None:
        spec = node.get("spec", {})
        if spec.get("unschedulable") and not nodefit.tolerated(UNSCHEDULABLE, pod):
            return "1 node(s) were unschedulable", HOPELESS
        if any(not nodefit.tolerated(taint, pod) for taint in spec.get("taints", ())):
            return "1 node(s) had untolerated taint(s)", HOPELESS
        if not nodefit.affine(pod, node):
            return "1 node(s) didn't match Pod's node affinity/selector", HOPELESS
        return None

    def _refused_for_others(self, pod: RawObject, node: RawObject) -> tuple[str, str]:
        others = [
            p for p in self._context.store.list("pods") if p["spec"].get("nodeName") and not has_ended(p)
        ]
        ports = nodefit.host_ports(pod)
        if ports and nodefit.ports_clash(ports, [nodefit.host_ports(other) for other in others]):
            return "1 node(s) didn't have free ports for the requested pod ports", NO_VICTIMS
        short = _short_of(pod, node, others)
        if short[0]:
            return short
        why, helps = interpod.refusal(pod, node, others)
        return (why, NO_VICTIMS if helps else HOPELESS) if why else ("", "")

    def _bind(self, pod: RawObject) -> None:
        node = self._context.node_name
        generation = pod["metadata"].get("generation", 1)
        entry = {
            "type": "PodScheduled",
            "observedGeneration": generation,
            "status": "True",
            "lastProbeTime": None,
        }
        conditions = with_condition(pod["status"].get("conditions", []), entry, self._context.stamp())
        bound = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        self._context.store.update("pods", {**bound, "status": {**pod["status"], "conditions": conditions}})
        meta = pod["metadata"]
        text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}"
        self._events.event(pod, "Normal", "Scheduled", text)

    def _say(self, pod: RawObject, reason: str, message: str) -> None:
        entry = {
            "type": "PodScheduled",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "False",
            "reason": reason,
            "message": message,
            "lastProbeTime": None,
        }
        conditions = with_condition(pod["status"].get("conditions", []), entry, self._context.stamp())
        self._context.store.update("pods", {**pod, "status": {**pod["status"], "conditions": conditions}})


def _spec_moved(pod: RawObject) -> bool:
    """Return whether the spec is newer than what the scheduler has spoken about: worth another look."""
    said = next((c for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled"), None)
    gated = said is not None and said.get("reason") == "SchedulingGated"
    return gated and not pod["spec"].get("schedulingGates")


def _short_of(pod: RawObject, node: RawObject, others: list[RawObject]) -> tuple[str, str]:
    allocatable = amounts(node.get("status", {}).get("allocatable"))
    wants, taken = pod_requests(pod), total(others)
    if len(others) + 1 > allocatable.get("pods", 110):
        return "1 Too many pods", NO_VICTIMS
    short = [
        name for name in sorted(wants) if wants[name] > max(0, allocatable.get(name, 0) - taken.get(name, 0))
    ]
    short = [name for name in short if wants[name]]
    if not short:
        return "", ""
    helpless = any(wants[name] > allocatable.get(name, 0) for name in short)
    return ", ".join(f"1 Insufficient {name}" for name in short), HOPELESS if helpless else NO_VICTIMS
