"""
Removes what nobody owns any more, and Events older than an hour.

An object goes when the last of its owners is gone. With ``propagationPolicy: Foreground`` the owner stays, marked by
the finalizer ``foregroundDeletion``, until what it owns has gone.
"""

from __future__ import annotations

from collections.abc import Callable

from podlab.embedded.api.verbs.deletion import finish_if_free
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, deleting, seconds
from podlab.pods.raw import RawObject

EVENT_TTL_S = 3600.0
SWEEP_S = 60.0
FOREGROUND = "foregroundDeletion"
OWNERS = ("deployments", "replicasets", "replicationcontrollers", "daemonsets", "statefulsets", "jobs", "cronjobs",
          "pods", "services", "configmaps", "secrets")  # fmt: skip
OWNED = (
    "replicasets",
    "pods",
    "jobs",
    "endpointslices",
    "configmaps",
    "secrets",
    "services",
    "deployments",
    "daemonsets",
    "replicationcontrollers",
    "statefulsets",
    "controllerrevisions",
    "cronjobs",
    "poddisruptionbudgets",
)


def start(context: ControllerContext) -> None:
    """Watch what can own, and what can be owned; sweep old Events."""
    controller = Garbage(context)
    for resource in OWNERS:
        context.watch(resource, controller.owner_changed(resource))
    for resource in OWNED:
        context.watch(resource, controller.child_changed(resource))
    context.loop.call_later(SWEEP_S, controller.sweep)


class Garbage(Controller):
    """Follows ownerReferences by uid."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "garbage-collector")
        self._children: dict[
            str, dict[tuple[str, str, str], None]
        ] = {}  # owner uid -> (resource, namespace, name)
        self._alive: set[str] = set()

    def owner_changed(self, resource: str) -> Callable[[str, RawObject], None]:
        """Return a callback for one resource whose objects may own others."""

        def changed(kind: str, obj: RawObject) -> None:
            uid = obj["metadata"]["uid"]
            if kind == "DELETED":
                self._alive.discard(uid)
                self._collect(uid)
            else:
                self._alive.add(uid)
                if deleting(obj) and FOREGROUND in obj["metadata"].get("finalizers", ()):
                    self.queue(
                        (f"{resource}/{obj['metadata'].get('namespace', '')}", obj["metadata"]["name"])
                    )

        return changed

    def child_changed(self, resource: str) -> Callable[[str, RawObject], None]:
        """Return a callback for one resource whose objects may be owned."""

        def changed(kind: str, obj: RawObject) -> None:
            place = (resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            for owner in obj["metadata"].get("ownerReferences", ()):
                children = self._children.setdefault(owner["uid"], {})
                if kind == "DELETED":
                    children.pop(place, None)
                    if not children:
                        self._children.pop(owner["uid"], None)
                else:
                    children[place] = None

        return changed

    def _collect(self, uid: str) -> None:
        for resource, namespace, name in list(self._children.get(uid, ())):
            child = self._context.store.get(resource, namespace, name)
            owners = child["metadata"].get("ownerReferences", ()) if child else ()
            mine = any(owner["uid"] == uid for owner in owners)
            if mine and not any(owner["uid"] in self._alive for owner in owners):
                self._context.api.delete(resource, namespace, name)

    def reconcile(self, key: Key) -> None:
        """Take a step of a foreground deletion: delete the children, and the owner once they are gone."""
        resource, namespace = key[0].split("/")
        owner = self._context.store.get(resource, namespace, key[1])
        if owner is None:
            return
        places = list(self._children.get(owner["metadata"]["uid"], ()))
        for place in places:
            child = self._context.store.get(*place)
            if child is not None and not deleting(child):
                self._context.api.delete(*place)
        if any(self._context.store.get(*place) for place in places):
            self.queue(key, 0.1)
            return
        left = [f for f in owner["metadata"].get("finalizers", ()) if f != FOREGROUND]
        meta = {**owner["metadata"], "finalizers": left}
        store = self._context.store
        finish_if_free(store, resource, store.update(resource, {**owner, "metadata": meta}))

    def sweep(self) -> None:
        """Remove Events whose last sighting is an hour ago, and come back in a minute."""
        if self._context.stopped:
            return
        limit = self._context.now() - EVENT_TTL_S
        # Upstream, a lease of etcd ends an Event: no request deletes it.
        for event in self._context.store.list("events"):
            last = (
                event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
            )
            if seconds(last) < limit:
                meta = event["metadata"]
                self._context.store.delete("events", meta["namespace"], meta["name"])
        self._context.loop.call_later(SWEEP_S, self.sweep)
