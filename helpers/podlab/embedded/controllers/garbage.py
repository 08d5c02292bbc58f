"""
Removes what nobody owns any more, and Events older than an hour.

An object goes when none of its owners is there, also if none ever was; a reference to an owner that is not there is cut
where another one is. With ``propagationPolicy: Foreground`` the owner stays, marked by the finalizer
``foregroundDeletion``, until what it owns, and what that owns, has gone; what is owned without ``blockOwnerDeletion``
does not hold it up.

Source: attemptToDeleteItem and processDeletingDependentsItem in pkg/controller/garbagecollector/garbagecollector.go at
v1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable

from podlab.embedded.api.resources import Kind, kinds
from podlab.embedded.api.verbs.deletion import FOREGROUND, ORPHAN, finish_if_free
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, deleting, seconds, with_owners
from podlab.pods.raw import RawObject

EVENT_TTL_S = 3600.0
SWEEP_S = 60.0
ABSENT, WAITING, THERE = "absent", "waiting", "there"
Place = tuple[str, str, str]  # resource, namespace, name


def start(context: ControllerContext) -> None:
    """Watch all that can own and be owned; sweep old Events."""
    controller = Garbage(context)
    for resource in sorted({one.stored_as for one in controller.kinds.values()} - {"events"}):
        context.watch(resource, controller.changed(resource))
    context.loop.call_later(SWEEP_S, controller.sweep)


class Garbage(Controller):
    """Follows ownerReferences by uid."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "garbage-collector")
        stored = [one for one in kinds().values() if not one.review and not one.empty]
        self.kinds: dict[tuple[str, str], Kind] = {(one.api_version, one.kind): one for one in stored}
        self._children: dict[str, dict[Place, None]] = {}  # by the owner's uid
        self._owners: dict[Place, set[str]] = {}  # the same the other way round: uids by what names them

    def changed(self, resource: str) -> Callable[[str, RawObject], None]:
        """Return a callback for one resource."""

        def callback(kind: str, obj: RawObject) -> None:
            meta = obj["metadata"]
            place = (resource, meta.get("namespace", ""), meta["name"])
            self._note(kind, obj, place)
            if kind == "DELETED":
                for child in list(self._children.get(meta["uid"], ())):
                    self._attempt(child)
            elif _waits(obj):
                self.queue((f"{resource}/{place[1]}", place[2]))

        return callback

    def _note(self, kind: str, obj: RawObject, place: Place) -> None:
        owners = (obj["metadata"].get("ownerReferences") or ()) if kind != "DELETED" else ()
        named = {owner["uid"] for owner in owners}
        for uid in self._owners.pop(place, set()) - named:
            self._children[uid].pop(place)
            if not self._children[uid]:
                del self._children[uid]
        for uid in named:
            self._children.setdefault(uid, {})[place] = None
        if named:
            self._owners[place] = named
        if any(self._state(owner, place[1]) is ABSENT for owner in owners):
            self.queue((f"{place[0]}/{place[1]}", place[2]))

    def _state(self, owner: RawObject, namespace: str) -> str:
        """Return whether an owner is there, waits to go, or is absent; one of a kind that is not served is there."""
        kind = self.kinds.get((owner.get("apiVersion", ""), owner.get("kind", "")))
        if kind is None or (kind.namespaced and not namespace):
            return THERE
        found = self._context.store.get(
            kind.stored_as, namespace if kind.namespaced else "", owner.get("name", "")
        )
        if found is None or found["metadata"]["uid"] != owner["uid"]:
            return ABSENT
        return WAITING if _waits(found) else THERE

    def _attempt(self, place: Place) -> None:
        """Delete an object whose owners are gone or wait for it; cut the references to these where others stay."""
        child = self._context.store.get(*place)
        if child is None or deleting(child) or not (owners := child["metadata"].get("ownerReferences")):
            return
        states = [self._state(owner, place[1]) for owner in owners]
        if THERE in states:
            left = [owner for owner, state in zip(owners, states, strict=True) if state is THERE]
            if len(left) < len(owners):
                self._context.store.update(place[0], with_owners(child, left))
        else:
            policy = self._policy(child, WAITING in states)
            if policy == "Foreground" and self._closes_a_circle(child):
                free = [{**owner, "blockOwnerDeletion": False} for owner in owners]
                self._context.store.update(place[0], with_owners(child, free))
            self._context.api.delete(*place, policy=policy)

    def _closes_a_circle(self, child: RawObject) -> bool:
        """Return whether something that it owns waits already: a circle of such objects would stay for ever."""
        owned = (self._context.store.get(*one) for one in self._children.get(child["metadata"]["uid"], ()))
        return any(one is not None and _waits(one) for one in owned)

    def _policy(self, child: RawObject, awaited: bool) -> str:
        finalizers = child["metadata"].get("finalizers") or ()
        if awaited and self._children.get(child["metadata"]["uid"]):
            return "Foreground"
        if ORPHAN in finalizers:
            return "Orphan"
        return "Foreground" if FOREGROUND in finalizers else "Background"

    def reconcile(self, key: Key) -> None:
        """Take a step with an object that lacks an owner, or with an owner that waits for what it owns."""
        resource, namespace = key[0].split("/")
        place = (resource, namespace, key[1])
        owner = self._context.store.get(*place)
        if owner is None:
            return
        if not _waits(owner):
            self._attempt(place)
            return
        uid = owner["metadata"]["uid"]
        places = list(self._children.get(uid, ()))
        for one in places:
            self._attempt(one)
        if any(_blocks(self._context.store.get(*one), uid) for one in places):
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


def _waits(obj: RawObject) -> bool:
    """Return whether an object that is being deleted waits for what it owns."""
    return deleting(obj) and FOREGROUND in obj["metadata"].get("finalizers", ())


def _blocks(child: RawObject | None, uid: str) -> bool:
    owners = (child["metadata"].get("ownerReferences") or ()) if child else ()
    return any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in owners)
