"""
The memory of the embedded cluster: versioned objects, in one process, in one asyncio thread.

It does for this cluster what etcd and the API server's watch cache do for a real one: every change gets the
next revision, watchers see all changes of a resource in the same order, and a watcher that lost its
connection can go on from the revision it saw last, as far back as the bounded history reaches.

An object, once stored, is never changed in place: readers get the stored dict and must copy before they edit.
Each version is encoded to JSON at most once, whoever asks, so 200 watchers share one ``bytes`` object.

Validation, defaults and deletion rules are the API's; the store takes what it is given.
"""

from __future__ import annotations

import json
import marshal
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from podlab.embedded import clock
from podlab.pods.raw import RawObject

Key = tuple[str, str]  # (namespace, name); namespace "" for cluster scope
HISTORY = 1000  # events kept per resource for watchers that resume
HISTORY_BYTES = 32 << 20  # and no more than that: a ConfigMap may hold a million bytes

_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class NotThereError(LookupError):
    """No object has that name."""


class TakenError(Exception):
    """An object of that name already exists."""


class ExpiredError(Exception):
    """A revision is older than the history reaches; ``oldest`` is the oldest that can be resumed from."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")
        self.asked, self.oldest = asked, oldest


def uid() -> str:
    """Return a random UUID, version 4; the uuid module would cost more to import than this."""
    digits = secrets.token_hex(16)
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def timestamp(at: float | None = None) -> str:
    """RFC 3339 in UTC with whole seconds, as metav1.Time is written."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now_s() if at is None else at))


class Version:
    """One state of one object; ``json`` is its encoding, made when first asked for."""

    __slots__ = ("_json", "object", "revision")

    def __init__(self, obj: RawObject, revision: int) -> None:
        self.object, self.revision = obj, revision
        self._json: bytes | None = None

    @property
    def json(self) -> bytes:
        """The object as compact JSON."""
        if self._json is None:
            self._json = _dumps(self.object).encode()
        return self._json

    def forget(self) -> None:
        """Drop the encoding; it is made again if somebody asks."""
        self._json = None


class Change:
    """
    One entry of the history.

    ``type`` is ADDED, MODIFIED or DELETED. ``before`` is the version that it replaced (None for ADDED):
    watchers with a selector need it to tell an object that stopped matching from one that never did.
    """

    __slots__ = ("_line", "before", "key", "type", "version", "weight")

    def __init__(self, kind: str, key: Key, version: Version, before: Version | None) -> None:
        self.type, self.key, self.version, self.before = kind, key, version, before
        self.weight = _weight(version.object, before.object if before else {})
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        """The change as one line of a watch stream, shared by all watchers."""
        if self._line is None:
            self._line = b'{"type":"%b","object":%b}\n' % (self.type.encode(), self.version.json)
        return self._line

    def delivered(self) -> None:
        """All watchers have it: drop the encodings that only those would ask for who resume, which is rare."""
        self._line = None
        if self.before is not None:
            self.before.forget()


class Collection:
    """All objects of one resource, with their history and watchers."""

    __slots__ = ("history", "oldest", "versions", "watchers", "weight")

    def __init__(self) -> None:
        self.versions: dict[Key, Version] = {}
        self.history: deque[Change] = deque()
        self.weight = 0  # what the history holds
        self.oldest = 0  # revision of the last change that fell out of the history
        self.watchers: list[Callable[[Change], None]] = []

    def remember(self, change: Change, limit: int) -> None:
        """Append to the history and drop what exceeds *limit*, or what all of it may weigh."""
        self.history.append(change)
        self.weight += change.weight
        while len(self.history) > limit or (self.weight > HISTORY_BYTES and len(self.history) > 1):
            dropped = self.history.popleft()
            self.oldest = dropped.version.revision
            self.weight -= dropped.weight


