"""
The base of controllers: the context that they share, a queue of keys, and a controller that works through its queue.

A controller never acts on a change itself: the change queues a key, and ``reconcile`` reads the object again from the
store. So it makes no difference how many changes are seen, or in which order.

The rule for writes: a controller creates and deletes objects through the API (``context.api``), which admits, defaults,
validates and finalizes them like those of any client. It changes an object that exists through the store: only fields
that controllers own, in an object that was admitted. Two deletions follow no request, and so no rule of the API: a
namespace that is empty ends, and so does an Event after an hour.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from podlab.embedded.controllers.objects import Key, controller_of, key_of
from podlab.embedded.events import EventRecorder
from podlab.embedded.fault import NotYetError, StatusError
from podlab.embedded.store import Store, timestamp
from podlab.pods.raw import RawObject

RETRY_FIRST_S, RETRY_MOST_S = 0.05, 30.0


class Api(Protocol):
    """The part of the API server that controllers use, so that their objects are admitted like all others."""

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """Admit and store a new object; ``metadata.generateName`` is honoured."""

    def delete(
        self, resource: str, namespace: str, name: str, *, grace_s: int | None = None, policy: str = ""
    ) -> None:
        """
        Delete as the API does: a Pod gracefully, other objects at once. Without effect if the object is missing.
        """


class ControllerContext:
    """The store, the API and the event loop that all controllers of a cluster share."""

    def __init__(self, store: Store, api: Api, node_name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.store, self.api, self.node_name, self.loop = store, api, node_name, loop
        self._cancels: list[Callable[[], None]] = []
        self.stopped = False

    def now(self) -> float:
        """Return seconds since the epoch by the cluster's clock."""
        return self.store.clock()

    def stamp(self) -> str:
        """Return the current instant in the API's notation."""
        return timestamp(self.now())

    def recorder(self, component: str) -> EventRecorder:
        """Return a writer of Events whose source is *component*."""
        return EventRecorder(self.store, component, clock=self.now)

    def watch(self, resource: str, callback: Callable[[str, RawObject], None]) -> None:
        """Call *callback(type, object)* for what exists and for every change, until the cluster stops."""
        self._cancels.append(self.store.watch(resource, callback))

    def worker(self, name: str, reconcile: Callable[[Key], None]) -> Worker:
        """Return a queue; *reconcile* is called for each of its keys."""
        return Worker(self, name, reconcile)

    def set_status(self, resource: str, obj: RawObject, status: RawObject) -> RawObject:
        """Write the status of *obj*; without effect if it is unchanged or the object no longer exists."""
        stored = self.store.get(resource, *key_of(obj))
        if stored is None or stored["metadata"]["uid"] != obj["metadata"]["uid"]:
            return obj
        return self.store.update(resource, {**stored, "status": status})

    def stop(self) -> None:
        """End all watches and drop the queued keys."""
        self.stopped = True
        for cancel in self._cancels:
            cancel()


class Worker:
    """
    Calls ``reconcile(key)`` soon after ``add(key)``: once, however often the key was added in between.

    If ``reconcile`` raises, the error is logged and the key is retried after a growing pause: a broken object must
    not stop the controller.
    """

    def __init__(self, context: ControllerContext, name: str, reconcile: Callable[[Key], None]) -> None:
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
        except StatusError as refusal:  # such as a quota: it may pass later
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


class Controller(ABC):
    """
    Works through a queue of keys, object by object.

    Args:
        component: The source of its Events, as upstream's controller calls itself; also names it in the log.
    """

    def __init__(self, context: ControllerContext, component: str) -> None:
        self._context = context
        self._events = context.recorder(component)
        self.queue = context.worker(component, self.reconcile).add

    @abstractmethod
    def reconcile(self, key: Key) -> None:
        """Bring the cluster one step closer to what the object of *key* asks for."""

    def follow(self, resource: str) -> None:
        """Queue every object of *resource*, now and whenever it changes."""
        self._context.watch(resource, lambda _, obj: self.queue(key_of(obj)))

    def follow_owned(self, resource: str, kind: str) -> None:
        """Queue the owner of *kind* whenever an object of *resource* that it controls changes."""

        def changed(_: str, obj: RawObject) -> None:
            owner = controller_of(obj)
            if owner and owner["kind"] == kind:
                self.queue((obj["metadata"]["namespace"], owner["name"]))

        self._context.watch(resource, changed)

    def create(self, owner: RawObject, resource: str, obj: RawObject, *, done: str, failed: str) -> RawObject:
        """
        Create an object that *owner* controls, and report it in an Event of the owner.

        Args:
            done: The message of that Event, with ``{name}`` for the object's name.
            failed: The beginning of the message if the API server refuses; its own message follows.

        Raises:
            StatusError: If the API server refuses; that is reported in an Event too.
        """
        try:
            made = self._context.api.create(resource, obj)
        except NotYetError:  # not a refusal: the same request succeeds later
            raise
        except StatusError as refusal:
            self._events.event(owner, "Warning", "FailedCreate", f"{failed}: {refusal}")
            raise
        self._events.event(owner, "Normal", "SuccessfulCreate", done.format(name=made["metadata"]["name"]))
        return made

    def create_pod(self, owner: RawObject, pod: RawObject) -> RawObject:
        """Create a Pod, with the messages of the controllers that let the API server choose its name."""
        return self.create(owner, "pods", pod, done="Created pod: {name}", failed="Error creating")
