"""
Empties a namespace that is being deleted, Pods first, then deletes it; its conditions list what is left.

Source: pkg/controller/namespace/deletion (namespaced_resources_deleter.go, status_condition_utils.go) at v1.36.3.
"""

from __future__ import annotations

from collections import Counter

from podlab.embedded.api.resources import kinds
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, deleting, with_condition
from podlab.pods.raw import RawObject

LOOK_AGAIN_S = 0.1
# type -> reason and message while all is well; the status is False then.
WELL = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": (
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
}


def start(context: ControllerContext) -> None:
    """Watch namespaces."""
    controller = Namespaces(context)

    def changed(kind: str, namespace: RawObject) -> None:
        if kind != "DELETED" and deleting(namespace):
            controller.queue(("", namespace["metadata"]["name"]))

    context.watch("namespaces", changed)


class Namespaces(Controller):
    """Deletes what a namespace holds, Pods with their grace, until nothing is left."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "namespace-controller")

    def reconcile(self, key: Key) -> None:
        """Delete all Pods, then all other objects once the Pods are gone; look again until nothing is left."""
        store, name = self._context.store, key[1]
        namespace = store.get("namespaces", *key)
        if namespace is None or not deleting(namespace):
            return
        if self._delete_all("pods", name):
            self._report(namespace, {})
        else:
            left = {resource: self._delete_all(resource, name) for resource in self._others()}
            left = {resource: objects for resource, objects in left.items() if objects}
            if not left:
                store.delete("namespaces", "", name)  # the end that its finalizer stands for
                return
            self._report(namespace, left)
        self.queue(key, LOOK_AGAIN_S)

    def _others(self) -> list[str]:
        """Everything but Pods; Events last, for the rest may still write some."""
        resources = (r for r in self._context.store.resources() if r != "pods")
        return sorted(resources, key=lambda resource: (resource == "events", resource))

    def _delete_all(self, resource: str, namespace: str) -> list[RawObject]:
        """Ask for the deletion of all objects of a resource; what is still there afterwards."""
        for obj in self._context.store.list(resource, namespace):
            if not deleting(obj):
                self._context.api.delete(resource, namespace, obj["metadata"]["name"])
        return self._context.store.list(resource, namespace)

    def _report(self, namespace: RawObject, left: dict[str, list[RawObject]]) -> None:
        """Write the conditions. Pods that are left count in none: upstream stops before it counts."""
        stamp, status = self._context.stamp(), namespace.get("status", {})
        conditions = list(status.get("conditions") or ())
        remaining = _remaining(left)
        for kind, well in WELL.items():
            reason, message = remaining.get(kind, well)
            truth = "True" if kind in remaining else "False"
            entry = {"type": kind, "status": truth, "reason": reason, "message": message}
            conditions = with_condition(conditions, entry, stamp)
        order = list(WELL)
        conditions.sort(key=lambda entry: order.index(entry["type"]) if entry["type"] in WELL else -1)
        self._context.set_status("namespaces", namespace, {**status, "conditions": conditions})


def _remaining(left: dict[str, list[RawObject]]) -> dict[str, tuple[str, str]]:
    """Return the conditions that are not well, as reason and message by type."""
    found: dict[str, tuple[str, str]] = {}
    if left:
        groups = {kind.stored_as: kind.group for kind in kinds().values()}
        parts = sorted(
            f"{resource}.{groups.get(resource, '')} has {len(objects)} resource instances"
            for resource, objects in left.items()
        )
        found["NamespaceContentRemaining"] = (
            "SomeResourcesRemain",
            f"Some resources are remaining: {', '.join(parts)}",
        )
    holders = Counter(
        f for objects in left.values() for obj in objects for f in obj["metadata"].get("finalizers", ())
    )
    if holders:
        parts = sorted(f"{finalizer} in {number} resource instances" for finalizer, number in holders.items())
        found["NamespaceFinalizersRemaining"] = (
            "SomeFinalizersRemain",
            f"Some content in the namespace has finalizers remaining: {', '.join(parts)}",
        )
    return found
