"""
The channel protocol of exec and attach over WebSocket, and reading and writing of descriptors without blocking.

``v5.channel.k8s.io`` and ``v4.channel.k8s.io``: every binary message begins with a channel byte (0 stdin, 1
stdout, 2 stderr, 3 error, 4 resize); in v5 ``ff N`` closes channel N. The error channel carries one Status at
the end. The oldest, ``channel.k8s.io``, carries a text there, and only for a failure. The ``base64.`` forms put the
same into text messages: the channel as a digit, the rest in base64.

Source: apimachinery/pkg/util/remotecommand/constants.go, kubelet/pkg/cri/streaming/remotecommand/websocket.go,
apiserver's wsstream at v1.36.3.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os

from podlab.embedded.api.http.request import Receive, Send
from podlab.pods.raw import RawObject

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
V5, V4, OLDEST = "v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"
# In the order in which the server would choose.
PROTOCOLS = (V5, V4, f"v4.base64.{OLDEST}", OLDEST, f"base64.{OLDEST}")
SPDY = "SPDY/3.1+portforward.k8s.io"
CHUNK = 32 * 1024
SUCCESS: RawObject = {"metadata": {}, "status": "Success"}


class Socket:
    """One accepted WebSocket: messages of bytes in and out; its protocol may encode them."""

    def __init__(self, receive: Receive, send: Send, protocol: str) -> None:
        self._receive, self._send, self.protocol = receive, send, protocol
        self._in_text = "base64" in protocol

    async def read(self) -> bytes | None:
        """Return the next message; None when the peer has gone."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        data = message.get("bytes")
        data = data if data is not None else str(message.get("text") or "").encode()
        return _from_text(data) if self._in_text else data

    async def write(self, data: bytes) -> None:
        """
        Send one message.

        Raises:
            ConnectionError: When the peer has gone.
        """
        body: dict[str, object] = {"text": _to_text(data)} if self._in_text else {"bytes": data}
        try:
            await self._send({"type": "websocket.send", **body})
        except OSError:
            raise ConnectionError("the client went away") from None
        except RuntimeError:
            raise ConnectionError("the connection was closed already") from None

    async def finish(self, status: RawObject) -> None:
        """
        Send how it ended on the error channel: the Status, or, to the oldest protocols, the text of a failure.

        Raises:
            ConnectionError: When the peer has gone.
        """
        if self.protocol not in (OLDEST, f"base64.{OLDEST}"):
            await self.write(bytes([ERROR]) + json.dumps(status).encode())
        elif status != SUCCESS:
            await self.write(bytes([ERROR]) + str(status.get("message", "")).encode())

    async def close(self) -> None:
        """End the conversation."""
        with contextlib.suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": 1000})


def _to_text(data: bytes) -> str:
    """Return a message of the ``base64.`` protocols."""
    return f"{data[0]}{base64.b64encode(data[1:]).decode()}" if data else ""


def _from_text(data: bytes) -> bytes:
    """Return the channel and bytes of such a message; one that cannot be read is empty."""
    try:
        return bytes([int(data[:1])]) + base64.b64decode(data[1:], validate=True)
    except ValueError:
        return b""


async def _until(descriptor: int, *, writable: bool = False) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if writable else (loop.add_reader, loop.remove_reader)

    def now() -> None:
        if not ready.done():
            ready.set_result(None)

    add(descriptor, now)
    try:
        await ready
    finally:
        remove(descriptor)


async def read_some(descriptor: int) -> bytes:
    """Return what can be read now, waiting for the first byte; empty at the end."""
    os.set_blocking(descriptor, False)
    while True:
        await _until(descriptor)
        try:
            return os.read(descriptor, CHUNK)
        except BlockingIOError:
            continue
        except OSError:  # a terminal whose other end is closed says EIO
            return b""


async def write_all(descriptor: int | None, data: bytes) -> None:
    """
    Write everything.

    Raises:
        OSError: When the other end is closed.
    """
    if descriptor is None:
        return
    os.set_blocking(descriptor, False)
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            await _until(descriptor, writable=True)
