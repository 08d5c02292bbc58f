"""Objects of every kind as controllers see them: keys, ownership, selectors, conditions, instants."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from podlab.pods.raw import RawObject

Key = tuple[str, str]
"""Namespace and name of an object; the namespace is empty for objects of the cluster."""


def key_of(obj: RawObject) -> Key:
    """Return namespace and name of an object."""
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def controller_of(obj: RawObject) -> RawObject | None:
    """Return the ownerReference with ``controller: true``, or None."""
    for owner in obj["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            return dict(owner)
    return None


def reference_to(owner: RawObject) -> RawObject:
    """Return the ownerReference for objects that a controller makes for *owner*."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def deleting(obj: RawObject) -> bool:
    """Return whether the object is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def owned(objects: Iterable[RawObject], owner: RawObject) -> list[RawObject]:
    """Return those of *objects* that *owner* controls."""
    uid = owner["metadata"]["uid"]
    return [obj for obj in objects if (ref := controller_of(obj)) and ref["uid"] == uid]


def with_owners(obj: RawObject, owners: list[RawObject]) -> RawObject:
    """Return *obj* with these ownerReferences in place of its own."""
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": owners}}


def selector_of(obj: RawObject) -> RawObject | None:
    """Return ``spec.selector`` as a LabelSelector; that of a ReplicationController is a map of labels."""
    found = obj["spec"].get("selector")
    return {"matchLabels": found} if obj["kind"] == "ReplicationController" else found


def condition(obj: RawObject, kind: str) -> RawObject | None:
    """Return the entry of ``status.conditions`` of this type, or None."""
    for entry in obj.get("status", {}).get("conditions", ()):
        if entry["type"] == kind:
            return dict(entry)
    return None


def seconds(stamp: str | None) -> float:
    """Return an instant of the API as seconds since the epoch; 0 if absent."""
    if not stamp:
        return 0.0
    return datetime.fromisoformat(stamp[:19] + "+00:00").timestamp()


def with_condition(
    conditions: list[RawObject], entry: RawObject, stamp: str, *, updated: bool = False
) -> list[RawObject]:
    """
    Return *conditions* with *entry* set; its lastTransitionTime moves only when its status does.

    Args:
        updated: Also keep ``lastUpdateTime``, as Deployments do.
    """
    before = next((c for c in conditions if c["type"] == entry["type"]), None)
    if before and all(before.get(k) == entry.get(k) for k in ("status", "reason", "message")):
        return conditions
    flipped = before is None or before["status"] != entry["status"]
    entry = {
        "lastTransitionTime": stamp if flipped or before is None else before["lastTransitionTime"],
        **entry,
    }
    if updated:
        entry["lastUpdateTime"] = stamp
    return [*(c for c in conditions if c["type"] != entry["type"]), entry]
