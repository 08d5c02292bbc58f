"""One HTTP request: its parts, its body with a bound, and where its path leads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import parse_qs

from podlab.embedded.api.resources import Kind, kind_of
from podlab.embedded.api.users import NOBODY, User
from podlab.embedded.fault import StatusError, bad_request, no_such_path
from podlab.pods.raw import RawObject

BODY_S = 60.0  # how long a body may take; upstream's time for a whole request
MAX_BODY = 3 * 1024 * 1024  # bytes; upstream's limit for a request body

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Response:
    """A whole answer; ``kind`` is its media type."""

    __slots__ = ("body", "code", "headers", "kind")

    def __init__(
        self,
        body: bytes,
        code: int = 200,
        kind: str = "application/json",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.body, self.code, self.kind, self.headers = body, code, kind, headers


class Route:
    """
    Where a path under ``/api/v1`` or ``/apis/G/V`` leads; empty strings for what it does not name.

    ``tail`` is what follows a subresource, with its slashes.
    """

    __slots__ = ("kind", "name", "namespace", "sub", "tail")

    def __init__(self, kind: Kind, namespace: str, name: str, sub: str, tail: str) -> None:
        self.kind, self.namespace, self.name, self.sub, self.tail = kind, namespace, name, sub, tail


class Mutate(Protocol):
    """Returns a new object as the cluster's webhooks leave it; what they warn of is added to *warnings*."""

    async def __call__(
        self, kind: Kind, obj: RawObject, user: User, warnings: list[str], *, dry: bool = False
    ) -> RawObject: ...


class Request:
    """
    The request that a handler gets.

    ``warnings`` collects texts for ``Warning`` headers of the answer; ``user`` is who asks, once that is known.
    """

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["path"]
        self.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        if scope.get(
            "subprotocols"
        ):  # a WebSocket's, which its library keeps apart; a token may be among them
            self.headers["sec-websocket-protocol"] = ", ".join(scope["subprotocols"])
        self.query: dict[str, list[str]] = _query(scope.get("query_string", b""))
        self.warnings: list[str] = []
        self.user: User = NOBODY
        self.mutate: Mutate | None = None  # who is asked about new objects

    def all(self, header: str) -> list[str]:
        """Every value of a header that may stand there more than once; *header* in lower case."""
        name = header.encode()
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    def one(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter, with the spellings that Go accepts."""
        return self.one(name).lower() in ("true", "1", "t")

    def number(self, name: str) -> int | None:
        """
        Return a whole-number query parameter, or None where it is missing.

        Raises:
            StatusError: 400 for a value that is not a number.
        """
        text = self.one(name)
        if not text:
            return None
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
        return int(text)

    async def body(self) -> bytes:
        """
        Return the whole body.

        Raises:
            StatusError: 413 above ``MAX_BODY``, 504 when it does not end within ``BODY_S``.
        """
        try:
            async with asyncio.timeout(BODY_S):
                return await self._body()
        except TimeoutError:
            text = "Timeout: request did not complete within the allotted timeout"
            raise StatusError(504, text, details={}) from None

    async def _body(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the client went away")
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > MAX_BODY:
                raise StatusError(413, f"Request entity too large: limit is {MAX_BODY}")
            if not message.get("more_body"):
                return b"".join(chunks)


def _query(raw: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=1000)
    except (UnicodeDecodeError, ValueError):
        raise bad_request("the query cannot be read") from None


def route(path: str) -> Route:
    """
    Take a resource path apart.

    Raises:
        StatusError: 404 where it leads nowhere.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2 and parts[1] == "v1":
        group, rest = "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3 and parts[2] == "v1":
        group, rest = parts[1], parts[3:]
    else:
        raise no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
        if not namespace:  # not all of them
            raise no_such_path()
    kind = kind_of(group, rest[0])
    name, sub = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
    if kind is None or (namespace and not kind.namespaced) or (kind.namespaced and name and not namespace):
        raise no_such_path()
    if (
        (sub and sub not in kind.subresources)
        or (len(rest) > 3 and sub != "proxy")
        or (len(rest) > 1 and not name)
    ):
        raise no_such_path()
    after = path.lstrip("/").split("/")[len(parts) - len(rest) + 3 :]
    return Route(kind, namespace, name, sub, "/" + "/".join(after) if after else "")
