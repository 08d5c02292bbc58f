"""An in-process client: requests go straight into the ASGI application, no socket, no TLS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from podlab.embedded import bootstrap
from podlab.embedded.api.app import App
from podlab.embedded.store import Store

TOKEN = "secret-of-the-tests"
HOST = "127.0.0.1:6443"


class Answer:
    """What came back."""

    def __init__(self) -> None:
        self.code = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name]


class Server:
    """An application with the objects that every cluster has."""

    def __init__(self, **options: Any) -> None:
        self.store = Store(**options)
        bootstrap.first_objects(self.store, authority="-")
        self.app = App(self.store, token=TOKEN, hosts=[HOST])

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """One request, answered whole."""
        return asyncio.run(self.asked(method, path, body, **options))

    async def asked(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        kind: str = "application/json",
        stop_after: int | None = None,
        meanwhile: Callable[[], object] = lambda: None,
        **query: Any,
    ) -> Answer:
        """
        One request; with *stop_after* the client leaves once it has that many bytes.

        What others do while the body is on its way is *meanwhile*.
        """
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"host": HOST, "authorization": f"Bearer {TOKEN}", "content-type": kind}
        sent |= {"content-length": str(len(data))} | (headers or {})
        answer, gone = Answer(), asyncio.Event()
        first = [True]

        async def receive() -> dict[str, Any]:
            if first[0]:
                first[0] = False
                meanwhile()
                return {"type": "http.request", "body": data, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.code = message["status"]
                answer.headers = [(k.decode(), v.decode()) for k, v in message["headers"]]
            else:
                answer.body += message.get("body", b"")
                if stop_after is not None and len(answer.body) >= stop_after:
                    gone.set()

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": urlencode(query, doseq=True).encode(),
            "headers": [(k.encode(), v.encode()) for k, v in sent.items() if v],
        }
        await asyncio.wait_for(self.app(scope, receive, send), 20)
        return answer


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    """A small Pod."""
    containers = [{"name": "c", "image": "busybox:1.36"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, **spec},
    }


PODS = "/api/v1/namespaces/default/pods"
