"""Empties a namespace that is being deleted, then removes it."""

from __future__ import annotations

from podlab.embedded.controllers.base import Again, Context, Key, deleting, never
from podlab.pods.raw import RawObject

LOOK_AGAIN_S = 0.1


def start(context: Context) -> None:
    """Watch namespaces."""
    controller = Namespaces(context)
    worker = context.worker("namespaces", controller.reconcile)
    controller.again = worker.add

    def changed(kind: str, one: RawObject) -> None:
        if kind != "DELETED" and deleting(one):
            worker.add(("", one["metadata"]["name"]))

    context.watch("namespaces", changed)


class Namespaces:
    """Deletes what a namespace holds, Pods with their grace, until nothing is left."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.again: Again = never

    def reconcile(self, key: Key) -> None:
        """One round: ask for the deletion of everything; look again until all is gone."""
        store, name = self._context.store, key[1]
        namespace = store.get("namespaces", *key)
        if namespace is None or not deleting(namespace):
            return
        left = False
        # Controllers' objects before what they make, so that nothing is made anew; Events last.
        for resource in sorted(store.resources(), key=lambda r: (r == "events", r == "pods", r)):
            for obj in store.list(resource, name):
                if not deleting(obj):
                    self._context.api.delete(resource, name, obj["metadata"]["name"])
                left = left or store.get(resource, name, obj["metadata"]["name"]) is not None
        if left:
            self.again(key, LOOK_AGAIN_S)
        else:
            store.delete("namespaces", "", name)
