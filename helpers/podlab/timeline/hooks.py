"""
A postStart hook that runs: the status of its container says "waiting" all the while, and only the Events tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from podlab.pods.raw import RawObject
from podlab.timeline.causes import last_event
from podlab.timeline.clocks import parse_s
from podlab.timeline.crashes import spec_of

HINT = "see what lifecycle.postStart of {name} waits for; podlab logs POD -c {name}"


class Hook(NamedTuple):
    """The container whose hook runs, and when it was started, as its Event says."""

    container: str
    started_at: str


def running(
    pod: RawObject, statuses: Iterable[tuple[str, str, Mapping[str, Any]]], events: Sequence[RawObject]
) -> Hook | None:
    """
    The first container that was started, waits by its status, and has a postStart hook; None where there is none.

    Args:
        statuses: (role, name, status) of the containers.
        events: Those about the Pod, oldest first.
    """
    for _, name, item in statuses:
        waiting = (item.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in ("ContainerCreating", "PodInitializing"):
            continue
        started = last_event(events, "Started", container=name)
        if started is None or not (spec_of(pod, name).get("lifecycle") or {}).get("postStart"):
            continue
        at = str(started.get("lastTimestamp") or started.get("eventTime") or "")
        ended = parse_s(((item.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
        if ended is None or (parse_s(at) or 0) >= ended:
            return Hook(name, at)
    return None
