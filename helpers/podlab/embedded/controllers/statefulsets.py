"""
StatefulSets: Pods with numbers for names, started in order, stopped and renewed in the reverse order.

Volumes by claim are refused when a StatefulSet is created: PersistentVolumeClaims are not served. At most one Pod is
renewed at a time (``maxUnavailable`` 1).

Source: pkg/controller/statefulset/stateful_set_control.go (``updateStatefulSet``) at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.controllers.base import (
    Again,
    Context,
    Key,
    available_in,
    deleting,
    key_of,
    make,
    never,
    pod_from,
    set_status,
    worker_of,
)
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.embedded.controllers.revisions import HASH, Revisions
from podlab.embedded.fault import Fault
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def start(context: Context) -> None:
    """Watch StatefulSets and their Pods."""
    worker = worker_of(context, "statefulsets", StatefulSets(context))
    context.watch("pods", wakes_claimant(context, worker, "statefulsets", "StatefulSet"))


class StatefulSets:
    """Takes one step of one StatefulSet at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = context.recorder("statefulset-controller")
        self._revisions = Revisions(context)
        self.again: Again = never

    def reconcile(self, key: Key) -> None:
        """One step towards the wanted Pods, and the status as it is now."""
        one = self._context.store.get("statefulsets", *key)
        if one is None:
            return
        pods = self._pods(one)
        if deleting(one):
            return
        current, update = self._revisions.of(one)
        refusal = self._stepped(one, pods, current, update)
        self._report(one, current, update)
        self._revisions.forget_old(one, self._pods(one), (current, update))
        if refusal:
            raise refusal

    def _pods(self, one: RawObject) -> dict[int, RawObject]:
        """Ordinal -> Pod of those that the set controls."""
        pods = claim(self._context, "pods", one, member=lambda pod: ordinal(one, pod) is not None)
        return {found: pod for pod in pods if (found := ordinal(one, pod)) is not None}

    def _stepped(
        self, one: RawObject, pods: dict[int, RawObject], current: RawObject, update: RawObject
    ) -> Fault | None:
        """Take a step; what the API refused."""
        try:
            if self._scaled(one, pods, current, update):
                self._renew(one, pods, update)
        except Fault as refusal:
            return refusal
        return None

    def _scaled(
        self, one: RawObject, pods: dict[int, RawObject], current: RawObject, update: RawObject
    ) -> bool:
        """Make missing Pods and remove those that are too many; True once no step has to wait."""
        in_order = one["spec"].get("podManagementPolicy") != "Parallel"
        for number in wanted(one):
            pod = pods.get(number)
            if pod is None:
                self._create(one, number, current if self._keeps(one, number, current, update) else update)
            elif has_ended(pod) and not deleting(pod):
                self._recreate(one, pod)
            if in_order and not (pod and self._is_available(one, pod)):
                return False
        for number in sorted(set(pods) - set(wanted(one)), reverse=True):
            pod = pods[number]
            if in_order and (deleting(pod) or not self._may_go(pod, pods)):
                return False
            if not deleting(pod):
                self._delete(one, pod)
                if in_order:
                    return False
        return True

    def _may_go(self, pod: RawObject, pods: dict[int, RawObject]) -> bool:
        """Whether a Pod that is too many may be removed: a healthy one, or else the first that is not."""
        unhealthy = [number for number in sorted(pods) if not _healthy(pods[number])]
        return _healthy(pod) or pods[unhealthy[0]] is pod

    def _renew(self, one: RawObject, pods: dict[int, RawObject], update: RawObject) -> None:
        """Remove the Pod of the highest number that is of an older revision, one at a time."""
        strategy = one["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
        for number in reversed(wanted(one)[partition:]):
            pod = pods.get(number)
            if pod is None or deleting(pod):
                return
            if pod["metadata"]["labels"].get(HASH) != update["metadata"]["name"]:
                self._delete(one, pod)
                return
            if not self._is_available(one, pod):
                return

    def _keeps(self, one: RawObject, number: int, current: RawObject, update: RawObject) -> bool:
        """Whether a missing Pod comes back as it was, while others are renewed."""
        if current["metadata"]["name"] == update["metadata"]["name"]:
            return False
        strategy = one["spec"].get("updateStrategy") or {}
        first = wanted(one).start
        partition = (strategy.get("rollingUpdate") or {}).get("partition")
        if strategy.get("type") == "OnDelete" or partition is None:
            return number < first + int((one.get("status") or {}).get("currentReplicas", 0))
        return bool(number < first + partition)

    def _is_available(self, one: RawObject, pod: RawObject) -> bool:
        if not _healthy(pod):
            return False
        wait_s = available_in(pod, one["spec"].get("minReadySeconds", 0), self._context.now())
        if wait_s:
            self.again(key_of(one), wait_s)
        return not wait_s

    # -- Pods ------------------------------------------------------------------------------------------------

    def _create(self, one: RawObject, number: int, revision: RawObject) -> None:
        name = f"{one['metadata']['name']}-{number}"
        pod = pod_from(Revisions.template(revision), one, f"{one['metadata']['name']}-")
        pod["metadata"]["name"] = name
        pod["metadata"]["labels"] |= {
            HASH: revision["metadata"]["name"],
            POD_NAME: name,
            POD_INDEX: str(number),
        }
        pod["spec"] = {**pod["spec"], "hostname": name}
        if one["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = one["spec"]["serviceName"]
        said = f"create Pod {name} in StatefulSet {one['metadata']['name']}"
        done, failed = f"{said} successful", f"{said} failed error"
        make(self._context, self._events, one, "pods", pod, done=done, failed=failed)

    def _delete(self, one: RawObject, pod: RawObject) -> None:
        self._context.api.delete("pods", *key_of(pod))
        name = pod["metadata"]["name"]
        text = f"delete Pod {name} in StatefulSet {one['metadata']['name']} successful"
        self._events.event(one, "Normal", "SuccessfulDelete", text)

    def _recreate(self, one: RawObject, pod: RawObject) -> None:
        failed = pod["status"]["phase"] == "Failed"
        kind, reason = ("Warning", "RecreatingFailedPod") if failed else ("Normal", "RecreatingTerminatedPod")
        whose = "/".join(key_of(one))
        word = "failed" if failed else "terminated"
        name = pod["metadata"]["name"]
        self._events.event(one, kind, reason, f"StatefulSet {whose} is recreating {word} Pod {name}")
        self._delete(one, pod)

    # -- the status ------------------------------------------------------------------------------------------

    def _report(self, one: RawObject, current: RawObject, update: RawObject) -> None:
        pods, replicas = self._pods(one), len(wanted(one))
        names = {"currentRevision": current["metadata"]["name"], "updateRevision": update["metadata"]["name"]}
        staying = [pod for pod in pods.values() if not deleting(pod)]
        of = [pod["metadata"]["labels"].get(HASH) for pod in staying]
        counts = {
            "readyReplicas": sum(is_ready(pod) for pod in pods.values()),
            "currentReplicas": of.count(names["currentRevision"]),
            "updatedReplicas": of.count(names["updateRevision"]),
        }
        rolling = (one["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
        if rolling and counts["updatedReplicas"] == counts["readyReplicas"] == replicas:
            names["currentRevision"], counts["currentReplicas"] = names["updateRevision"], replicas
        status = {
            "observedGeneration": one["metadata"].get("generation", 1),
            "replicas": len(pods),
            **{key: value for key, value in counts.items() if value},
            **names,
            "collisionCount": 0,
            "availableReplicas": sum(self._is_available(one, pod) for pod in pods.values()),
        }
        set_status(self._context, "statefulsets", one, status)


def wanted(one: RawObject) -> range:
    """The ordinals that a StatefulSet is to have."""
    first = (one["spec"].get("ordinals") or {}).get("start", 0)
    return range(first, first + one["spec"].get("replicas", 1))


def ordinal(one: RawObject, pod: RawObject) -> int | None:
    """The number at the end of a Pod's name; None for a Pod that cannot be the set's."""
    name, _, number = pod["metadata"]["name"].rpartition("-")
    return int(number) if name == one["metadata"]["name"] and number.isdecimal() else None


def _healthy(pod: RawObject) -> bool:
    running = (pod.get("status") or {}).get("phase") == "Running"
    return running and is_ready(pod) and not deleting(pod)
