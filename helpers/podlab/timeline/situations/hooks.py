"""
A postStart hook that runs: the status of its container says "waiting" all the while, and only the Events tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from podlab.timeline.clocks import parse_s
from podlab.timeline.events import seen_s

if TYPE_CHECKING:
    from podlab.timeline.situations.observed import ObservedContainer


class Hook(NamedTuple):
    """The container whose hook runs, and when it was started, as its Event says."""

    container: str
    started_at: str


def hint(name: str) -> str:
    """Return what to look at while the hook of that container runs."""
    return f"see what lifecycle.postStart of {name} waits for"


def running(containers: Iterable[ObservedContainer]) -> Hook | None:
    """Return the first container that was started, waits by its status, and has a postStart hook; None without one."""
    return next((hook for hook in map(of, containers) if hook is not None), None)


def of(container: ObservedContainer) -> Hook | None:
    """Return the hook of this container, where its Started Event is newer than its latest end; None otherwise."""
    if container.reason not in ("ContainerCreating", "PodInitializing"):
        return None
    started = container.event("Started")
    if started is None or not (container.spec.get("lifecycle") or {}).get("postStart"):
        return None
    ended = parse_s(container.last.get("finishedAt"))
    if ended is not None and (seen_s(started) or 0.0) < ended:
        return None
    return Hook(container.name, str(started.get("lastTimestamp") or started.get("eventTime") or ""))
