"""
StatefulSets: Pods with numbers for names, started in order, stopped and renewed in the reverse order.

Volumes by claim are refused when a StatefulSet is created: PersistentVolumeClaims are not served. At most one Pod is
renewed at a time (``maxUnavailable`` 1).

Source: pkg/controller/statefulset/stateful_set_control.go (``updateStatefulSet``) at v1.36.3.
"""

from __future__ import annotations

from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.embedded.controllers.objects import Key, deleting, key_of
from podlab.embedded.controllers.revisions import HASH, Revisions
from podlab.embedded.controllers.templates import available_in, pod_from
from podlab.embedded.fault import StatusError
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def start(context: ControllerContext) -> None:
    """Watch StatefulSets and their Pods."""
    controller = StatefulSets(context)
    controller.follow("statefulsets")
    context.watch("pods", wakes_claimant(context, controller, "statefulsets", "StatefulSet"))


class StatefulSets(Controller):
    """Takes one step of one StatefulSet at a time."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "statefulset-controller")
        self._revisions = Revisions(context)

    def reconcile(self, key: Key) -> None:
        """Take a step towards the wanted Pods, and write the status."""
        stateful_set = self._context.store.get("statefulsets", *key)
        if stateful_set is None:
            return
        pods = self._pods(stateful_set)
        if deleting(stateful_set):
            return
        current, update = self._revisions.of(stateful_set)
        refusal = self._stepped(stateful_set, pods, current, update)
        self._report(stateful_set, current, update)
        self._revisions.forget_old(stateful_set, self._pods(stateful_set).values(), (current, update))
        if refusal:
            raise refusal

    def _pods(self, stateful_set: RawObject) -> dict[int, RawObject]:
        """Return the Pods that the set controls, by ordinal."""
        pods = claim(
            self._context, "pods", stateful_set, member=lambda pod: ordinal(stateful_set, pod) is not None
        )
        return {found: pod for pod in pods if (found := ordinal(stateful_set, pod)) is not None}

    def _stepped(
        self, stateful_set: RawObject, pods: dict[int, RawObject], current: RawObject, update: RawObject
    ) -> StatusError | None:
        """Take a step, and return what the API server refused."""
        try:
            if self._scaled(stateful_set, pods, current, update):
                self._renew(stateful_set, pods, update)
        except StatusError as refusal:
            return refusal
        return None

    def _scaled(
        self, stateful_set: RawObject, pods: dict[int, RawObject], current: RawObject, update: RawObject
    ) -> bool:
        """Create missing Pods and delete surplus ones; return whether no step has to wait."""
        in_order = stateful_set["spec"].get("podManagementPolicy") != "Parallel"
        for number in wanted(stateful_set):
            pod = pods.get(number)
            if pod is None:
                self._create(
                    stateful_set,
                    number,
                    current if self._keeps(stateful_set, number, current, update) else update,
                )
            elif has_ended(pod) and not deleting(pod):
                self._recreate(stateful_set, pod)
            if in_order and not (pod and self._is_available(stateful_set, pod)):
                return False
        for number in sorted(set(pods) - set(wanted(stateful_set)), reverse=True):
            pod = pods[number]
            if in_order and (deleting(pod) or not self._may_go(pod, pods)):
                return False
            if not deleting(pod):
                self._delete(stateful_set, pod)
                if in_order:
                    return False
        return True

    def _may_go(self, pod: RawObject, pods: dict[int, RawObject]) -> bool:
        """Return whether a surplus Pod may be deleted: a healthy one, or the first unhealthy one."""
        unhealthy = [number for number in sorted(pods) if not _healthy(pods[number])]
        return _healthy(pod) or pods[unhealthy[0]] is pod

    def _renew(self, stateful_set: RawObject, pods: dict[int, RawObject], update: RawObject) -> None:
        """Delete the Pod with the highest number of an older revision, one at a time."""
        strategy = stateful_set["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
        for number in reversed(wanted(stateful_set)[partition:]):
            pod = pods.get(number)
            if pod is None or deleting(pod):
                return
            if pod["metadata"]["labels"].get(HASH) != update["metadata"]["name"]:
                self._delete(stateful_set, pod)
                return
            if not self._is_available(stateful_set, pod):
                return

    def _keeps(self, stateful_set: RawObject, number: int, current: RawObject, update: RawObject) -> bool:
        """Return whether a missing Pod comes back as it was, while others are renewed."""
        if current["metadata"]["name"] == update["metadata"]["name"]:
            return False
        strategy = stateful_set["spec"].get("updateStrategy") or {}
        first = wanted(stateful_set).start
        partition = (strategy.get("rollingUpdate") or {}).get("partition")
        if partition is None:
            rolls = strategy.get("type", "RollingUpdate") == "RollingUpdate"
            return rolls and number < first + int(
                (stateful_set.get("status") or {}).get("currentReplicas", 0)
            )
        return bool(number < first + partition)

    def _is_available(self, stateful_set: RawObject, pod: RawObject) -> bool:
        if not _healthy(pod):
            return False
        wait_s = available_in(pod, stateful_set["spec"].get("minReadySeconds", 0), self._context.now())
        if wait_s:
            self.queue(key_of(stateful_set), wait_s)
        return not wait_s

    # -- Pods ------------------------------------------------------------------------------------------------

    def _create(self, stateful_set: RawObject, number: int, revision: RawObject) -> None:
        name = f"{stateful_set['metadata']['name']}-{number}"
        pod = pod_from(Revisions.template(revision), stateful_set, f"{stateful_set['metadata']['name']}-")
        pod["metadata"]["name"] = name
        pod["metadata"]["labels"] |= {
            HASH: revision["metadata"]["name"],
            POD_NAME: name,
            POD_INDEX: str(number),
        }
        pod["spec"] = {**pod["spec"], "hostname": name}
        if stateful_set["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = stateful_set["spec"]["serviceName"]
        said = f"create Pod {name} in StatefulSet {stateful_set['metadata']['name']}"
        done, failed = f"{said} successful", f"{said} failed error"
        self.create(stateful_set, "pods", pod, done=done, failed=failed)

    def _delete(self, stateful_set: RawObject, pod: RawObject) -> None:
        self._context.api.delete("pods", *key_of(pod))
        name = pod["metadata"]["name"]
        text = f"delete Pod {name} in StatefulSet {stateful_set['metadata']['name']} successful"
        self._events.event(stateful_set, "Normal", "SuccessfulDelete", text)

    def _recreate(self, stateful_set: RawObject, pod: RawObject) -> None:
        failed = pod["status"]["phase"] == "Failed"
        kind, reason = ("Warning", "RecreatingFailedPod") if failed else ("Normal", "RecreatingTerminatedPod")
        whose = "/".join(key_of(stateful_set))
        word = "failed" if failed else "terminated"
        name = pod["metadata"]["name"]
        self._events.event(stateful_set, kind, reason, f"StatefulSet {whose} is recreating {word} Pod {name}")
        self._delete(stateful_set, pod)

    # -- the status ------------------------------------------------------------------------------------------

    def _report(self, stateful_set: RawObject, current: RawObject, update: RawObject) -> None:
        pods, replicas = self._pods(stateful_set), len(wanted(stateful_set))
        names = {"currentRevision": current["metadata"]["name"], "updateRevision": update["metadata"]["name"]}
        staying = [pod for pod in pods.values() if not deleting(pod)]
        of = [pod["metadata"]["labels"].get(HASH) for pod in staying]
        counts = {
            "readyReplicas": sum(is_ready(pod) for pod in pods.values()),
            "currentReplicas": of.count(names["currentRevision"]),
            "updatedReplicas": of.count(names["updateRevision"]),
        }
        strategy = (stateful_set["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
        if strategy == "RollingUpdate" and counts["updatedReplicas"] == counts["readyReplicas"] == replicas:
            names["currentRevision"], counts["currentReplicas"] = names["updateRevision"], replicas
        status = {
            "observedGeneration": stateful_set["metadata"].get("generation", 1),
            "replicas": len(pods),
            **{key: value for key, value in counts.items() if value},
            **names,
            "collisionCount": 0,
            "availableReplicas": sum(self._is_available(stateful_set, pod) for pod in pods.values()),
        }
        self._context.set_status("statefulsets", stateful_set, status)


def wanted(stateful_set: RawObject) -> range:
    """Return the ordinals of a StatefulSet."""
    first = (stateful_set["spec"].get("ordinals") or {}).get("start", 0)
    return range(first, first + stateful_set["spec"].get("replicas", 1))


def ordinal(stateful_set: RawObject, pod: RawObject) -> int | None:
    """Return the number at the end of a Pod's name; None for a Pod that cannot be the set's."""
    name, _, number = pod["metadata"]["name"].rpartition("-")
    return int(number) if name == stateful_set["metadata"]["name"] and number.isdecimal() else None


def _healthy(pod: RawObject) -> bool:
    running = (pod.get("status") or {}).get("phase") == "Running"
    return running and is_ready(pod) and not deleting(pod)
