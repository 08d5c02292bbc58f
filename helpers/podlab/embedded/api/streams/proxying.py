"""
``pods/NAME/proxy``, ``services/NAME/proxy`` and ``nodes/NAME/proxy``: a page of a Pod through the API server.

NAME is ``name``, ``name:port`` or ``scheme:name:port``; the port of a Service is its number or name. Upgrades to
WebSocket are not carried. ``pagelinks`` leads the links of a page back through here.

Source: apimachinery/pkg/util/{net/port_split.go,proxy/upgradeaware.go} and the ResourceLocation of pods and services in
pkg/registry/core at v1.36.3.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, NamedTuple

from podlab.embedded import fault
from podlab.embedded.addresses import DNS_SERVICE
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.codec import dumps
from podlab.embedded.api.http.request import Request, Response, Route
from podlab.embedded.api.streams import pagelinks
from podlab.embedded.api.verbs.endpoints import endpoint
from podlab.embedded.api.verbs.getting import find
from podlab.embedded.fault import StatusError
from podlab.embedded.store import Store

CONNECT_S = 30.0
CHUNK = 64 * 1024
MOST_PAGE = 4 * 1024 * 1024  # bytes of a page whose links are rewritten; of a larger one they stay
# RFC 9110 7.6.1, and what is between the client and this server alone.
NOT_CARRIED = frozenset((
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"host", b"authorization", b"content-length",
))  # fmt: skip


# What this node does of a KubeletConfiguration; a field that is missing says nothing.
CONFIGURATION = {
    "kind": "KubeletConfiguration",
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "clusterDNS": [DNS_SERVICE],
    "clusterDomain": "cluster.local",
    "maxPods": 110,
    "containerLogMaxSize": "10Mi",
    "containerLogMaxFiles": 2,
    "nodeLeaseDurationSeconds": 40,
}


class Target(NamedTuple):
    """Where a request goes."""

    scheme: str
    host: str
    port: int


async def answer(backend: Backend, request: Request, route: Route) -> Response | None:
    """
    Carry a request to its target and the answer back.

    Raises:
        StatusError: 400 for a name that cannot be read, 404, or 503 when nobody answers.
    """
    path = route.tail
    if not path and request.method in ("GET", "HEAD"):
        query = request.scope.get("query_string", b"").decode("latin-1")
        where = f"{request.path}/" + (f"?{query}" if query else "")
        return Response(b"", 301, headers=(("location", where),))
    if route.kind.resource == "nodes":
        return _of_node(backend, route, path)
    target = locate(backend.store, route)
    try:
        await _Exchange(backend, request, target, path).run()
    except OSError as error:
        why = (
            "connection refused"
            if isinstance(error, ConnectionRefusedError)
            else error.strerror or str(error)
        )
        text = f"error trying to reach service: dial tcp {target.host}:{target.port}: connect: {why}"
        raise StatusError(503, text) from None
    return None


def split(text: str) -> tuple[str, str, str]:
    """
    Scheme, name and port of what a path names; empty where it does not say.

    Raises:
        StatusError: 400.
    """
    parts = text.split(":")
    scheme, name, port = (parts if len(parts) == 3 else ["", *parts, ""])[:3]
    if len(parts) > 3 or not name or scheme not in ("", "http", "https"):
        raise fault.bad_request(f'invalid request "{text}"')
    return scheme or "http", name, port


def locate(store: Store, route: Route) -> Target:
    """
    Return the address that a path names.

    Raises:
        StatusError: 404 or 503 without a Pod that answers.
    """
    scheme, name, port = split(route.name)
    place = Route(route.kind, route.namespace, name, "", "")
    obj = find(store, place).object
    if route.kind.resource == "services":
        return Target(scheme, *endpoint(store, obj, port))
    address = (obj.get("status") or {}).get("podIP", "")
    if not address:
        raise fault.bad_request("address not allowed")
    declared = [str(p["containerPort"]) for c in obj["spec"]["containers"] for p in c.get("ports") or ()]
    chosen = port or (declared[0] if declared else "443" if scheme == "https" else "80")
    if not chosen.isdigit() or not 0 < int(chosen) < 65536:
        raise fault.bad_request(f'invalid pod request "{route.name}"')
    return Target(scheme, address, int(chosen))


def _of_node(backend: Backend, route: Route, path: str) -> Response:
    """Return the four pages of a kubelet that are served here."""
    _, name, _ = split(route.name)
    find(backend.store, Route(route.kind, "", name, "", ""))
    if path.startswith("/healthz"):
        return Response(b"ok", kind="text/plain; charset=utf-8")
    if path.rstrip("/") in ("/pods", "/runningpods"):
        pods = [pod for pod in backend.store.list("pods") if pod["spec"].get("nodeName") == name]
        if path.startswith("/runningpods"):
            pods = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
        return Response(dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}))
    if path.rstrip("/") == "/configz":
        return Response(dumps({"kubeletconfig": CONFIGURATION}))
    return Response(b"404 page not found\n", 404, "text/plain; charset=utf-8")


class _Exchange:
    """One request to a target and its answer; the parser's callbacks collect the data to forward."""

    def __init__(self, backend: Backend, request: Request, target: Target, path: str) -> None:
        self.backend, self.request, self.target, self.path = backend, request, target, path
        self.headers: list[tuple[bytes, bytes]] = []
        self.out: list[bytes] = []
        self.begun = self.complete = self.page = False

    async def run(self) -> None:
        """
        Send the request, stream the answer; what the client or the Pod breaks off is over.

        Raises:
            OSError: When no connection comes about, or it ends before an answer began.
        """
        reader, writer = await self._connect()
        try:
            await self._send(writer)
            answer = asyncio.ensure_future(self._receive(reader))
            gone = asyncio.ensure_future(self._until_gone())
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            for task in (answer, gone):
                if not task.done():
                    task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answer
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        runtime = self.backend.node.runtime
        if runtime is None:
            raise StatusError(503, "no kubelet runs on this server")
        try:
            descriptor = await runtime.node_connect(self.target.host, self.target.port, CONNECT_S)
        except TimeoutError:
            raise OSError(110, "i/o timeout") from None
        sock = socket.socket(fileno=descriptor)
        sock.setblocking(False)
        context = None
        if self.target.scheme == "https":
            from podlab.embedded.kubelet.httpget import no_checks

            context = no_checks()
        return await asyncio.open_connection(sock=sock, ssl=context, server_hostname="" if context else None)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        from urllib.parse import quote

        body = await self.request.body()
        query = self.request.scope.get("query_string", b"")
        line = quote(self.path or "/", safe="/:@!$&'()*+,;=~-._").encode() + (b"?" + query if query else b"")
        carried = [
            (key, value)
            for key, value in self.request.scope["headers"]
            if key.lower() not in NOT_CARRIED and not key.lower().startswith(b"impersonate-")
        ]
        host = f"{self.target.host}:{self.target.port}".encode()
        carried += [
            (b"host", host),
            (b"connection", b"close"),
            (b"x-forwarded-uri", self.request.path.encode()),
        ]
        if body or self.request.method in ("POST", "PUT", "PATCH"):
            carried.append((b"content-length", str(len(body)).encode()))
        head = b"".join(key + b": " + value + b"\r\n" for key, value in carried)
        writer.write(self.request.method.encode() + b" " + line + b" HTTP/1.1\r\n" + head + b"\r\n" + body)
        await writer.drain()

    async def _until_gone(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            continue

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        import httptools

        parser = httptools.HttpResponseParser(self)
        while not self.complete:
            data = await reader.read(CHUNK)
            if not data:
                break
            try:
                parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise OSError(71, f"malformed HTTP response: {error}") from None
            await self._pass_on(parser)
        if not self.begun:
            raise OSError(104, "EOF")
        if self.page:
            self._rewrite()
            await self._begin(parser.get_status_code())
        await self.request.send({"type": "http.response.body", "body": b"".join(self.out)})

    async def _pass_on(self, parser: Any) -> None:
        code = parser.get_status_code()
        if not self.begun and self.headers_done and code >= 200:
            self.begun, self.page = True, self._is_page()
            if not self.page:
                await self._begin(code)
        if self.page and sum(map(len, self.out)) > MOST_PAGE:
            self.page = False
            await self._begin(code)
        if self.begun and not self.page and self.out and not self.complete:
            await self.request.send(
                {"type": "http.response.body", "body": b"".join(self.out), "more_body": True}
            )
            self.out.clear()

    async def _begin(self, code: int) -> None:
        await self.request.send({"type": "http.response.start", "status": code, "headers": self._shown()})

    def _is_page(self) -> bool:
        """Return whether the answer may hold links; one that is compressed is not looked into."""
        headers = dict(self.headers)
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip()
        return kind == b"text/html" and b"content-encoding" not in headers and self.request.method != "HEAD"

    def _rewrite(self) -> None:
        host = self.request.headers.get("host", "")
        hosts = frozenset((host, f"{self.target.host}:{self.target.port}"))
        self.out = [pagelinks.rewritten(b"".join(self.out), self._prefix, hosts)]
        self.headers = [(key, value) for key, value in self.headers if key != b"content-length"]
        self.headers.append((b"content-length", str(len(self.out[0])).encode()))

    @property
    def _prefix(self) -> str:
        """The path under which the target is reached."""
        return self.request.path.removesuffix(self.path)

    def _shown(self) -> list[tuple[bytes, bytes]]:
        """
        Return the headers of the answer as the client gets them; a redirect of the target leads back through here.
        """
        own = (f"{self.target.scheme}://{self.target.host}:{self.target.port}/").encode()
        prefix = self._prefix.encode() + b"/"
        shown = []
        for key, value in self.headers:
            inside = key == b"location" and value.startswith((own, b"/")) and not value.startswith(b"//")
            if key not in NOT_CARRIED or key == b"content-length":
                shown.append((key, prefix + value.removeprefix(own).lstrip(b"/") if inside else value))
        return shown

    # -- what httptools calls ---------------------------------------------------------------------------------

    headers_done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.headers_done = True

    def on_body(self, body: bytes) -> None:
        self.out.append(body)

    def on_message_complete(self) -> None:
        self.complete = True
