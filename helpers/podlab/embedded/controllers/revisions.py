"""
ControllerRevisions: the templates that a StatefulSet or a DaemonSet has had, for Pods that keep an older one and for
``rollout undo``.

Source: ``getStatefulSetRevisions`` of pkg/controller/statefulset/stateful_set_control.go, ``adoptOrphanRevisions`` of
stateful_set.go, ``constructHistory`` of pkg/controller/daemon/update.go, and
pkg/controller/history/controller_history.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from podlab.embedded.controllers.base import ControllerContext
from podlab.embedded.controllers.claiming import adopted
from podlab.embedded.controllers.objects import (
    controller_of,
    deleting,
    owned,
    reference_to,
    selector_of,
)
from podlab.embedded.controllers.templates import template_hash
from podlab.embedded.nodefit import selects
from podlab.pods.raw import RawObject

RESOURCE = "controllerrevisions"
HASH = "controller-revision-hash"


class Revisions:
    """Reads and writes the revisions of one kind of controller."""

    def __init__(self, context: ControllerContext) -> None:
        self._context = context

    def of(self, owner: RawObject) -> tuple[RawObject, RawObject]:
        """Return the revision that the status calls the current one, and that of the template as it is now."""
        self._adopt_orphans(owner)
        known = self._known(owner)
        name = f"{owner['metadata']['name']}-{template_hash(owner['spec']['template'])}"
        newest = known[-1]["revision"] if known else 0
        update = next((entry for entry in known if entry["metadata"]["name"] == name), None)
        if update is None:
            update = self._context.api.create(RESOURCE, _revision(owner, name, newest + 1))
        elif update["revision"] < newest:  # an earlier template is back
            update = self._context.store.update(RESOURCE, {**update, "revision": newest + 1})
        before = (owner.get("status") or {}).get("currentRevision")
        current = next((entry for entry in known if entry["metadata"]["name"] == before), update)
        return current, update

    def _adopt_orphans(self, owner: RawObject) -> None:
        """Adopt what an owner left that was deleted with ``--cascade=orphan``; its names cannot be taken twice."""
        store, selector = self._context.store, selector_of(owner)
        for entry in store.list(RESOURCE, owner["metadata"]["namespace"]):
            meta = entry["metadata"]
            if controller_of(entry) or deleting(entry) or not selects(selector, meta.get("labels") or {}):
                continue
            store.update(RESOURCE, adopted(entry, owner))

    def _known(self, owner: RawObject) -> list[RawObject]:
        found = owned(self._context.store.list(RESOURCE, owner["metadata"]["namespace"]), owner)
        return sorted(found, key=lambda entry: int(entry["revision"]))

    def forget_old(self, owner: RawObject, pods: Iterable[RawObject], kept: Sequence[RawObject]) -> None:
        """Remove the oldest revisions that nobody uses, beyond the history limit."""
        used = {pod["metadata"]["labels"].get(HASH) for pod in pods}
        used |= {entry["metadata"]["name"] for entry in kept}
        # A Pod of a StatefulSet is labelled with the revision's name, one of a DaemonSet with its hash.
        unused = [
            entry
            for entry in self._known(owner)
            if not used & {entry["metadata"]["name"], entry["metadata"]["labels"].get(HASH)}
        ]
        for entry in unused[: max(0, len(unused) - owner["spec"].get("revisionHistoryLimit", 10))]:
            self._context.api.delete(RESOURCE, entry["metadata"]["namespace"], entry["metadata"]["name"])

    @staticmethod
    def template(revision: RawObject) -> RawObject:
        """Return the template of Pods that a revision holds."""
        found = revision["data"]["spec"]["template"]
        return {key: value for key, value in found.items() if key != "$patch"}


def _revision(owner: RawObject, name: str, number: int) -> RawObject:
    template = owner["spec"]["template"]
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    meta = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": {**labels, HASH: name.rpartition("-")[2]},
        "annotations": dict(owner["metadata"].get("annotations") or {}),
        "ownerReferences": [reference_to(owner)],
    }
    # What ``kubectl rollout undo`` sends back as a patch. Clients compare its bytes, so keys stand in Go's order.
    data = _in_order({"spec": {"template": {"$patch": "replace", **template}}})
    return {
        "kind": "ControllerRevision",
        "apiVersion": "apps/v1",
        "metadata": meta,
        "data": data,
        "revision": number,
    }


def _in_order(value: Any) -> Any:
    """Return *value* with the keys of all its maps sorted."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(item) for item in value] if isinstance(value, list) else value
