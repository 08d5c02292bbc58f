"""
Reading Events as the API returns them, of either API group: whom, what and when they are about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from podlab.pods.raw import RawObject
from podlab.timeline.clocks import parse_s


def about(event: RawObject) -> Mapping[str, Any]:
    """Return the object that an Event speaks of, in either API group's field."""
    return event.get("involvedObject") or event.get("regarding") or {}


def container_of(event: RawObject) -> str:
    """Return the container that it speaks of; empty for the Pod as a whole."""
    return str(about(event).get("fieldPath") or "").partition("{")[2].rstrip("}")


def seen_s(event: RawObject) -> float | None:
    """When it was last seen, in seconds since the epoch; None where it does not say."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((at for at in map(parse_s, times) if at is not None), None)


def message_of(event: RawObject | None) -> str:
    """Return the message of an Event on one line, without a colon that nothing follows; empty for none."""
    text = " ".join(str((event or {}).get("message") or (event or {}).get("note") or "").split())
    return text.rstrip(": ")


def last_event(events: Sequence[RawObject], *reasons: str, container: str = "") -> RawObject | None:
    """Return the newest Event with one of these reasons; *events* are oldest first."""
    for event in reversed(events):
        if event.get("reason") in reasons and (not container or container_of(event) == container):
            return event
    return None


def short(text: object, limit: int = 300) -> str:
    """Return one line of bounded length."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
