"""Rules of Events, as both API groups spell them."""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import (
    invalid,
    required,
)
from podlab.embedded.schema.walk import Rule, ValidationContext
from podlab.pods.raw import RawObject

_EVENT_LONGEST = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}


def event(context: ValidationContext, _path: str, obj: RawObject, kind: Any) -> None:
    """
    An Event, as ``v1`` spells it: it lies in the namespace of what it is about, and one with an eventTime says who
    reported what.

    Source: pkg/apis/core/validation/events.go at v1.36.3.
    """
    about = (obj.get("involvedObject") or {}).get("namespace", "")
    namespace, core = obj["metadata"].get("namespace", ""), kind == "core/v1.Event"
    if obj.get("eventTime"):
        fits = bool(about) or namespace in ("default", "kube-system")
    else:
        fits = namespace == (about or "default")
    if not fits:
        context.add(invalid("involvedObject.namespace", about, "does not match event.namespace"))
    if obj.get("eventTime"):
        _event_reporter(context, obj, "reportingComponent" if core else "reportingController")
    if core and not obj["metadata"].get("name"):
        context.add(required("metadata.name", "name or generateName is required"))


def _event_reporter(context: ValidationContext, obj: RawObject, reporter: str) -> None:
    name = obj.get("reportingComponent", "")
    if not name:
        context.add(required(reporter))
    context.add(*(invalid(reporter, name, text) for text in formats.qualified(name)))
    for field, longest in _EVENT_LONGEST.items():
        text = obj.get(field) or ""
        if not text and field != "message":
            context.add(required(field))
        if len(text.encode()) > longest:
            context.add(invalid(field, "", f"can have at most {longest} characters"))


def new_event(context: ValidationContext, _path: str, obj: RawObject, _argument: Any) -> None:
    """Check the additional fields that events.k8s.io requires of a new Event."""
    if not obj.get("eventTime"):
        context.add(required("eventTime"))
    if obj.get("type") not in ("Normal", "Warning"):
        context.add(invalid("type", "", f"has invalid value: {obj.get('type') or ''}"))
    for field in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if obj.get(field):
            context.add(invalid(field, "", "needs to be unset"))


CHECKS: dict[str, Rule] = {check.__name__: check for check in (event, new_event)}
