"""
WebSocket requests: authenticate, authorize, then exec, attach or port-forward on the accepted connection.

One dispatcher: ``executing``, ``attaching`` and ``portforward`` prepare the work, and may refuse it, before the
connection is accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from podlab.embedded.api.access.rbac import attributes, authorizer
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.codec import dumps
from podlab.embedded.api.http.request import Receive, Request, Send, route
from podlab.embedded.api.nodeconnection import choose
from podlab.embedded.api.streams import attaching, executing, logstream, portforward
from podlab.embedded.api.streams.channels import OLDEST, PROTOCOLS, Socket
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.fault import StatusError, no_such_path


async def serve(
    backend: Backend,
    authenticate: Callable[[Request], None],
    scope: dict[str, Any],
    receive: Receive,
    send: Send,
) -> None:
    """Answer one WebSocket request; *authenticate* sets its user, or raises StatusError."""
    if (await receive())["type"] != "websocket.connect":
        return
    try:
        request = Request(scope, receive, send)
        authenticate(request)
        asked = attributes.of(request)
        authorizer.require(backend.store, request.user, asked)
        if route(request.path).sub == "log":
            await logstream.serve(backend, request)
            return
        # An upgrade is a GET; what it does needs the right of the POST that it stands for.
        authorizer.require(backend.store, request.user, asked._replace(verb="create"))
        work, protocol = await _prepare(backend, request)
    except StatusError as refusal:
        await _refuse(send, refusal)
        return
    # The client has left already: the work begins, notices that, and releases its resources.
    with contextlib.suppress(OSError, RuntimeError):
        await send({"type": "websocket.accept", "subprotocol": protocol})
    socket = Socket(receive, send, protocol or OLDEST)
    try:
        await work(socket)
    except (ConnectionError, asyncio.CancelledError):
        return
    finally:
        await socket.close()


async def _prepare(backend: Backend, request: Request) -> tuple[Any, str | None]:
    """
    Return what to do on the connection, and the subprotocol for it.

    Raises:
        StatusError: When the request is refused.
    """
    where = route(request.path)
    pod = find(backend.store, where).object
    offered = request.scope.get("subprotocols") or []
    if where.sub == "portforward":
        return await portforward.prepare(backend, request, pod, offered)
    if where.sub not in ("exec", "attach"):
        raise no_such_path()
    chosen = next((name for name in offered if name in PROTOCOLS), None)
    if offered and chosen is None:
        raise StatusError(400, f"unable to upgrade: none of the protocols {offered} is supported")
    container = choose(pod, request.one("container"))
    if where.sub == "attach":
        return attaching.prepare(backend, request, pod, container), chosen
    return await executing.prepare(backend, request, pod, container), chosen


async def _refuse(send: Send, refusal: StatusError) -> None:
    body = dumps(refusal.status)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": refusal.code, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
