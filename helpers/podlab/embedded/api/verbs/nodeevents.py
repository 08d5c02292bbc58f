"""
``/podlab/v1/node-events?pod_uid=``: the node's own exact record, as JSON lines of a recording's ``node``
form.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from podlab.embedded.api.http.codec import dumps
from podlab.embedded.api.http.request import Request, Response


class _Events(Protocol):
    def of(self, pod_uid: str | None) -> list[dict[str, Any]]:
        """Return the kept events of one Pod, or of all."""


class _Runtime(Protocol):
    @property
    def events(self) -> _Events:
        """The record."""


def handler(runtime: _Runtime) -> Callable[[Request], Awaitable[Response | None]]:
    """Return the handler for one runtime."""

    async def answer(request: Request) -> Response:
        found = runtime.events.of(request.one("pod_uid") or None)
        lines = b"".join(dumps(entry) + b"\n" for entry in found)
        return Response(lines, kind="application/x-ndjson")

    return answer
