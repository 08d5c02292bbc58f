"""The base of controllers: a queue of keys, ownership, selectors, conditions, instants."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from podlab.embedded.events import EventRecorder
from podlab.embedded.fault import Fault, NotYetFault
from podlab.embedded.nodefit import matches
from podlab.embedded.store import Store, timestamp
from podlab.pods.phase import is_ready
from podlab.pods.raw import RawObject

Key = tuple[str, str]  # namespace, name


class Again(Protocol):
    """How a controller asks to look at a key once more: ``Worker.add``."""

    def __call__(self, key: Key, after_s: float = 0.0) -> None: ...


def never(key: Key, after_s: float = 0.0) -> None:
    """Stands for ``Worker.add`` until the worker exists."""


RETRY_FIRST_S, RETRY_MOST_S = 0.05, 30.0


class Api(Protocol):
    """The part of the API server that controllers use, so that their objects are admitted like all others."""

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """Admit and store a new object; ``metadata.generateName`` is honoured."""

    def delete(self, resource: str, namespace: str, name: str, *, grace_s: int | None = None) -> None:
        """
        Delete as the API does: a Pod gracefully, everything else at once. Nothing happens when it is gone.
        """


class Context:
    """The store, the API and the loop that all controllers of one cluster share, and what ends them."""

    def __init__(self, store: Store, api: Api, node_name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.store, self.api, self.node_name, self.loop = store, api, node_name, loop
        self._cancels: list[Callable[[], None]] = []
        self.stopped = False

    def now(self) -> float:
        """Seconds since the epoch, by the cluster's clock."""
        return self.store.clock()

    def stamp(self) -> str:
        """Now, as the API writes instants."""
        return timestamp(self.now())

    def recorder(self, component: str) -> EventRecorder:
        """A writer of Events in the name of one component."""
        return EventRecorder(self.store, component, clock=self.now)

    def watch(self, resource: str, callback: Callable[[str, RawObject], None]) -> None:
        """Call *callback(type, object)* for what exists and for every change, until the cluster stops."""
        self._cancels.append(self.store.watch(resource, callback))

    def worker(self, name: str, reconcile: Callable[[Key], None]) -> Worker:
        """A queue whose keys *reconcile* works through."""
        return Worker(self, name, reconcile)

    def stop(self) -> None:
        """End all watches; what is queued is dropped."""
        self.stopped = True
        for cancel in self._cancels:
            cancel()


class Worker:
    """
    Calls ``reconcile(key)`` soon after ``add(key)``: once, however often the key was added meanwhile.

    A key whose reconcile raised is tried again after a growing pause, and the fault is logged: one broken
    object must not stop the controller.
    """

    def __init__(self, context: Context, name: str, reconcile: Callable[[Key], None]) -> None:
        self._context, self._name, self._reconcile = context, name, reconcile
        self._waiting: dict[Key, None] = {}  # in order of arrival
        self._due: dict[Key, float] = {}  # key -> loop time of the earliest timer set for it
        self._faults: dict[Key, int] = {}
        self._running = False

    def add(self, key: Key, after_s: float = 0.0) -> None:
        """Reconcile *key* soon, or after *after_s* seconds."""
        if after_s > 0:
            self._later(key, after_s)
            return
        self._waiting[key] = None
        if not self._running:
            self._running = True
            self._context.loop.call_soon(self._work)

    def _later(self, key: Key, after_s: float) -> None:
        loop = self._context.loop
        at = loop.time() + after_s
        if self._due.get(key, float("inf")) <= at:
            return
        self._due[key] = at

        def fire() -> None:
            if self._due.get(key) == at:
                del self._due[key]
                self.add(key)

        loop.call_at(at, fire)

    def _work(self) -> None:
        if self._context.stopped or not self._waiting:
            self._running = False
            return
        key = next(iter(self._waiting))
        del self._waiting[key]
        try:
            self._reconcile(key)
        except Fault as refusal:  # such as a quota: no fault of ours, and it may pass later
            logging.getLogger("podlab.embedded").info("%s %s/%s: %s", self._name, *key, refusal)
            self._retry(key)
        except Exception:
            logging.getLogger("podlab.embedded").exception("%s %s/%s", self._name, *key)
            self._retry(key)
        else:
            self._faults.pop(key, None)
        # One key per turn of the loop, so that requests are answered between them.
        self._context.loop.call_soon(self._work)

    def _retry(self, key: Key) -> None:
        faults = self._faults[key] = self._faults.get(key, 0) + 1
        self.add(key, min(RETRY_FIRST_S * 2 ** min(faults, 20), RETRY_MOST_S))


class Controller(Protocol):
    """Works through the keys of one resource."""

    again: Again

    def reconcile(self, key: Key) -> None: ...


def worker_of(context: Context, resource: str, controller: Controller) -> Worker:
    """Return the queue of a controller, which every change of an object of *resource* feeds, and ``again``."""
    worker = context.worker(resource, controller.reconcile)
    controller.again = worker.add
    context.watch(resource, lambda _, one: worker.add(key_of(one)))
    return worker


