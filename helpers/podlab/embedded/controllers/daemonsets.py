"""
DaemonSets: on a cluster of one node, one Pod; replaced when the template changes, removed when the node no longer fits.

Source: pkg/controller/daemon/daemon_controller.go (``NodeShouldRunDaemonPod``) and its util at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded import nodefit
from podlab.embedded.controllers.base import Context, Controller
from podlab.embedded.controllers.objects import Key, deleting, key_of, owned
from podlab.embedded.controllers.templates import available_in, pod_from, template_hash
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject

HASH = "controller-revision-hash"
# A daemon stays where other Pods may not start or stay.
TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
ON_HOST_NETWORK = (("node.kubernetes.io/network-unavailable", "NoSchedule"),)
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def start(context: Context) -> None:
    """Watch DaemonSets and their Pods."""
    controller = DaemonSets(context)

    def node_changed(_: str, __: RawObject) -> None:
        for daemon_set in context.store.list("daemonsets"):
            controller.queue(key_of(daemon_set))

    controller.follow("daemonsets")
    context.watch("nodes", node_changed)
    controller.follow_owned("pods", "DaemonSet")


class DaemonSets(Controller):
    """Keeps the one Pod of one DaemonSet."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "daemonset-controller")

    def reconcile(self, key: Key) -> None:
        """Make the Pod, replace an outdated one, report."""
        daemon_set = self._context.store.get("daemonsets", *key)
        if daemon_set is None or deleting(daemon_set):
            return
        mark = template_hash(daemon_set["spec"]["template"])
        pods = owned(self._context.store.list("pods", key[0]), daemon_set)
        rolling = daemon_set["spec"].get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate"
        may_start, may_stay = self._wanted(daemon_set)
        for pod in pods:
            outdated = rolling and pod["metadata"]["labels"].get(HASH) != mark
            if (has_ended(pod) or outdated or not may_stay) and not deleting(pod):
                self._context.api.delete("pods", *key_of(pod))
                self._events.event(
                    daemon_set, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}"
                )
        if may_start and not owned(self._context.store.list("pods", key[0]), daemon_set):
            self._create(daemon_set, mark)
        self._report(daemon_set, mark, wanted=may_start)

    def _wanted(self, daemon_set: RawObject) -> tuple[bool, bool]:
        """(may a Pod start on the node, may one that runs there stay)."""
        node = self._context.store.get("nodes", "", self._context.node_name)
        if node is None:
            return False, False
        pod = pod_from(daemon_set["spec"]["template"], daemon_set, "")
        pod["spec"] = {**pod["spec"], "tolerations": _tolerations(pod["spec"])}
        if pod["spec"].get("nodeName") not in (None, "", self._context.node_name) or not nodefit.affine(
            pod, node
        ):
            return False, False
        taints = node.get("spec", {}).get("taints", ())
        refused = {taint.get("effect") for taint in taints if not nodefit.tolerated(taint, pod)}
        return not refused, "NoExecute" not in refused

    def _create(self, daemon_set: RawObject, mark: str) -> None:
        pod = pod_from(daemon_set["spec"]["template"], daemon_set, f"{daemon_set['metadata']['name']}-")
        pod["metadata"]["labels"][HASH] = mark
        spec = pod["spec"] = {**pod["spec"], "tolerations": _tolerations(pod["spec"])}
        spec["affinity"] = _bound_to(self._context.node_name, spec.get("affinity") or {})
        self.create_pod(daemon_set, pod)

    def _report(self, daemon_set: RawObject, mark: str, *, wanted: bool) -> None:
        stored = self._context.store.get("daemonsets", *key_of(daemon_set))
        if stored is None:
            return
        pods = [
            p
            for p in owned(self._context.store.list("pods", key_of(daemon_set)[0]), daemon_set)
            if not deleting(p)
        ]
        ready = sum(is_ready(pod) for pod in pods)
        waits = [
            available_in(pod, daemon_set["spec"].get("minReadySeconds", 0), self._context.now())
            for pod in pods
        ]
        updated = sum(pod["metadata"]["labels"].get(HASH) == mark for pod in pods)
        status = {
            "currentNumberScheduled": len(pods) if wanted else 0,
            "desiredNumberScheduled": int(wanted),
            "numberMisscheduled": 0 if wanted else len(pods),
            "numberReady": ready,
            "numberAvailable": waits.count(0.0) or None,  # of the two only what is not zero is written
            "numberUnavailable": int(wanted and waits.count(0.0) == 0) or None,
            "updatedNumberScheduled": updated,
            "observedGeneration": stored["metadata"].get("generation", 1),
        }
        status = {key: value for key, value in status.items() if value is not None}
        self._context.set_status("daemonsets", stored, status)


def _tolerations(spec: RawObject) -> list[RawObject]:
    """The template's tolerations and those that every daemon has."""
    keys = (*TOLERATED, *(ON_HOST_NETWORK if spec.get("hostNetwork") else ()))
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in keys]
    given = list(spec.get("tolerations") or ())
    return [*given, *(toleration for toleration in added if toleration not in given)]


def _bound_to(node: str, affinity: RawObject) -> RawObject:
    """*affinity* with the node's name in place of the required terms, for they have been looked at here."""
    named = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    kept = {**(affinity.get("nodeAffinity") or {}), REQUIRED: {"nodeSelectorTerms": [named]}}
    return {**affinity, "nodeAffinity": kept}
