"""
Which objects a controller looks after: it adopts orphans that its selector matches, and releases all others.

ReplicaSets and Jobs claim Pods so, Deployments claim ReplicaSets.

Source: pkg/controller/controller_ref_manager.go (``ClaimObject``) at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable

from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import (
    controller_of,
    deleting,
    key_of,
    owned,
    reference_to,
    selector_of,
    with_owners,
)
from podlab.embedded.nodefit import selects
from podlab.pods.raw import RawObject


def claim(
    context: ControllerContext,
    resource: str,
    owner: RawObject,
    *,
    finalizer: str = "",
    member: Callable[[RawObject], bool] = lambda _: True,
) -> list[RawObject]:
    """
    Adopt and release, then return what *owner* controls.

    Args:
        resource: What is claimed, such as ``pods``.
        owner: An object with ``spec.selector``. One that is being deleted adopts nothing.
        finalizer: Put on what is adopted; its controller takes it away.
        member: Whether an orphan can be the owner's at all.
    """
    selector, store, claimed = selector_of(owner), context.store, []
    for obj in store.list(resource, owner["metadata"]["namespace"]):
        matching = selects(selector, obj["metadata"].get("labels") or {})
        ours = bool(owned([obj], owner))
        if ours and not matching and not deleting(obj):
            store.update(resource, _released(obj, owner))
        elif (
            matching
            and controller_of(obj) is None
            and not deleting(obj)
            and not deleting(owner)
            and member(obj)
        ):
            claimed.append(store.update(resource, adopted(obj, owner, finalizer)))
        elif ours:
            claimed.append(obj)
    return claimed


def adopted(obj: RawObject, owner: RawObject, finalizer: str = "") -> RawObject:
    """Return *obj* with *owner* as its controller, and with *finalizer* unless that is empty."""
    owners = [*obj["metadata"].get("ownerReferences", ()), reference_to(owner)]
    held = list(obj["metadata"].get("finalizers", ()))
    if finalizer and finalizer not in held:
        held.append(finalizer)
    meta = {**obj["metadata"], "ownerReferences": owners, **({"finalizers": held} if held else {})}
    return {**obj, "metadata": meta}


def _released(obj: RawObject, owner: RawObject) -> RawObject:
    uid = owner["metadata"]["uid"]
    return with_owners(obj, [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] != uid])


def wakes_claimant(
    context: ControllerContext, controller: Controller, owners: str, kind: str
) -> Callable[[str, RawObject], None]:
    """
    Return a watch callback: queue the owner of the object that changed or, if it has none, all that may adopt it.

    Args:
        owners: The resource of *controller*, such as ``replicasets``.
        kind: The kind of that resource, such as ``ReplicaSet``.
    """

    def changed(_: str, obj: RawObject) -> None:
        owner, namespace = controller_of(obj), obj["metadata"]["namespace"]
        if owner and owner["kind"] == kind:
            controller.queue((namespace, owner["name"]))
        elif owner is None:
            labels = obj["metadata"].get("labels") or {}
            for adopter in context.store.list(owners, namespace):
                if selects(selector_of(adopter), labels):
                    controller.queue(key_of(adopter))

    return changed
