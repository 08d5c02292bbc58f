"""
Controllers on a real store, with an API that only names and stores, and a node that makes Pods ready at once.

Virtual time: ``Loop`` jumps to the next timer, so back-off and deadlines take no time here.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from podlab.embedded import controllers, fault
from podlab.embedded.store import Store, timestamp

EPOCH = 1_700_000_000.0
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node", "labels": {"kubernetes.io/hostname": "node"}},
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "20"}},
}


class Loop:
    """The three calls of an event loop that controllers make, on a clock that jumps."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.call_at(self.now, callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        self.call_at(self.now + delay, callback)

    def call_at(self, at: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (at, next(self._order), callback))

    def run(self, until: float) -> None:
        """Fire every timer that is due before *until*."""
        for _ in range(100_000):
            if not self._timers or self._timers[0][0] > until:
                self.now = until
                return
            at, _, callback = heapq.heappop(self._timers)
            self.now = max(self.now, at)
            callback()
        raise AssertionError("the controllers never come to rest")


class Cluster:
    """A store, the controllers, and a kubelet in ten lines."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.store = Store(clock=lambda: EPOCH + self.loop.now)
        self.store.create("nodes", NODE)
        self.numbers = itertools.count(1)
        self.stop = controllers.start(self.store, self, node_name="node", loop=self.loop)

    def create(self, resource, obj):
        meta = dict(obj["metadata"])
        if "name" not in meta:
            meta["name"] = f"{meta['generateName']}{next(self.numbers)}"
        meta.setdefault("generation", 1)
        self._refuse_in_terminating(resource, meta)
        if resource == "jobs" and "selector" not in obj["spec"]:
            obj = {**obj, "spec": with_own_selector(obj["spec"], meta["name"])}
        status = {"phase": "Pending"} if resource == "pods" else {}
        return self.store.create(resource, {**obj, "metadata": meta, "status": status})

    def _refuse_in_terminating(self, resource, meta):
        namespace = self.store.get("namespaces", "", meta.get("namespace", ""))
        if namespace and "deletionTimestamp" in namespace["metadata"]:
            raise fault.forbidden(resource, "", meta["name"], "the namespace is being terminated")

    def delete(self, resource, namespace, name, *, grace_s=None, policy=""):
        assert policy != "Foreground", "it has no finalizers; the cluster of test_garbage has"
        obj = self.store.get(resource, namespace, name)
        if obj is None:
            return
        if resource == "pods" and obj["spec"].get("nodeName") and "deletionTimestamp" not in obj["metadata"]:
            meta = {**obj["metadata"], "deletionTimestamp": timestamp(self.store.clock())}
            self.store.update(resource, {**obj, "metadata": meta})
            self.loop.call_later(1.0, lambda: self.delete(resource, namespace, name))
        else:
            self.store.delete(resource, namespace, name)

    def pods(self, **labels):
        found = self.store.list("pods", "lab")
        return [
            p for p in found if all(p["metadata"].get("labels", {}).get(k) == v for k, v in labels.items())
        ]

    def set_pod(self, pod, phase, *, ready=False, ip="10.0.0.9"):
        current = self.store.get("pods", "lab", pod["metadata"]["name"])
        condition = {
            "type": "Ready",
            "status": "True" if ready else "False",
            "lastTransitionTime": timestamp(self.store.clock()),
        }
        conditions = [c for c in current["status"].get("conditions", []) if c["type"] != "Ready"]
        status = {**current["status"], "phase": phase, "conditions": [*conditions, condition], "podIP": ip}
        self.store.update("pods", {**current, "status": status})

    def ready_all(self, **labels):
        for pod in self.pods(**labels):
            if "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] == "Pending":
                self.set_pod(pod, "Running", ready=True)

    def run(self, seconds=0.0):
        self.loop.run(self.loop.now + seconds)

    def events(self, reason):
        return [e["message"] for e in self.store.list("events") if e["reason"] == reason]


def with_own_selector(spec, name):
    """A Job's spec with a selector for its own Pods, as the API gives to a Job that comes without."""
    own, template = {"job-name": name}, spec["template"]
    labels = {**template["metadata"].get("labels", {}), **own}
    return {
        **spec,
        "selector": {"matchLabels": own},
        "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
    }


def pod(name="web", **spec):
    container = {"name": "app", "image": "busybox:1.36"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "lab", "labels": {"app": name}},
        "spec": {"containers": [container], **spec},
    }


def deployment(replicas=2, value="1", strategy=None):
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": pod()["spec"] | {"hostname": value}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "shop"}}, "template": template}
    spec["strategy"] = strategy or {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "lab"},
        "spec": spec,
    }


def job(policy="Never", **spec):
    template = {
        "metadata": {"labels": {"job-name": "batch"}},
        "spec": {**pod()["spec"], "restartPolicy": policy},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "batch", "namespace": "lab"},
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "selector": {"matchLabels": {"job-name": "batch"}},
            "template": template,
            **spec,
        },
    }


def conditions(obj):
    return [(c["type"], c["status"], c.get("reason")) for c in obj["status"].get("conditions", ())]
