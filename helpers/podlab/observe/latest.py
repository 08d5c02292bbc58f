"""
The latest state of each Pod that a recording has seen, and which of them ``until`` is about.
"""

from __future__ import annotations

from collections.abc import Sequence

from podlab.observe.goals import belongs
from podlab.pods.raw import RawObject


class LatestPods:
    """
    The newest state of each living Pod, by uid.

    Attributes:
        objects: The applied objects, as the server stored them.
        gone: The uids of the deleted Pods that count.
    """

    def __init__(self) -> None:
        self.objects: list[RawObject] = []
        self.gone: set[str] = set()
        self._applied = False
        self._pods: dict[str, RawObject] = {}

    def applied(self, stored: Sequence[RawObject]) -> None:
        """Count from now on the Pods of the applied objects alone."""
        self.objects += stored
        self._applied = True

    def take(self, event: RawObject) -> RawObject:
        """Take in one WatchEvent, and return its Pod."""
        pod: RawObject = event["object"]
        uid = str(pod["metadata"]["uid"])
        if event["type"] == "DELETED":
            self._pods.pop(uid, None)
            if self._counts(pod):
                self.gone.add(uid)
        else:
            self._pods[uid] = pod
        return pod

    def counted(self) -> dict[str, RawObject]:
        """Return the living Pods that ``until`` is about: those of the applied objects, else all."""
        return {uid: pod for uid, pod in self._pods.items() if self._counts(pod)}

    def _counts(self, pod: RawObject) -> bool:
        return not self._applied or belongs(pod, self.objects)
