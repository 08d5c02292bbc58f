"""
How refusals and lost connections turn into errors of three lines:
what, why (the server's own words), what to try.
"""

from __future__ import annotations

import json
from typing import Any

from podlab.errors import ApiError, ConflictError, ConnectionLostError, GoneError, NotFoundError

_BY_CODE: dict[int, type[ApiError]] = {404: NotFoundError, 409: ConflictError, 410: GoneError}

# Reasons of the Status object that have one thing to try. The rest speak for themselves.
_HINTS = {
    "Unauthorized": "renew the credentials of this context, or make the cluster again: podlab up",
    "NotFound": "check the name and the namespace; podlab events shows what happened there",
    "AlreadyExists": "delete the old one first, or choose another name",
    "Conflict": "read the object again and repeat the change",
    "Expired": "list again, then watch from the new resourceVersion",
    "Gone": "list again, then watch from the new resourceVersion",
    "Invalid": "correct the field that is named above",
    "TooManyRequests": "wait a moment and try again",
}


def status_of(body: bytes) -> dict[str, Any]:
    """Return the Status object in *body*, or an imitation that carries the text; never fails."""
    try:
        status = json.loads(body)
    except ValueError:
        return {"message": body[:2000].decode("utf-8", "replace").strip()}
    if isinstance(status, dict) and status.get("kind") == "Status":
        return status
    return {"message": body[:2000].decode("utf-8", "replace").strip()}


def refusal(method: str, path: str, code: int, status: dict[str, Any]) -> ApiError:
    """Return the error for an answer other than success; *status* is the Status object of the server."""
    reason = str(status.get("reason", "")) or f"HTTP {code}"
    kind = _BY_CODE.get(code, ApiError)
    return kind(
        f"the API server refused {method} {path}: {reason} ({code})",
        cause=str(status.get("message") or "the server gave no message"),
        hint=_hint(reason, str(status.get("message", ""))),
        status=status,
        code=code,
    )


def _hint(reason: str, message: str) -> str | None:
    if "is being terminated" in message:
        return "wait until the namespace is gone, or use another"
    if "serviceaccount" in message and "not found" in message:
        if 'serviceaccount "default"' in message:
            return "the namespace was made a moment ago: wait a second and try again"
        return "create that ServiceAccount, or name one that exists in this namespace"
    if "strict decoding error" in message or "cannot be handled as" in message:
        return "correct the field that is named above"
    return _HINTS.get(reason)


def lost(server: str, method: str, path: str, error: BaseException) -> ConnectionLostError:
    """Return the error for a connection that could not be made or that broke."""
    return ConnectionLostError(
        f"the API server {server} stopped answering ({method} {path})",
        cause=_plain(error),
        hint="podlab status shows whether the cluster is running",
    )


def broken() -> tuple[type[Exception], ...]:
    """Return what a connection that breaks raises."""
    import http.client

    from urllib3.exceptions import HTTPError

    return OSError, http.client.HTTPException, HTTPError


def _plain(error: BaseException) -> str:
    """Return the innermost reason of urllib3's nested errors, with its class where the text says little."""
    while getattr(error, "reason", None) and isinstance(getattr(error, "reason", None), BaseException):
        error = error.reason  # type: ignore[attr-defined]
    text = str(error.__cause__ or error) or type(error).__name__
    return text.split("object at 0x")[0] + text.split("): ", 1)[-1] if "object at 0x" in text else text
