"""
The API server as a bare ASGI application: authenticate, authorize, find the handler, answer; refusals become Status
objects.

It holds no state of its own: the objects are in the store, running containers belong to the node.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from podlab.embedded import fault
from podlab.embedded.api.access import auth
from podlab.embedded.api.access.rbac import attributes, authorizer
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.codec import dumps, negotiate, not_acceptable
from podlab.embedded.api.http.durations import check_timeout
from podlab.embedded.api.http.request import Receive, Request, Response, Route, Send, route
from podlab.embedded.api.nodeconnection import NodeConnection
from podlab.embedded.api.verbs import deletion, discovery, getting, patches, watching, writing
from podlab.embedded.api.verbs.webhooks.mutating import Mutating
from podlab.embedded.fault import StatusError
from podlab.embedded.store import Store

MAX_WARNINGS = 100
DEPRECATED = {"endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"}
MAX_WARNING_CHARS = 256
Extra = Callable[[Request], Awaitable[Response | None]]


class App:
    """
    The application.

    Args:
        store: Where the objects are.
        token: The bearer token that every request must carry.
        hosts: Accepted Host headers, such as ``127.0.0.1:6443``.
        node: What answers for logs, exec and port-forward.
        extra: Handlers of paths outside the Kubernetes API, by exact path.
    """

    def __init__(
        self,
        store: Store,
        *,
        token: str,
        hosts: Sequence[str],
        node: NodeConnection | None = None,
        extra: dict[str, Extra] | None = None,
    ) -> None:
        self.backend = Backend(store, [token], hosts, node or NodeConnection())
        self.mutating = Mutating(store, self.backend.node)
        self.extra = extra or {}
        self.requests = 0  # how many were answered: the idle time-out looks at it
        self.open = 0  # how many are being answered now

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] == "lifespan":
            return
        self.requests += 1
        self.open += 1
        try:
            if scope["type"] == "websocket":
                from podlab.embedded.api.streams import serving

                await serving.serve(self.backend, self.authenticate, scope, receive, send)
            else:
                await self._http(scope, receive, send)
        finally:
            self.open -= 1

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request: Request | None = None
        try:
            request = Request(scope, receive, send)
            request.mutate = self.mutating.create
            self.authenticate(request)
            response = await self.answer(request)
        except StatusError as refusal:
            response = _refusal(refusal)
        except ConnectionError:
            return
        except Exception as error:
            # A bug in podlab must not end the server, and the client that reports it must see it.
            _log(error, scope.get("path", ""))
            response = _refusal(StatusError(500, f"Internal error occurred: {type(error).__name__}: {error}"))
        if response is not None:
            await send_response(send, response, request.warnings if request else [])

    def authenticate(self, request: Request) -> None:
        """
        Set who asks.

        Raises:
            StatusError: 401 or 403.
        """
        user = auth.check(request.headers, self.backend.tokens, self.backend.hosts, self.backend.store)
        request.user = auth.acting_as(request, user, self.backend.store)

    async def answer(self, request: Request) -> Response | None:
        """
        Answer one request; None when the handler streamed its answer itself.

        Raises:
            StatusError: For every refusal.
        """
        authorizer.require(self.backend.store, request.user, attributes.of(request))
        check_timeout(request.one("timeout"))
        if request.path in self.extra:
            return await self.extra[request.path](request)
        if request.method == "GET":
            special = self._special(request)
            if special is not None:
                return special
        where = route(request.path)
        if request.method != "GET" and where.sub != "proxy":
            wanted = negotiate(
                request.headers.get("accept", "")
            )  # what cannot be answered must not be done either
            if where.kind.review and wanted.form:
                raise not_acceptable()  # a review has no metadata to make a row of
        if where.kind.review:
            from podlab.embedded.api.verbs import reviews

            return await reviews.answer(self.backend, request, where)
        return await self.resource(request, where)

    def _special(self, request: Request) -> Response | None:
        path = request.path.rstrip("/") or "/"
        if path.removesuffix("/ping") in ("/healthz", "/readyz", "/livez"):
            check = path.removesuffix("/ping").removeprefix("/")
            text = f"[+]ping ok\n{check} check passed\n" if "verbose" in request.query else "ok"
            return Response(text.encode(), kind="text/plain; charset=utf-8")
        if path == "/version":
            return Response(dumps(discovery.version()))
        if path.startswith("/openapi/v"):
            from podlab.embedded.api.verbs import openapi

            return openapi.answer_v2(request) if path == "/openapi/v2" else openapi.answer(request)
        if path == "/":
            return Response(
                dumps(
                    {
                        "paths": [
                            "/api",
                            "/api/v1",
                            "/apis",
                            "/healthz",
                            "/openapi/v2",
                            "/openapi/v3",
                            "/version",
                        ]
                    }
                )
            )
        if path in ("/api", "/apis") and "as=APIGroupDiscoveryList" in request.headers.get("accept", ""):
            return Response(dumps(discovery.aggregated(path == "/api")), kind=discovery.AGGREGATED)
        found = discovery.plain(path, self.backend.hosts[0])
        return None if found is None else Response(dumps(found))

    async def resource(self, request: Request, where: Route) -> Response | None:
        """Answer a request about objects."""
        if where.sub and where.sub != "status":
            if where.sub == "proxy":
                from podlab.embedded.api.streams import proxying

                return await proxying.answer(self.backend, request, where)
            from podlab.embedded.api.verbs import subresources

            return await subresources.answer(self.backend, request, where)
        if where.kind.resource in DEPRECATED:
            request.warnings.append(DEPRECATED[where.kind.resource])
        handler = _HANDLERS.get((request.method, bool(where.name)))
        if handler is None or (where.kind.empty and request.method != "GET"):
            raise fault.method_not_allowed()
        if request.method == "GET" and request.flag("watch"):
            await watching.watch(self.backend.store, request, where)
            return None
        found = handler(self.backend.store, request, where)
        return found if isinstance(found, Response) else await found


_HANDLERS: dict[tuple[str, bool], Callable[[Store, Request, Route], Response | Awaitable[Response]]] = {
    ("GET", True): getting.get,
    ("GET", False): getting.list_,
    ("POST", False): writing.create,
    ("PUT", True): writing.update,
    ("PATCH", True): patches.patch,
    ("DELETE", True): deletion.delete,
    ("DELETE", False): deletion.delete_collection,
}


def _refusal(refusal: StatusError) -> Response:
    headers = (("www-authenticate", 'Bearer realm="podlab"'),) if refusal.code == 401 else ()
    return Response(dumps(refusal.status), refusal.code, headers=headers)


def _log(error: Exception, path: str) -> None:
    import sys
    import traceback

    if os.environ.get("PODLAB_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    else:
        print(f"podlab: {path}: {type(error).__name__}: {error}", file=sys.stderr)


async def send_response(send: Send, response: Response, warnings: Sequence[str] = ()) -> None:
    """Send a whole answer."""
    headers = [
        (b"content-type", response.kind.encode()),
        (b"content-length", str(len(response.body)).encode()),
        (b"cache-control", b"no-cache, private"),
        (b"x-content-type-options", b"nosniff"),
    ]
    headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in response.headers]
    headers += [(b"warning", _warning(text)) for text in list(dict.fromkeys(warnings))[:MAX_WARNINGS]]
    await send({"type": "http.response.start", "status": response.code, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _warning(text: str) -> bytes:
    """Return a Warning header, RFC 7234: code 299, an unnamed agent, the text quoted."""
    clean = "".join(c if c.isprintable() else "?" for c in text)[:MAX_WARNING_CHARS]
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'.encode("ascii", "replace")


__all__ = ["App", "negotiate"]
