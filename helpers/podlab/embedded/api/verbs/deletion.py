"""
DELETE: grace, preconditions, propagation, finalizers, collections.

A Pod that runs somewhere is only marked; the kubelet ends its containers and removes it with ``finish``.
Everything else goes at once, unless a finalizer holds it.

Source: apiserver/pkg/registry/rest/delete.go, registry/generic/registry/store.go,
pkg/registry/core/pod/strategy.go at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded import fault
from podlab.embedded.api.http.codec import dumps, read_object
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs.getting import find, page, whole
from podlab.embedded.fault import bad_request
from podlab.embedded.schema import decode, fielderror
from podlab.embedded.store import NotThereError, Store, timestamp
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
POLICIES = ("Foreground", "Background", "Orphan")
# Source: NewLifecycle in pkg/admission/plugin/namespace/lifecycle of apiserver at v1.36.3.
IMMORTAL = ("default", "kube-system", "kube-public")


class DeleteOptions:
    """DeleteOptions from the body, or without a body from the query."""

    def __init__(self, body: RawObject) -> None:
        grace = body.get("gracePeriodSeconds")
        self.grace: int | None = grace if isinstance(grace, int) and not isinstance(grace, bool) else None
        preconditions = body.get("preconditions") or {}
        self.uid = preconditions.get("uid") if isinstance(preconditions, dict) else None
        self.revision = preconditions.get("resourceVersion") if isinstance(preconditions, dict) else None
        orphans = body.get("orphanDependents")
        if orphans is not None and body.get("propagationPolicy") is not None:
            text = "orphanDependents and deletionPropagation cannot be both set"
            wrong = fielderror.invalid("propagationPolicy", body["propagationPolicy"], text)
            raise fault.bad_option("DeleteOptions", wrong)
        old_way = "" if orphans is None else "Orphan" if orphans else "Background"
        self.policy = body.get("propagationPolicy") or old_way
        asked = body.get("dryRun") or []
        self.dry = bool(asked)
        if any(one != "All" for one in asked):
            raise fault.bad_option("DeleteOptions", fielderror.unsupported("dryRun", asked, ("All",)))
        if self.policy and self.policy not in POLICIES:
            why = fielderror.unsupported("propagationPolicy", self.policy, (*POLICIES, "nil"))
            raise fault.bad_option("DeleteOptions", why)


async def options_of(request: Request) -> DeleteOptions:
    """Read the options of a DELETE. Raises StatusError 400."""
    size = request.headers.get("content-length", "")
    chunked = "transfer-encoding" in request.headers
    body = await read_object(request) if (size and size != "0") or chunked else None
    if body is None:
        policy = request.one("propagationPolicy")
        body = {"propagationPolicy": policy} if policy else {}
        if request.one("orphanDependents"):
            body["orphanDependents"] = request.flag("orphanDependents")
        if request.one("gracePeriodSeconds"):
            body["gracePeriodSeconds"] = request.number("gracePeriodSeconds")
    check_types(body)
    if request.one("dryRun"):
        body["dryRun"] = [request.one("dryRun")]
    return DeleteOptions(body)


def check_types(body: Any) -> None:
    """Refuse options with a field of a wrong type. Raises StatusError 400."""
    try:
        decode.decode("meta/v1.DeleteOptions", body)
    except decode.DecodeError as error:
        raise bad_request(str(error)) from None


async def delete(store: Store, request: Request, route: Route) -> Response:
    """DELETE of one object."""
    options = await options_of(request)
    _default_policy(route.kind, options)
    old = find(store, route).object
    _check(route.kind, old, options)
    if options.dry:
        return _answer(route.kind, old, gone=True)
    left = remove(store, route.kind, old, options)
    return _answer(route.kind, left or old, gone=left is None)


def _default_policy(kind: Kind, options: DeleteOptions) -> None:
    """
    A client that does not say how to delete a Job or ReplicationController leaves its Pods behind: old ones expect it.

    Source: ``DefaultGarbageCollectionPolicy`` in pkg/registry/{batch/job,core/replicationcontroller}/strategy.go.
    """
    if kind.resource in ("jobs", "replicationcontrollers") and not options.policy:
        options.policy = "Orphan"


def _check(kind: Kind, old: RawObject, options: DeleteOptions) -> None:
    meta = old["metadata"]
    if kind.resource == "namespaces" and meta["name"] in IMMORTAL:
        raise fault.forbidden("namespaces", "", meta["name"], "this namespace may not be deleted")
    if options.uid and options.uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise fault.conflict(kind.kind, kind.group, meta["name"], why)
    if options.revision and options.revision != meta["resourceVersion"]:
        asked, found = options.revision, meta["resourceVersion"]
        why = (
            f"the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record "
            f"({found}). The object might have been modified"
        )
        raise fault.conflict(kind.kind, kind.group, meta["name"], why)


def _answer(kind: Kind, obj: RawObject, *, gone: bool) -> Response:
    if kind.resource in ("pods", "namespaces") or not gone:
        return Response(dumps(obj))
    meta = obj["metadata"]
    details = {"name": meta["name"], "group": kind.group, "kind": kind.resource, "uid": meta["uid"]}
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {k: v for k, v in details.items() if v},
    }
    return Response(dumps(status))


def grace_of(kind: str, obj: RawObject, asked: int | None) -> int:
    """Return the grace that an object gets, in seconds; 0: it goes at once."""
    if kind != "pods":
        return 0
    spec = obj["spec"]
    if asked is None:
        asked = spec.get("terminationGracePeriodSeconds")
    grace = 30 if asked is None else asked
    if not spec.get("nodeName") or has_ended(obj):
        return 0
    return 1 if grace < 0 else grace


def remove(store: Store, kind: Kind, obj: RawObject, options: DeleteOptions) -> RawObject | None:
    """
    Delete an object as far as it can be deleted now.

    Returns:
        The object when it stays for a while (grace, finalizers), None when it is gone.
    """
    grace = grace_of(kind.resource, obj, options.grace)
    meta = dict(obj["metadata"])
    holders = _finalizers(kind, meta, options)
    if options.policy == "Orphan":
        orphan(store, meta)
    if kind.resource == "namespaces":
        return _mark_namespace(store, obj)
    before = meta.get("deletionTimestamp")
    if grace == 0 and not holders and kind.resource == "pods":
        # Watchers of a Pod that goes at once (by force, ended, never scheduled) see the mark first all the
        # same.
        marked = {**meta, "deletionTimestamp": timestamp(store.clock()), "deletionGracePeriodSeconds": 0}
        store.update(kind.stored_as, {**obj, "metadata": marked})
    if before and grace and grace >= meta.get("deletionGracePeriodSeconds", 0):
        return obj  # a longer grace than the one that runs already changes nothing
    if grace == 0 and not holders:
        store.delete(kind.stored_as, meta.get("namespace", ""), meta["name"])
        return None
    if not before or grace < meta.get("deletionGracePeriodSeconds", 0):
        meta["deletionTimestamp"] = timestamp(store.clock() + grace)
        meta["deletionGracePeriodSeconds"] = grace
        if not before and "generation" in meta:
            meta["generation"] += 1
    if holders:
        meta["finalizers"] = holders
    return store.update(kind.stored_as, {**obj, "metadata": meta})


def orphan(store: Store, owner: RawObject) -> None:
    """
    Cut what an object owns loose from it, so that it stays when the owner goes.

    A real server leaves this to the garbage collector, behind a finalizer; here both happen in one step, so
    that no controller can adopt the children again in between.
    """
    for resource in store.resources():
        for child in store.list(resource, owner.get("namespace", "")):
            owners = child["metadata"].get("ownerReferences") or []
            left = [o for o in owners if o.get("uid") != owner["uid"]]
            if len(left) != len(owners):
                meta = {k: v for k, v in child["metadata"].items() if k != "ownerReferences"}
                if left:
                    meta["ownerReferences"] = left
                store.update(resource, {**child, "metadata": meta})


def _finalizers(kind: Kind, meta: RawObject, options: DeleteOptions) -> list[str]:
    """Return the finalizers that hold an object back under the propagation policy."""
    holders = [f for f in meta.get("finalizers") or [] if f not in (ORPHAN, FOREGROUND) or not options.policy]
    if options.policy == "Foreground":
        holders.append(FOREGROUND)
    return holders


def _mark_namespace(store: Store, obj: RawObject) -> RawObject:
    if obj["metadata"].get("deletionTimestamp"):
        return obj
    meta = {**obj["metadata"], "deletionTimestamp": timestamp(store.clock())}
    return store.update("namespaces", {**obj, "metadata": meta, "status": {"phase": "Terminating"}})


def finish(store: Store, resource: str, obj: RawObject) -> RawObject | None:
    """
    Grace is over (the kubelet calls this when no container is left): remove the object unless a finalizer
    holds it.

    Returns:
        The object when a finalizer keeps it, None when it is gone.
    """
    meta = obj["metadata"]
    try:
        if not meta.get("finalizers"):
            store.delete(resource, meta.get("namespace", ""), meta["name"])
            return None
        return store.update(resource, {**obj, "metadata": {**meta, "deletionGracePeriodSeconds": 0}})
    except NotThereError:
        return None


def finish_if_free(store: Store, resource: str, obj: RawObject) -> RawObject:
    """After an update: an object whose last finalizer was taken away while it was being deleted goes now."""
    meta = obj["metadata"]
    held = meta.get("finalizers") or (resource == "namespaces" and (obj.get("spec") or {}).get("finalizers"))
    if meta.get("deletionTimestamp") and not held and meta.get("deletionGracePeriodSeconds", 0) == 0:
        return store.delete(resource, meta.get("namespace", ""), meta["name"])
    return obj


async def delete_collection(store: Store, request: Request, route: Route) -> Response:
    """DELETE of all objects that a list request would give."""
    unplaced = route.kind.namespaced and not route.namespace
    if unplaced or "deletecollection" not in route.kind.verbs:
        raise fault.method_not_allowed()
    options = await options_of(request)
    _default_policy(route.kind, options)
    found = page(store, request, route)
    if not options.dry:
        for version in found.versions:
            remove(store, route.kind, version.object, options)
    return Response(whole(route.kind, found))
