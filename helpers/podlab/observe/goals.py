"""
When a recording has seen enough: turns ``until`` into a question about the Pods seen so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podlab.errors import PodlabError

Pods = Sequence[Mapping[str, Any]]
Until = str | Callable[[list[dict[str, Any]]], bool]

_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_FINAL = ("Succeeded", "Failed")


class Goal:
    """
    The state of the Pods that ends a recording.

    Args:
        until: "Ready", a phase, "gone", or a function of the list of raw Pods that returns whether to end.
        expected: How many Pods the manifest will create; 0 to record existing Pods.
    """

    def __init__(self, until: Until, expected: int) -> None:
        if isinstance(until, str) and until not in {"Ready", "gone", *_PHASES}:
            raise PodlabError(
                f'until="{until}" is not a valid value for `until`',
                cause="valid values: Ready, gone, or a phase: " + ", ".join(_PHASES),
                hint='until="Ready"',
            )
        self.until, self.expected = until, expected

    def reached(self, pods: dict[str, dict[str, Any]], gone: set[str]) -> str | None:
        """
        Return why the recording may end, or None.

        Args:
            pods: The latest state of each living Pod that counts, by uid.
            gone: uids of those that were deleted.
        """
        living = list(pods.values())
        if not isinstance(self.until, str):
            return "condition" if self.until(living) else None
        if gone and not living:
            return "gone"
        if self.until == "gone" or not living or len(living) < self.expected:
            return None
        if all(_meets(pod, self.until) for pod in living):
            return self.until
        final = {_phase(pod) for pod in living}
        if any(pod["metadata"].get("deletionTimestamp") for pod in living):
            return None  # somebody deletes them: what comes next is "gone", and it will come
        # Finished Pods never become Ready or change phase again: waiting longer would only reach the deadline.
        return sorted(final)[0] if final <= set(_FINAL) else None


def _phase(pod: Mapping[str, Any]) -> str:
    return str((pod.get("status") or {}).get("phase", ""))


def _meets(pod: Mapping[str, Any], until: str) -> bool:
    if until != "Ready":
        return _phase(pod) == until
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def expected_pods(objects: Sequence[Mapping[str, Any]]) -> int:
    """Return how many Pods *objects* will make, as far as their manifests tell."""
    total = 0
    for body in objects:
        spec, kind = body.get("spec") or {}, body.get("kind")
        if kind == "Pod":
            total += 1
        elif kind in {"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"}:
            replicas = spec.get("replicas")
            total += 1 if replicas is None else int(replicas)
        elif kind == "Job":
            total += min(int(spec.get("parallelism") or 1), int(spec.get("completions") or 1))
        elif kind == "DaemonSet":
            total += 1
    return total


PREFIX_LENGTH = 58
"""Letters that a server keeps of generateName (staging/src/k8s.io/apiserver/pkg/storage/names at v1.36.3)."""
SURE_LENGTH = 50
"""A Pod's name begins with at least this many letters of its maker's: an indexed Job cuts it to fit the index in."""
_THROUGH = {("ReplicaSet", "Deployment"), ("Job", "CronJob")}
_MAKERS = {
    "Pod",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
}
_BUILT_IN = {
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
}
"""The API groups of an API server without extensions; of their kinds, only ``_MAKERS`` make Pods."""


@dataclass(frozen=True)
class Family:
    """
    The objects of a manifest that make Pods, by kind and name: known before anything is applied, as uids are not.

    Args:
        makers: (kind, name, generateName) of each Pod and of each object whose controller makes Pods.
    """

    makers: tuple[tuple[str, str, str], ...]

    def has(self, pod: Mapping[str, Any]) -> bool:
        """Return whether *pod* is of the manifest, or was made for one of its objects by a controller."""
        metadata = pod["metadata"]
        own, owners = str(metadata.get("name", "")), metadata.get("ownerReferences") or []
        for kind, name, prefix in self.makers:
            # A manifest may give its Pod owners; of Pods that only begin alike, those with owners may be others'.
            given = bool(name) or not owners or metadata.get("generateName") == prefix
            if kind == "Pod" and given and _bears(own, name, prefix):
                return True
            for owner in owners:
                called = str(owner.get("name", ""))
                if owner.get("kind") == kind and _bears(called, name, prefix):
                    return True
                if (owner.get("kind"), kind) in _THROUGH and called.startswith(
                    f"{name}-" if name else prefix[:PREFIX_LENGTH]
                ):
                    return True
        return False

    def may_have(self, name: str) -> bool:
        """Return whether a Pod of that name may be of the manifest: it is named so, or after what makes it."""
        return any(
            _bears(name, own, prefix)
            or (kind != "Pod" and name.startswith((f"{own}-" if own else prefix)[:SURE_LENGTH]))
            for kind, own, prefix in self.makers
        )


def _bears(called: str, name: str, prefix: str) -> bool:
    return called == name if name else bool(prefix) and called.startswith(prefix[:PREFIX_LENGTH])


def family(objects: Sequence[Mapping[str, Any]]) -> Family | None:
    """
    Return what makes Pods among the objects of a manifest.

    None if nothing does, or if an object is of an extension: its controller may make Pods for owners of any name.
    """
    if any(_group(one) not in _BUILT_IN for one in objects):
        return None
    found = [
        (str(one.get("kind")), str(meta.get("name") or ""), str(meta.get("generateName") or ""))
        for one in objects
        if one.get("kind") in _MAKERS
        for meta in [one.get("metadata") or {}]
    ]
    return Family(tuple(found)) if found else None


def _group(body: Mapping[str, Any]) -> str:
    return str(body.get("apiVersion") or "").rpartition("/")[0]


def belongs(pod: Mapping[str, Any], objects: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether *pod* is one of *objects*, or was made for one of them by a controller."""
    metadata = pod["metadata"]
    owners = metadata.get("ownerReferences") or []
    for body in objects:
        name, uid = body["metadata"].get("name"), body["metadata"].get("uid")
        if body.get("kind") == "Pod" and uid == metadata.get("uid"):
            return True
        for owner in owners:
            # A Deployment's Pods are owned by its ReplicaSet, whose name begins with the Deployment's.
            through = (owner.get("kind"), body.get("kind")) in _THROUGH
            if owner.get("uid") == uid or (through and str(owner.get("name", "")).startswith(f"{name}-")):
                return True
    return False
