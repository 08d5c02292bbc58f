"""
Events as the components of a real cluster write them: counted, merged and dropped by client-go's rules.

The rules are part of what the course teaches (a missing Event proves nothing), so they are kept:

1. an Event that was seen before is not written again: its ``count`` and ``lastTimestamp`` rise;
2. from the tenth *different message* of one object, type and reason within ten minutes, one Event stands for all,
   its message prefixed ``(combined from similar events): ``;
3. each component has 25 Events for an object and type, then one more every five minutes; what exceeds that is
   dropped without a word, count increments included.

Source: client-go ``tools/record/events_cache.go``; shapes as in the traces of v1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podlab.embedded.store import Store, TakenError, timestamp
from podlab.pods.raw import RawObject

BURST = 25
REFILL_S = 300.0
SIMILAR = 10
SIMILAR_WITHIN_S = 600.0
REMEMBERED = 4096  # upstream keeps this many keys in each of its caches
COMBINED = "(combined from similar events): "


class _Budget:
    """A token bucket: BURST tokens, one more every REFILL_S."""

    __slots__ = ("at", "tokens")

    def __init__(self, at: float) -> None:
        self.tokens, self.at = float(BURST), at

    def take(self, now: float) -> bool:
        self.tokens = min(float(BURST), self.tokens + (now - self.at) / REFILL_S)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class _Similar:
    """The different messages of one object, type and reason since they were last quiet for ten minutes."""

    __slots__ = ("at", "messages")

    def __init__(self) -> None:
        self.messages: set[str] = set()
        self.at = float("-inf")

    def note(self, message: str, now: float) -> bool:
        """True when *message* is one of too many and has to be combined."""
        if now - self.at > SIMILAR_WITHIN_S:
            self.messages.clear()
        self.at = now
        self.messages.add(message)
        return len(self.messages) >= SIMILAR


class EventRecorder:
    """
    Writes the Events of one component into the store.

    Args:
        component: ``kubelet``, ``default-scheduler``, ``job-controller``…
        host: The node that the component runs on; empty for those that belong to no node.
        clock: Seconds since the epoch.
    """

    def __init__(self, store: Store, component: str, *, host: str = "", clock: Callable[[], float]) -> None:
        self._store, self._component, self._host, self._clock = store, component, host, clock
        self._budgets: dict[tuple[str, ...], _Budget] = {}
        self._similar: dict[tuple[str, ...], _Similar] = {}
        self._written: dict[
            tuple[str, ...], str
        ] = {}  # what makes two Events one -> name of the stored Event

    def event(self, obj: RawObject, type_: str, reason: str, message: str, *, field_path: str = "") -> None:
        """
        Say that something happened to *obj*.

        Args:
            type_: ``Normal`` or ``Warning``.
            field_path: ``spec.containers{app}`` for an Event about one container.
        """
        now = self._clock()
        about = self._reference(obj, field_path)
        if self._is_refused(_namespace(about)):
            return
        subject = (about["uid"], about["name"], about.get("namespace", ""))
        if not _remember(self._budgets, (*subject, type_), lambda: _Budget(now)).take(now):
            return
        combined = _remember(self._similar, (*subject, field_path, type_, reason), _Similar).note(
            message, now
        )
        key = (*subject, field_path, type_, reason, COMBINED if combined else message)
        text = COMBINED + message if combined else message
        if not self._count_up(key, about, text, now):
            self._write(key, about, type_, reason, text, now)

    def _is_refused(self, namespace: str) -> bool:
        """
        Return whether a server refuses a new Event there: the namespace is gone or being deleted (NamespaceLifecycle).

        A component whose Pod ends late would write into it otherwise, and nothing would delete the Event. A store
        without the namespace "default" is no cluster's: simulations have no namespaces.
        """
        found = self._store.get("namespaces", "", namespace)
        if found is None:
            return self._store.get("namespaces", "", "default") is not None
        return bool(found["metadata"].get("deletionTimestamp"))

    def _reference(self, obj: RawObject, field_path: str) -> RawObject:
        meta = obj["metadata"]
        about = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
        }
        if meta.get("namespace"):
            about["namespace"] = meta["namespace"]
        if meta.get("resourceVersion"):
            about["resourceVersion"] = meta["resourceVersion"]
        if field_path:
            about["fieldPath"] = field_path
        return about

    def _count_up(self, key: tuple[str, ...], about: RawObject, text: str, now: float) -> bool:
        name = self._written.get(key)
        stored = self._store.get("events", _namespace(about), name) if name else None
        if stored is None:
            return False
        changed = {"count": stored["count"] + 1, "lastTimestamp": timestamp(now), "message": text}
        self._store.update("events", {**stored, **changed})
        return True

    def _write(
        self, key: tuple[str, ...], about: RawObject, type_: str, reason: str, text: str, now: float
    ) -> None:
        stamp = timestamp(now)
        source = {"component": self._component, **({"host": self._host} if self._host else {})}
        body: RawObject = {
            "apiVersion": "v1",
            "count": 1,
            "eventTime": None,
            "firstTimestamp": stamp,
            "involvedObject": about,
            "kind": "Event",
            "lastTimestamp": stamp,
            "message": text,
            "metadata": {},
            "reason": reason,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            "source": source,
            "type": type_,
        }
        nanos = round(now * 1e9)
        while True:
            name = f"{about['name']}.{nanos:x}"
            meta = {"name": name, "namespace": _namespace(about)}
            try:
                self._store.create("events", {**body, "metadata": meta})
            except TakenError:
                nanos += 1  # two Events within the clock's grain, as on a manual clock
            else:
                _remember(self._written, key, str)
                self._written[key] = name
                return


def _namespace(about: RawObject) -> str:
    # Events about objects without a namespace (Nodes) live in "default".
    return str(about.get("namespace") or "default")


def _remember(cache: dict[tuple[str, ...], Any], key: tuple[str, ...], make: Callable[[], Any]) -> Any:
    """Return the value at *key*, made when new; the oldest key is forgotten beyond REMEMBERED."""
    value = cache.get(key)
    if value is None:
        if len(cache) >= REMEMBERED:
            del cache[next(iter(cache))]
        value = cache[key] = make()
    return value
