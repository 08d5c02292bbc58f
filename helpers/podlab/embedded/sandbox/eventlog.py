"""
The node's own record: the exact moment of everything the runtime did and saw, in the form that recordings keep.

Nothing here is rounded or merged: on the embedded cluster this is the clock that timelines are judged by.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from podlab.embedded.sandbox.logfiles import timestamp

_PODS, _EVENTS_PER_POD = 500, 5000


class NodeEvents:
    """Events by Pod, oldest first; bounded, the Pods that were silent longest are forgotten first."""

    def __init__(self) -> None:
        self._by_pod: OrderedDict[str, list[tuple[str, int, dict[str, Any]]]] = OrderedDict()

    def add(self, pod_uid: str, event: str, at: int, **details: Any) -> None:
        """Note *event* at *at* (nanoseconds since the epoch)."""
        events = self._by_pod.setdefault(pod_uid, [])
        self._by_pod.move_to_end(pod_uid)
        events.append((event, at, details))
        if len(events) > _EVENTS_PER_POD:
            del events[: _EVENTS_PER_POD // 10]
        if len(self._by_pod) > _PODS:
            self._by_pod.popitem(last=False)

    def of(self, pod_uid: str | None = None) -> list[dict[str, Any]]:
        """
        Events of one Pod, or of all, oldest first.

        Returns:
            ``{"source": "node", "clock": "embedded", "event": …, "pod_uid": …, "at": RFC3339Nano, …}``, with
            ``container``, ``container_id``, ``attempt``, ``exit_code`` and ``signal`` where they apply.
        """
        chosen = [pod_uid] if pod_uid is not None else list(self._by_pod)
        found = [
            (at, uid, event, details) for uid in chosen for event, at, details in self._by_pod.get(uid, [])
        ]
        found.sort(key=lambda one: one[0])
        return [
            {
                "source": "node",
                "clock": "embedded",
                "event": event,
                "pod_uid": uid,
                "at": timestamp(at),
                **details,
            }
            for at, uid, event, details in found
        ]
