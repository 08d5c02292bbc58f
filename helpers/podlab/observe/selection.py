"""
Which WatchEvents belong to a recording: those of the applied manifest's Pods, or of Pods chosen by labels.

Pods and Events come on two watches, and either may be behind. An Event about a Pod that was not seen is held back, and
written down once the watch of Pods shows that its Pod belongs to the recording.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field

from podlab.observe.goals import Family
from podlab.observe.heads import Head

_ABOUT = re.compile(rb'"involvedObject":\{[^{}]*"uid":"([^"]+)"')
_MOST_HELD = 4096  # Events of Pods that have not been seen, or never will be


@dataclass
class Selection:
    """
    The rule for one watch; the default leaves out nothing.

    Args:
        strangers: uids of Pods that are not part of the recording of a manifest, shared by the watches of Pods and of
            Events. The watch of Pods adds those that its first list shows.
        family: What the manifest names; Pods that are made meanwhile and are not of it are strangers, too.
        chosen: uids of Pods, added to by the caller: a watch of Events writes down only the Events of these.
    """

    strangers: set[bytes] | None = None
    family: Family | None = None
    chosen: set[bytes] | None = None
    _held: deque[bytes] = field(default_factory=lambda: deque(maxlen=_MOST_HELD))
    _chosen_then: int = 0  # how many were chosen when the held Events were last looked through

    def leaves_out(self, resource: str, head: Head, line: bytes) -> bool:
        """Return whether a line is of a Pod that does not belong to the recording, or of an Event about one."""
        if self.chosen is not None:
            return _about(line) not in self.chosen
        if self.strangers is None:
            return False
        if resource == "events":
            return _about(line) in self.strangers or self._is_of_others(line)
        if self.family and head.type == "ADDED" and not self.family.has(json.loads(line)["object"]):
            self.strangers.add(head.uid)
        return head.uid in self.strangers

    def hold_back(self, line: bytes) -> None:
        """Keep an Event until its Pod is seen on the other watch: that one may be behind."""
        if self.chosen is not None:
            self._held.append(line)

    def released(self) -> list[bytes]:
        """Return the held lines of Pods that were chosen meanwhile."""
        if not self._held or self.chosen is None or len(self.chosen) == self._chosen_then:
            return []
        self._chosen_then = len(self.chosen)
        known = [line for line in self._held if _about(line) in self.chosen]
        for line in known:
            self._held.remove(line)
        return known

    def exclude(self, uids: set[bytes]) -> None:
        """Take Pods as strangers, in the recording of a manifest."""
        if self.strangers is not None:
            self.strangers |= uids

    def has_stranger(self, uid: bytes) -> bool:
        """Return whether the Pod is not part of the recording."""
        return uid in (self.strangers or ())

    def _is_of_others(self, line: bytes) -> bool:
        """True of an Event about a Pod whose name the manifest cannot have made: its Pod may be seen later."""
        if self.family is None:
            return False
        about = json.loads(line)["object"].get("involvedObject") or {}
        return about.get("kind") == "Pod" and not self.family.may_have(about.get("name", ""))


def _about(line: bytes) -> bytes | None:
    """Return the uid of the object that an Event is about; None where the line does not name it."""
    match = _ABOUT.search(line)
    return None if match is None else match[1]
