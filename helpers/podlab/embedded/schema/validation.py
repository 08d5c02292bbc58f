"""Validation of objects."""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema.fielderror import FieldError

Object = dict[str, Any]


def validate(kind: str, obj: Object) -> list[FieldError]:
    """The faults of a new object, in upstream's order."""
    return []


def validate_update(kind: str, obj: Object, old: Object) -> list[FieldError]:
    """The faults of a changed object."""
    return []
