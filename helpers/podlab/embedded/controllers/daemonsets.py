"""
DaemonSets: on a cluster of one node, one Pod; replaced when the template changes, removed when the node no longer fits.
With ``maxSurge`` its successor is started first, and it goes once that is available.

Source: pkg/controller/daemon/daemon_controller.go (``NodeShouldRunDaemonPod``), update.go (``rollingUpdate``,
``constructHistory``) and its util at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded import nodefit
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.embedded.controllers.objects import Key, deleting, key_of, owned
from podlab.embedded.controllers.revisions import HASH, Revisions
from podlab.embedded.controllers.templates import available_in, pod_from
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject

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


def start(context: ControllerContext) -> None:
    """Watch DaemonSets, their Pods and the node."""
    controller = DaemonSets(context)

    def node_changed(_: str, __: RawObject) -> None:
        for daemon_set in context.store.list("daemonsets"):
            controller.queue(key_of(daemon_set))

    controller.follow("daemonsets")
    context.watch("nodes", node_changed)
    context.watch("pods", wakes_claimant(context, controller, "daemonsets", "DaemonSet"))


class DaemonSets(Controller):
    """Keeps the one Pod of one DaemonSet."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "daemonset-controller")
        self._revisions = Revisions(context)

    def reconcile(self, key: Key) -> None:
        """Create the Pod, replace an outdated one, write the status."""
        daemon_set = self._context.store.get("daemonsets", *key)
        if daemon_set is None:
            return
        pods = claim(self._context, "pods", daemon_set)
        if deleting(daemon_set):
            return
        _, revision = self._revisions.of(daemon_set)
        mark = revision["metadata"]["labels"][HASH]
        may_start, may_stay = self._wanted(daemon_set)
        self._remove(daemon_set, pods, mark, may_stay=may_stay)
        left = owned(self._context.store.list("pods", key[0]), daemon_set)
        if may_start and (not left or self._surges(daemon_set, left, mark)):
            self._create(daemon_set, mark)
        pods = owned(self._context.store.list("pods", key[0]), daemon_set)
        self._report(daemon_set, pods, mark, wanted=may_start)
        self._revisions.forget_old(daemon_set, pods, (revision,))

    def _remove(self, daemon_set: RawObject, pods: list[RawObject], mark: str, *, may_stay: bool) -> None:
        """Delete what has ended, may not stay, or has a successor that may take its place."""
        rolling = daemon_set["spec"].get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate"
        new = [pod for pod in pods if pod["metadata"]["labels"].get(HASH) == mark and not deleting(pod)]
        replaced = not _surge(daemon_set) or any(self._is_available(daemon_set, pod) for pod in new)
        for pod in pods:
            outdated = rolling and pod["metadata"]["labels"].get(HASH) != mark and replaced
            if (has_ended(pod) or outdated or not may_stay) and not deleting(pod):
                self._context.api.delete("pods", *key_of(pod))
                self._events.event(
                    daemon_set, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}"
                )

    @staticmethod
    def _surges(daemon_set: RawObject, pods: list[RawObject], mark: str) -> bool:
        """Return whether a successor may start beside the outdated Pod."""
        outdated = all(pod["metadata"]["labels"].get(HASH) != mark for pod in pods)
        return _surge(daemon_set) and outdated

    def _is_available(self, daemon_set: RawObject, pod: RawObject) -> bool:
        wait_s = available_in(pod, daemon_set["spec"].get("minReadySeconds", 0), self._context.now())
        if wait_s:
            self.queue(key_of(daemon_set), wait_s)
        return wait_s == 0.0

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

    def _report(self, daemon_set: RawObject, pods: list[RawObject], mark: str, *, wanted: bool) -> None:
        stored = self._context.store.get("daemonsets", *key_of(daemon_set))
        if stored is None:
            return
        pods = [pod for pod in pods if not deleting(pod)]
        runs = bool(pods)  # the counts are of nodes: a Pod and its successor are one
        available = any(self._is_available(daemon_set, pod) for pod in pods)
        status = {
            "currentNumberScheduled": int(wanted and runs),
            "desiredNumberScheduled": int(wanted),
            "numberMisscheduled": int(runs and not wanted),
            "numberReady": int(any(is_ready(pod) for pod in pods)),
            "numberAvailable": int(available) or None,  # of the two only what is not zero is written
            "numberUnavailable": int(wanted and not available) or None,
            "updatedNumberScheduled": int(any(pod["metadata"]["labels"].get(HASH) == mark for pod in pods)),
            "observedGeneration": stored["metadata"].get("generation", 1),
        }
        status = {key: value for key, value in status.items() if value is not None}
        self._context.set_status("daemonsets", stored, status)


def _surge(daemon_set: RawObject) -> bool:
    """
    Return whether a successor may be started while the outdated Pod runs; of one node each share but 0 is one Pod.
    """
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return False
    return str((strategy.get("rollingUpdate") or {}).get("maxSurge", 0)) not in ("0", "0%")


def _tolerations(spec: RawObject) -> list[RawObject]:
    """Return the template's tolerations and those that every daemon has."""
    keys = (*TOLERATED, *(ON_HOST_NETWORK if spec.get("hostNetwork") else ()))
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in keys]
    given = list(spec.get("tolerations") or ())
    return [*given, *(toleration for toleration in added if toleration not in given)]


def _bound_to(node: str, affinity: RawObject) -> RawObject:
    """*affinity* with the node's name in place of the required terms, for they have been looked at here."""
    named = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    kept = {**(affinity.get("nodeAffinity") or {}), REQUIRED: {"nodeSelectorTerms": [named]}}
    return {**affinity, "nodeAffinity": kept}
