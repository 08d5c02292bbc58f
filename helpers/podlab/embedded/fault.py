"""
Refusals, in the form and words of the real API server: each becomes a ``Status`` object with its HTTP code.

The messages are those of ``apimachinery/pkg/api/errors``; clients match on ``reason`` and people read
``message``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
    406: "NotAcceptable", 409: "Conflict", 410: "Expired", 413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError",
    503: "ServiceUnavailable", 504: "Timeout",
}  # fmt: skip


class StatusError(Exception):
    """A request that is refused; ``status`` is the body of the answer, ``code`` its HTTP status."""

    def __init__(
        self, code: int, message: str, *, reason: str = "", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason or REASONS.get(code, ""),
        }
        if details is not None:
            self.status["details"] = {k: v for k, v in details.items() if v}
        self.status["code"] = code


class NotYetError(StatusError):
    """No refusal yet: the webhooks were asked and have not answered. The same again a moment later."""

    def __init__(self) -> None:
        super().__init__(500, "the webhooks have not answered yet")


def not_found(resource: str, group: str, name: str) -> StatusError:
    """404 for an object."""
    qualified = f"{resource}.{group}" if group else resource
    return StatusError(
        404, f'{qualified} "{name}" not found', details={"name": name, "group": group, "kind": resource}
    )


def no_such_path() -> StatusError:
    """404 for a path that leads nowhere."""
    return StatusError(404, "the server could not find the requested resource", details={})


def already_exists(resource: str, group: str, name: str) -> StatusError:
    """409 for a name that is taken."""
    qualified = f"{resource}.{group}" if group else resource
    details = {"name": name, "group": group, "kind": resource}
    return StatusError(409, f'{qualified} "{name}" already exists', reason="AlreadyExists", details=details)


def conflict(resource: str, group: str, name: str, why: str = "") -> StatusError:
    """409 for an object that has changed since it was read."""
    qualified = f"{resource}.{group}" if group else resource
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    details = {"name": name, "group": group, "kind": resource}
    return StatusError(409, f'Operation cannot be fulfilled on {qualified} "{name}": {why}', details=details)


def forbidden(resource: str, group: str, name: str, why: str) -> StatusError:
    """403: admission or the state of the namespace forbids it."""
    qualified = f"{resource}.{group}" if group else resource
    details = {"name": name, "group": group, "kind": resource}
    named = f'{qualified} "{name}" is' if name else f"{qualified} is"
    return StatusError(403, f"{named} forbidden: {why}", details=details)


def invalid(kind: str, group: str, name: str, errors: Sequence[Any]) -> StatusError:
    """422: *errors* are ``schema.rules.FieldError``, in upstream's order."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    qualified = f"{kind}.{group}" if group else kind
    body = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    causes = [{"reason": e.reason, "message": e.body, "field": e.field} for e in errors]
    details = {"name": name, "group": group, "kind": kind, "causes": causes}
    return StatusError(422, f'{qualified} "{name}" is invalid: {body}', details=details)


def bad_request(message: str) -> StatusError:
    """400."""
    return StatusError(400, message)


def method_not_allowed() -> StatusError:
    """405."""
    return StatusError(405, "the server does not allow this method on the requested resource", details={})


def bad_option(kind: str, error: Any) -> StatusError:
    """422 for an option of a request, such as dryRun: *error* is a ``FieldError``."""
    return invalid(kind, "meta.k8s.io", "", [error])


def expired(message: str) -> StatusError:
    """410: the resourceVersion is older than what is still known."""
    return StatusError(410, message)


def unsupported_media(accepted: Sequence[str]) -> StatusError:
    """415."""
    text = "the body of the request was in an unknown format - accepted media types include: "
    return StatusError(415, text + ", ".join(accepted))