class Store:
    """
    Versioned objects by resource ("pods", "services"…), namespace and name.

    Args:
        history: How many changes of each resource a watcher may be behind.
        clock: Seconds since the epoch; tests give their own.
        make_uid: Makes uids; a simulation counts them.
    """

    def __init__(
        self,
        *,
        history: int = HISTORY,
        clock: Callable[[], float] = clock.now_s,
        make_uid: Callable[[], str] = uid,
    ) -> None:
        self.revision = 1
        self.clock = clock
        self._make_uid = make_uid
        self._limit = history
        self._collections: dict[str, Collection] = {}
        self._undelivered: deque[tuple[Collection, Change]] = deque()
        self._delivering = False

    # -- reading ---------------------------------------------------------------------------------------------

    def collection(self, resource: str) -> Collection:
        """Return the collection of a resource; made empty when it is new."""
        found = self._collections.get(resource)
        if found is None:
            found = self._collections[resource] = Collection()
        return found

    def resources(self) -> list[str]:
        """Return every resource that ever held an object, sorted."""
        return sorted(self._collections)

    def version(self, resource: str, namespace: str, name: str) -> Version | None:
        """Return the present version of one object, or None."""
        return self.collection(resource).versions.get((namespace, name))

    def versions(self, resource: str, namespace: str | None = None) -> list[Version]:
        """Present versions sorted by namespace and name; of one namespace, or of all when it is None."""
        items = self.collection(resource).versions.items()
        return [v for key, v in sorted(items, key=_first) if namespace is None or key[0] == namespace]

    def get(self, resource: str, namespace: str, name: str) -> RawObject | None:
        """Return one object, or None. Not to be changed in place."""
        version = self.collection(resource).versions.get((namespace, name))
        return version.object if version else None

    def list(self, resource: str, namespace: str | None = None) -> list[RawObject]:
        """Return objects sorted by namespace and name. Not to be changed in place."""
        return [version.object for version in self.versions(resource, namespace)]

    def versions_at(self, resource: str, revision: int) -> dict[Key, Version]:
        """
        Return the versions as they were at *revision*: today's, with the history undone back to it.

        Raises:
            ExpiredError: If the history does not reach that far.
        """
        collection = self.collection(resource)
        if revision < collection.oldest:
            raise ExpiredError(revision, collection.oldest)
        then = dict(collection.versions)
        for change in reversed(collection.history):
            if change.version.revision <= revision:
                break
            if change.before is None:
                then.pop(change.key, None)
            else:
                then[change.key] = change.before
        return then

    # -- writing ---------------------------------------------------------------------------------------------

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """
        Store a new object; uid and creationTimestamp are filled in where they are missing.

        Raises:
            TakenError: If the name is taken.
        """
        collection, key = self.collection(resource), _key(obj)
        if key in collection.versions:
            raise TakenError(key[1])
        meta = dict(obj["metadata"])
        meta.setdefault("uid", self._make_uid())
        meta.setdefault("creationTimestamp", timestamp(self.clock()))
        return self._commit(collection, "ADDED", key, {**obj, "metadata": meta}, None)

    def update(self, resource: str, obj: RawObject) -> RawObject:
        """
        Replace an object whole. When nothing but the resourceVersion differs, the stored one stays as it is.

        Raises:
            NotThereError: If it is not stored.
        """
        collection, key = self.collection(resource), _key(obj)
        before = collection.versions.get(key)
        if before is None:
            raise NotThereError(key[1])
        meta = {**obj["metadata"], "resourceVersion": before.object["metadata"]["resourceVersion"]}
        if {**obj, "metadata": meta} == before.object:
            return before.object
        return self._commit(collection, "MODIFIED", key, {**obj, "metadata": meta}, before)

    def delete(self, resource: str, namespace: str, name: str) -> RawObject:
        """
        Remove an object at once and return its last state, with the revision of the removal.

        Raises:
            NotThereError: If it is not stored.
        """
        collection = self.collection(resource)
        before = collection.versions.get((namespace, name))
        if before is None:
            raise NotThereError(name)
        gone = {**before.object, "metadata": dict(before.object["metadata"])}
        return self._commit(collection, "DELETED", (namespace, name), gone, before)

    def _commit(
        self, collection: Collection, kind: str, key: Key, obj: RawObject, before: Version | None
    ) -> RawObject:
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        version = Version(obj, self.revision)
        if kind == "DELETED":
            del collection.versions[key]
        else:
            collection.versions[key] = version
        change = Change(kind, key, version, before)
        collection.remember(change, self._limit)
        self._undelivered.append((collection, change))
        self._deliver()
        return obj

    def _deliver(self) -> None:
        # A callback may write to the store. Its change waits here until the one before it has reached
        # everybody: otherwise two watchers would see the two in different orders.
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._undelivered:
                collection, change = self._undelivered.popleft()
                for watcher in tuple(collection.watchers):
                    try:
                        watcher(change)
                    except Exception:
                        # A fault of one watcher must not reach the others, nor the writer, such as the kubelet.
                        _log().exception("a watcher of %s/%s failed", *change.key)
                change.delivered()
        finally:
            self._delivering = False

    # -- watching --------------------------------------------------------------------------------------------

    def changes_since(self, resource: str, since: int) -> Iterator[Change]:
        """
        Return the kept changes of a resource after revision *since*, oldest first.

        Raises:
            ExpiredError: If the history does not reach that far.
        """
        collection = self.collection(resource)
        if since < collection.oldest:
            raise ExpiredError(since, collection.oldest)
        return iter([change for change in collection.history if change.version.revision > since])

    def subscribe(self, resource: str, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call *callback* with every later change of a resource; returns what ends it."""
        watchers = self.collection(resource).watchers
        watchers.append(callback)

        def cancel() -> None:
            if callback in watchers:
                watchers.remove(callback)

        return cancel

    def watch(
        self, resource: str, callback: Callable[[str, RawObject], None], since: int | None = None
    ) -> Callable[[], None]:
        """
        Call ``callback(type, object)`` for each change after *since*; None: what exists now comes first, as
        ADDED.

        Raises:
            ExpiredError: If the history does not reach back to *since*.
        """
        past: Iterable[tuple[str, RawObject]]
        if since is None:
            past = [("ADDED", obj) for obj in self.list(resource)]
        else:
            past = [(change.type, change.version.object) for change in self.changes_since(resource, since)]
        cancel = self.subscribe(resource, lambda change: callback(change.type, change.version.object))
        for kind, obj in past:
            callback(kind, obj)
        return cancel


def _log() -> Any:
    import logging

    return logging.getLogger("podlab.embedded")


def _weight(obj: RawObject, before: RawObject) -> int:
    """Return how many bytes an object holds that it does not share with the one before it: what keeping both costs."""
    own = [value for key, value in obj.items() if value is not before.get(key)]
    return len(marshal.dumps(own))  # the fastest walk through plain data that there is


def _key(obj: RawObject) -> Key:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _first(item: tuple[Key, Version]) -> Key:
    return item[0]
