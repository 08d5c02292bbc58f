"""
Two spellings of Event: ``v1`` and ``events.k8s.io/v1``. They are one object; the store holds the first.

Source: pkg/apis/events/v1/conversion.go and the field names of both types.
"""

from __future__ import annotations

from podlab.pods.raw import RawObject

RENAMED = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
BACK = {new: old for old, new in RENAMED.items()}


def to_new(event: RawObject) -> RawObject:
    """Return a core Event as events.k8s.io/v1 shows it."""
    renamed = {RENAMED.get(key, key): value for key, value in event.items()}
    return {**renamed, "kind": "Event", "apiVersion": "events.k8s.io/v1"}


def to_core(event: RawObject) -> RawObject:
    """Return an events.k8s.io/v1 Event as the store keeps it."""
    renamed = {BACK.get(key, key): value for key, value in event.items()}
    renamed.setdefault("involvedObject", {})
    renamed.setdefault("source", {})
    for instant in ("firstTimestamp", "lastTimestamp", "eventTime"):
        renamed.setdefault(instant, None)
    return {**renamed, "kind": "Event", "apiVersion": "v1"}
