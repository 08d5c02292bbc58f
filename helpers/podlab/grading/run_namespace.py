"""
Where an answer is run: a namespace of its own for each run, deleted afterwards.

Where the grader may not make namespaces (driver context, one namespace given), the given one is used by one grading
at a time: a ConfigMap is the lock. Only objects that the run made are deleted, by uid.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from podlab.client import Client, resources, waiting
from podlab.errors import ApiError, ConflictError, PodlabError, WaitTimeoutError

MANAGED = {"app.kubernetes.io/managed-by": "podlab"}
ANSWER = "podlab/answer"
"""Label of a namespace: the answer that is graded in it, the same in all of its runs."""

LOCK = "podlab-grading"
# A container that states no limit would have the node's whole memory and disk, and other answers are graded there too.
LIMITS = {
    "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": LOCK, "labels": MANAGED},
    "spec": {"limits": [{
        "type": "Container",
        "default": {"memory": "1Gi", "ephemeral-storage": "1Gi"},
        "defaultRequest": {"memory": "0", "ephemeral-storage": "0"},  # else a missing request would not be seen
    }]},
}  # fmt: skip
# Far more than an answer and its fixtures need; a flood of objects ends here, not in the API server's store.
QUOTA = {
    "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": LOCK, "labels": MANAGED},
    "spec": {"hard": {
        "pods": "30", "count/pods": "100", "services": "20", "services.nodeports": "0", "services.loadbalancers": "0",
        "configmaps": "60", "secrets": "30", "persistentvolumeclaims": "0", "count/jobs.batch": "20",
        "count/deployments.apps": "20", "count/replicasets.apps": "60",
    }},
}  # fmt: skip
# Holds only where the cluster's network plugin enforces it: not on air-gapped kind nodes, nor on the embedded cluster.
APART = {
    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": LOCK, "labels": MANAGED},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]},
}  # fmt: skip
_STALE_S = 900.0  # a grader that was killed leaves its lock; no grading takes that long
_WAIT_S = 300.0
_READY_S = 90.0
_SLOWEST_S = 2.0
_FORBIDDEN = 403


class RunNamespace:
    """
    A namespace for one run.

    Args:
        shared: The namespace to use where none can be made.
        labels: Put on the namespace that is made, so that a grader that was killed can clean up later.
    """

    def __init__(
        self, client: Client, exercise: str, shared: str, labels: Mapping[str, str] | None = None
    ) -> None:
        self.client, self._shared, self._labels = client, shared, dict(labels or {})
        self.name, self.own = f"grade-{exercise}-{uuid.uuid4().hex[:8]}", True
        self.made: list[dict[str, Any]] = []
        self._lock_uid = ""

    def of_others(self) -> set[str]:
        """
        Return the namespaces of other answers that are being graded.

        Raises:
            ApiError: This account may not list namespaces.
        """
        found = self.client.get(
            resources.path("namespaces"),
            labelSelector=",".join(f"{key}={value}" for key, value in MANAGED.items()),
        )["items"]
        labels = {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in found}
        own = self._labels.get(ANSWER)
        return {name for name, row in labels.items() if row.get(ANSWER) not in (None, own)} - {self.name}

    def __enter__(self) -> RunNamespace:
        labels = {**MANAGED, **self._labels, "pod-security.kubernetes.io/enforce": "baseline"}
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.name, "labels": labels},
        }
        try:
            self.client.create(resources.path("namespaces"), body)
        except ApiError as error:
            if error.code != _FORBIDDEN:
                raise
            self.own, self.name = False, self._shared
            self._lock()
        else:
            try:
                self._fence_in()
            except BaseException as fault:
                self.__exit__(type(fault), fault, None)
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(PodlabError):
            if self.own:
                self._end_pods()
                self.client.remove(resources.path("namespaces", name=self.name))
            else:
                self._remove()
                self._unlock()

    def note(self, stored: list[dict[str, Any]]) -> None:
        """Remember objects that this run made."""
        self.made += stored

    def _fence_in(self) -> None:
        """
        Limit the namespace, and wait until Pods may be made in it.

        Raises:
            WaitTimeoutError: The cluster's controllers did not get it ready: the answer cannot be run.
        """
        for body in (LIMITS, APART):
            self._make(body)
        if self._make(QUOTA):
            self._await_quota()
        waiting.until_account(self.client, self.name, deadline_s=_READY_S)

    def _make(self, body: dict[str, Any]) -> bool:
        """Create an object; False where it is refused: who may make namespaces need not be allowed to limit them."""
        try:
            self.client.create(self.client.path_of(body, self.name, collection=True), body)
        except ApiError:
            return False
        return True

    def _await_quota(self) -> None:
        """Wait until the quota's use is known: until then every object that it counts is refused."""
        path = self.client.path_of(QUOTA, self.name)

        def late() -> WaitTimeoutError:
            return WaitTimeoutError(
                f"the quota of namespace {self.name} had no status after {_READY_S:g} s",
                cause="the controller of ResourceQuotas counts what is there",
                hint="look at the cluster's kube-controller-manager",
            )

        def counted() -> bool:
            return bool((self.client.get(path).get("status") or {}).get("hard"))

        waiting.until(counted, deadline_s=_READY_S, late=late, slowest_s=_SLOWEST_S)

    def _end_pods(self) -> None:
        """End what still runs at once: a namespace grants its Pods their grace, and an answer may ask for minutes."""
        with suppress(PodlabError):
            self.client.delete(resources.path("pods", self.name), {"gracePeriodSeconds": 0})

    # -- a namespace that is shared -----------------------------------------------------------------------

    @property
    def _locks(self) -> str:
        return resources.path("configmaps", self.name)

    def _lock(self) -> None:
        body = {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LOCK, "labels": MANAGED},
            "data": {"since": str(time.time())},
        }  # fmt: skip

        def taken() -> str:
            try:
                return str(self.client.create(self._locks, body)["metadata"]["uid"])
            except ConflictError:
                self._break_stale()
                return ""

        def late() -> WaitTimeoutError:
            return WaitTimeoutError(
                f"another grading holds namespace {self.name}",
                cause=f"its lock is the ConfigMap {LOCK}",
                hint=f"wait for it, or delete that ConfigMap if no grading runs in {self.name}",
            )

        self._lock_uid = waiting.until(taken, deadline_s=_WAIT_S, late=late, every_s=1.0)

    def _break_stale(self) -> None:
        with suppress(PodlabError, ValueError, KeyError):
            found = self.client.get(f"{self._locks}/{LOCK}")
            if time.time() - float(found["data"]["since"]) > _STALE_S:
                self.client.remove(f"{self._locks}/{LOCK}", uid=found["metadata"]["uid"], grace_s=0)

    def _unlock(self) -> None:
        self.client.remove(f"{self._locks}/{LOCK}", uid=self._lock_uid, grace_s=0)

    def _remove(self) -> None:
        for body in reversed(self.made):
            path = self.client.path_of(body, self.name)
            self.client.remove(path, uid=body["metadata"]["uid"], grace_s=0)