def wakes_owner(worker: Worker, kind: str) -> Callable[[str, RawObject], None]:
    """A watch callback that queues the controller of the object that changed, where it is of *kind*."""

    def changed(_: str, obj: RawObject) -> None:
        owner = controller_of(obj)
        if owner and owner["kind"] == kind:
            worker.add((obj["metadata"]["namespace"], owner["name"]))

    return changed


# -- objects -------------------------------------------------------------------------------------------------


def key_of(obj: RawObject) -> Key:
    """(namespace, name) of an object."""
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def controller_of(obj: RawObject) -> RawObject | None:
    """The ownerReference that says ``controller: true``, or None."""
    for owner in obj["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            return dict(owner)
    return None


def reference_to(owner: RawObject) -> RawObject:
    """The ownerReference that a controller writes on what it makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def deleting(obj: RawObject) -> bool:
    """True once deletion was asked for."""
    return "deletionTimestamp" in obj["metadata"]


def owned(objects: Iterable[RawObject], owner: RawObject) -> list[RawObject]:
    """Those of *objects* that *owner* controls."""
    uid = owner["metadata"]["uid"]
    return [obj for obj in objects if (ref := controller_of(obj)) and ref["uid"] == uid]


def selects(selector: RawObject | None, labels: RawObject) -> bool:
    """True when a LabelSelector matches; an empty one matches everything, None nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(matches(rule, labels) for rule in selector.get("matchExpressions") or ())


def selector_of(obj: RawObject) -> RawObject | None:
    """Return ``spec.selector`` as a LabelSelector; that of a ReplicationController is a map of labels."""
    found = obj["spec"].get("selector")
    return {"matchLabels": found} if obj["kind"] == "ReplicationController" else found


# -- Pods ----------------------------------------------------------------------------------------------------


def condition(obj: RawObject, kind: str) -> RawObject | None:
    """One entry of ``status.conditions``, or None."""
    for entry in obj.get("status", {}).get("conditions", ()):
        if entry["type"] == kind:
            return dict(entry)
    return None


def available_in(pod: RawObject, min_ready_s: int, now: float) -> float | None:
    """Seconds until a Pod counts as available: 0 when it does, None while it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    since = seconds(found.get("lastTransitionTime"))
    return max(0.0, since + min_ready_s - now) if min_ready_s else 0.0


def expendable(pod: RawObject) -> tuple[bool, int, bool, float]:
    """Sorts the Pods to delete first to the front: unscheduled, pending, not ready, youngest."""
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    phase = phases.get(str((pod.get("status") or {}).get("phase")), 0)
    return (
        bool(pod["spec"].get("nodeName")),
        phase,
        is_ready(pod),
        -seconds(pod["metadata"]["creationTimestamp"]),
    )


def seconds(stamp: str | None) -> float:
    """An API instant as seconds since the epoch; 0 if absent."""
    if not stamp:
        return 0.0
    return datetime.fromisoformat(stamp[:19] + "+00:00").timestamp()


def pod_from(template: RawObject, owner: RawObject, prefix: str) -> RawObject:
    """A Pod as a controller makes it from a template; *prefix* becomes ``generateName``."""
    meta = template.get("metadata") or {}
    made: RawObject = {
        "generateName": prefix,
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(meta.get("labels") or {}),
        "ownerReferences": [reference_to(owner)],
    }
    if meta.get("annotations"):
        made["annotations"] = dict(meta["annotations"])
    if meta.get("finalizers"):
        made["finalizers"] = list(meta["finalizers"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]}


def make_pod(context: Context, events: EventRecorder, owner: RawObject, pod: RawObject) -> RawObject:
    """As ``make``, a Pod, in the words of the controllers that do not name their Pods themselves."""
    return make(context, events, owner, "pods", pod, done="Created pod: {name}", failed="Error creating")


def make(
    context: Context,
    events: EventRecorder,
    owner: RawObject,
    resource: str,
    obj: RawObject,
    *,
    done: str,
    failed: str,
) -> RawObject:
    """
    Create an object for its controller, and say so in an Event of the owner.

    Args:
        done: The text of the Event, with ``{name}`` for the object's name.
        failed: The text before the words of a refusal.

    Raises:
        Fault: When it is refused; there is an Event of that too.
    """
    try:
        made = context.api.create(resource, obj)
    except NotYetFault:  # no refusal
        raise
    except Fault as refusal:
        events.event(owner, "Warning", "FailedCreate", f"{failed}: {refusal}")
        raise
    events.event(owner, "Normal", "SuccessfulCreate", done.format(name=made["metadata"]["name"]))
    return made


def set_status(context: Context, resource: str, obj: RawObject, status: RawObject) -> RawObject:
    """Write a status; nothing happens when it is the same or the object is gone."""
    stored = context.store.get(resource, *key_of(obj))
    if stored is None or stored["metadata"]["uid"] != obj["metadata"]["uid"]:
        return obj
    return context.store.update(resource, {**stored, "status": status})


def with_condition(
    conditions: list[RawObject], entry: RawObject, stamp: str, *, updated: bool = False
) -> list[RawObject]:
    """
    *conditions* with *entry* set; its lastTransitionTime moves only when its status does.

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
