"""
A container's log over WebSocket: what ``verbs.logs`` would send as a body goes out in messages.

The protocols are ``binary.k8s.io`` (also without a name) and ``base64.binary.k8s.io``.

Source: apiserver/pkg/util/wsstream (``NewReader``, ``NewDefaultReaderProtocols``) at v1.36.3.
"""

from __future__ import annotations

import base64
import contextlib
from typing import Any

from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.request import Request, route
from podlab.embedded.api.verbs import logs
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.fault import StatusError, bad_request

BINARY, BASE64 = "binary.k8s.io", "base64.binary.k8s.io"


async def serve(backend: Backend, request: Request) -> None:
    """
    Answer one log request on its WebSocket.

    Raises:
        StatusError: When it is refused; the connection is not accepted then.
    """
    offered = request.scope.get("subprotocols") or []
    protocol = next((name for name in offered if name in (BINARY, BASE64)), None)
    if offered and protocol is None:
        raise bad_request(f"unable to upgrade: none of the protocols {offered} is supported")
    pod = find(backend.store, route(request.path)).object
    link = _Link(request, protocol)
    whole = await logs.answer(backend.store, backend.node, link.request, pod)
    with contextlib.suppress(OSError, RuntimeError):
        if whole is not None:
            if whole.code >= 400:
                raise StatusError(whole.code, whole.body.decode("utf-8", "replace"))
            await link.accept()
            await link.message(whole.body)
        await link.close()


class _Link:
    """Turns the messages of an HTTP answer into those of a WebSocket, and the other way round."""

    def __init__(self, request: Request, protocol: str | None) -> None:
        self._send, self._receive, self._protocol = request.send, request.receive, protocol
        self.request = request
        request.send, request.receive = self.send, self.receive

    async def accept(self) -> None:
        """Open the conversation."""
        await self._send({"type": "websocket.accept", "subprotocol": self._protocol})

    async def message(self, data: bytes) -> None:
        """Send bytes of the log."""
        if data and self._protocol == BASE64:
            await self._send({"type": "websocket.send", "text": base64.b64encode(data).decode()})
        elif data:
            await self._send({"type": "websocket.send", "bytes": data})

    async def close(self) -> None:
        """End the conversation."""
        await self._send({"type": "websocket.close", "code": 1000})

    async def send(self, message: dict[str, Any]) -> None:
        """Send a part of the log's HTTP answer over the WebSocket."""
        if message["type"] == "http.response.start":
            await self.accept()
        else:
            await self.message(message.get("body", b""))

    async def receive(self) -> dict[str, Any]:
        """Return the client's next message; only its leaving counts."""
        message = await self._receive()
        return {"type": "http.disconnect"} if message["type"] == "websocket.disconnect" else message
