"""
The fault of a field, in upstream's words.

Source: apimachinery/pkg/util/validation/field/errors.go at v1.36.3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class FieldError:
    """One fault of one field; ``reason`` is the cause's reason in the Status, ``body`` its message."""

    __slots__ = ("body", "field", "reason")

    def __init__(self, reason: str, field: str, body: str) -> None:
        self.reason, self.field, self.body = reason, field, body

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"

    def __repr__(self) -> str:
        return f"FieldError({str(self)!r})"


class Invalid(Exception):  # noqa: N818 - the word of the API
    """An object that validation refuses; ``errors`` in upstream's order, ``status`` what the API answers."""

    def __init__(self, kind: str, name: str, errors: list[FieldError], status: dict[str, Any]) -> None:
        super().__init__(status["message"])
        self.kind, self.name, self.errors, self.status = kind, name, errors, status


def quoted(value: Any) -> str:
    """Return a value as upstream prints it: strings quoted, the rest as Go or JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if not isinstance(value, int | float)
        else str(value)
    )


def required(field: str, detail: str = "") -> FieldError:
    """``Required value[: detail]``"""
    return FieldError("FieldValueRequired", field, "Required value" + (f": {detail}" if detail else ""))


def duplicate(field: str, value: Any) -> FieldError:
    """``Duplicate value: "x"``"""
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {quoted(value)}")


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """``Invalid value: "x"[: detail]``"""
    text = f"Invalid value: {quoted(value)}" + (f": {detail}" if detail else "")
    return FieldError("FieldValueInvalid", field, text)


def invalid_rule(field: str, detail: str) -> FieldError:
    """``Invalid value: detail``, of a value that is not printed."""
    return FieldError("FieldValueInvalid", field, f"Invalid value: {detail}")


def too_many(field: str, count: int, limit: int) -> FieldError:
    """``Too many: N: must have at most M items``"""
    return FieldError("FieldValueTooMany", field, f"Too many: {count}: must have at most {limit} items")


def unsupported(field: str, value: Any, allowed: Iterable[str]) -> FieldError:
    """``Unsupported value: "x": supported values: "A", "B"``"""
    words = ", ".join(f'"{word}"' for word in allowed)
    body = f"Unsupported value: {quoted(value)}: supported values: {words}"
    return FieldError("FieldValueNotSupported", field, body)


def forbidden(field: str, detail: str) -> FieldError:
    """``Forbidden: detail``"""
    return FieldError("FieldValueForbidden", field, f"Forbidden: {detail}")


def not_found(field: str, value: Any) -> FieldError:
    """``Not found: "x"``"""
    return FieldError("FieldValueNotFound", field, f"Not found: {quoted(value)}")


def too_long(field: str, limit: int) -> FieldError:
    """``Too long: may not be more than N bytes``"""
    return FieldError("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")
