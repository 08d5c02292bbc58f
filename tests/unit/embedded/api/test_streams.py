"""Commands in containers over WebSocket, where the connection is the trouble."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from asgi import HOST, PODS, TOKEN, Server, pod

from podlab.embedded.api.streams import serving


class Session:
    """A command that runs until it is killed."""

    def __init__(self) -> None:
        self.stdout_fd, self._theirs = os.pipe()
        self.stdin_fd = self.stderr_fd = None
        self.ended = asyncio.Event()

    async def wait(self) -> int:
        await self.ended.wait()
        return 137

    async def kill(self) -> None:
        os.close(self._theirs)
        self.ended.set()


class Node:
    """Where the command runs."""

    session: Session

    async def exec(self, *_: Any, **__: Any) -> Session:
        self.session = Session()
        return self.session


def test_a_client_that_leaves_before_it_is_accepted_leaves_no_command_behind() -> None:
    """37 of 40 such commands lived on in their container, with two descriptors each in the daemon."""
    server = Server()
    server.ask("POST", PODS, pod("p"))
    server.app.backend.node = node = Node()  # type: ignore[assignment]
    scope = {
        "type": "websocket", "path": PODS + "/p/exec", "query_string": b"command=sleep&stdout=1",
        "subprotocols": ["v5.channel.k8s.io"],
        "headers": [(b"host", HOST.encode()), (b"authorization", f"Bearer {TOKEN}".encode())],
    }  # fmt: skip

    async def whole() -> bool:
        messages = iter(["websocket.connect", "websocket.disconnect"])

        async def receive() -> dict[str, Any]:
            return {"type": next(messages)}

        async def send(_message: dict[str, Any]) -> None:
            raise OSError("the client went away")

        async with asyncio.timeout(5):
            await serving.serve(server.app.backend, server.app.authenticate, scope, receive, send)
        return node.session.ended.is_set()

    assert asyncio.run(whole())
    try:
        os.fstat(node.session.stdout_fd)
    except OSError:
        return
    raise AssertionError("the output of the command is still open")
