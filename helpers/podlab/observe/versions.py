"""
The resourceVersions of one watched collection: which states were seen, and where a new watch starts.

A watch that breaks starts again a little before the last event: some events come twice and are dropped by
(uid, resourceVersion), and events that the broken connection delivered out of order are not lost.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from podlab.observe.heads import Head

_WINDOW = 4096  # how many events are remembered, to drop those that come twice
_CONFIRMED_S = 5.0  # what arrived before so much silence arrived in order
_OVERLAP = 32  # how many events before the last one a new watch starts


class SeenVersions:
    """
    The states of the objects that a watch has seen.

    Attributes:
        latest: The highest resourceVersion seen, bookmarks and lists included.
        known: The resourceVersion last seen of each living object, by uid.
    """

    def __init__(self) -> None:
        self.latest = 0
        self.known: dict[bytes, int] = {}
        self._recent: dict[int, bytes] = {}
        self._overlap: deque[int] = deque(maxlen=_OVERLAP)
        self._base = 0  # every event up to this version was seen
        self._arrived_at = time.monotonic()  # of the last batch

    def arrived(self) -> None:
        """Note that a batch has arrived now."""
        before, self._arrived_at = self._arrived_at, time.monotonic()
        if self._arrived_at - before > _CONFIRMED_S:
            self.confirm()

    def is_new(self, head: Head) -> bool:
        """Return whether this state was not delivered before."""
        return self._recent.get(head.version) != head.uid

    def add(self, head: Head) -> bool:
        """Note one state; return False for an older state of its object that arrived late."""
        uid, version = head.uid, head.version
        self._recent[version] = uid
        if len(self._recent) > _WINDOW:
            del self._recent[next(iter(self._recent))]
        self._overlap.append(version)
        self.latest = max(self.latest, version)
        if version < self.known.get(uid, 0):
            return False
        if head.type == "DELETED":
            self.known.pop(uid, None)
        else:
            self.known[uid] = version
        return True

    def bookmark(self, version: int) -> None:
        """Note that the server has delivered everything up to *version*."""
        self._base, self.latest = max(self._base, version), max(self.latest, version)
        self._overlap.clear()

    def confirm(self) -> None:
        """Take all versions up to the newest as delivered."""
        self._base = max(self._base, self.latest)
        self._overlap.clear()

    def listed(self, version: int) -> None:
        """Start from a list of that version; what was seen before it does not count."""
        self._base, self.latest = version, max(version, self.latest)
        self._overlap.clear()

    def forget_server(self) -> None:
        """Drop the versions of a former server; its objects stay, to show which of them vanished."""
        self.latest, self._recent = 0, {}

    def resume_from(self) -> int:
        """Return the resourceVersion from which a new watch starts."""
        if time.monotonic() - self._arrived_at > _CONFIRMED_S:
            self.confirm()
        if len(self._overlap) == _OVERLAP:
            return max(self._base, min(self._overlap))
        return self._base or self.latest

    def missed(self, items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return those of the listed objects whose state was not seen."""
        return [item for item in items if self.known.get(uid_of(item)) != version_of(item)]

    def drop_unlisted(self, items: Iterable[Mapping[str, Any]]) -> list[bytes]:
        """Forget the objects that are not listed any more, and return their uids."""
        listed = {uid_of(item) for item in items}
        gone = [uid for uid in self.known if uid not in listed]
        for uid in gone:
            del self.known[uid]
        return gone

    def differ_from(self, items: Iterable[Mapping[str, Any]]) -> bool:
        """Return whether a list shows anything that was not seen."""
        return {uid_of(item): version_of(item) for item in items} != self.known


class LatestLines:
    """
    The latest WatchEvent of each living object, and of those that changed since somebody asked.

    Args:
        keep: Keep them at all: those of Pods are asked for, those of Events are not.
    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._living: dict[bytes, bytes] = {}
        self._changed: dict[bytes, bytes] = {}

    def put(self, head: Head, line: bytes) -> None:
        """Note the newest WatchEvent of an object."""
        if self._keep:
            self._changed[head.uid] = line
            if head.type == "DELETED":
                self._living.pop(head.uid, None)
            else:
                self._living[head.uid] = line

    def leave_out(self, uid: bytes) -> None:
        """Do not return the object as changed: it does not belong to the recording."""
        self._changed.pop(uid, None)

    def vanish(self, uid: bytes) -> bytes | None:
        """Return the latest WatchEvent of an object as its DELETED, which never arrived; None if it is not known."""
        line = self._living.pop(uid, None)
        if line is None:
            return None
        deleted = line.replace(b'"type":"MODIFIED"', b'"type":"DELETED"', 1)
        return deleted.replace(b'"type":"ADDED"', b'"type":"DELETED"', 1)

    def change(self, uid: bytes, line: bytes) -> None:
        """Return *line* as what changed last of the object."""
        self._changed[uid] = line

    def take_changed(self) -> list[bytes]:
        """Return the latest WatchEvent of each object that changed since the last call."""
        taken, self._changed = self._changed, {}
        return list(taken.values())


def uid_of(item: Mapping[str, Any]) -> bytes:
    """Return ``metadata.uid`` as a watch line has it."""
    uid: str = item["metadata"]["uid"]
    return uid.encode()


def version_of(item: Mapping[str, Any]) -> int:
    """Return ``metadata.resourceVersion`` as a number."""
    return int(item["metadata"]["resourceVersion"])
