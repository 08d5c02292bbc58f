"""
Port-forward over WebSocket, in both forms that clients use.

``v4.channel.k8s.io`` (the Python client): two channels for each port of the query, data and error, each
opened with the port number. ``SPDY/3.1+portforward.k8s.io`` (kubectl): whole SPDY frames inside the messages,
see ``spdy``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
from typing import Any

from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.request import Request
from podlab.embedded.api.streams import channels, spdy
from podlab.embedded.api.streams.podsockets import connect, refusal_text
from podlab.embedded.fault import StatusError
from podlab.pods.raw import RawObject

MAX_PORTS = 64
CHANNELS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "portforward.k8s.io")


async def prepare(
    backend: Backend, request: Request, pod: RawObject, offered: list[str]
) -> tuple[Any, str | None]:
    """
    Return what to do on the connection, and the subprotocol.

    Raises:
        StatusError: 400, when the Pod does not run or the ports cannot be read.
    """
    if channels.SPDY in offered:
        return (lambda socket: spdy.Tunnel(backend.node, pod, socket).run()), channels.SPDY
    try:
        ports = [int(part) for text in request.query.get("ports", []) for part in text.split(",")]
    except ValueError:
        ports = []
    if not ports or len(ports) > MAX_PORTS or not all(0 < port < 65536 for port in ports):
        raise StatusError(400, 'query parameter "ports" is required')
    chosen = next((name for name in CHANNELS if name in offered), None)
    return (lambda socket: Channels(backend.node, pod, socket, ports).run()), chosen


class Channels:
    """Channel ``2i`` carries the data of the i-th port, ``2i+1`` its errors."""

    def __init__(self, node: Any, pod: RawObject, socket: channels.Socket, ports: list[int]) -> None:
        self.node, self.pod, self.socket, self.ports = node, pod, socket, ports
        self.links: dict[int, sockets.socket] = {}

    async def run(self) -> None:
        """Open all ports, then carry bytes until the client leaves."""
        tasks = []
        try:
            for place, port in enumerate(self.ports):
                number = port.to_bytes(2, "little")
                await self.socket.write(bytes([2 * place]) + number)
                await self.socket.write(bytes([2 * place + 1]) + number)
                tasks.append(asyncio.ensure_future(self._open(place, port)))
            await asyncio.gather(*tasks)
            await self._input()
        finally:
            for task in tasks:
                task.cancel()
            for link in self.links.values():
                link.close()

    async def _open(self, place: int, port: int) -> None:
        try:
            self.links[place] = await connect(self.node, self.pod, port)
        except OSError as error:
            text = refusal_text(self.pod, port, error)
            await self.socket.write(bytes([2 * place + 1]) + text.encode())
            return
        self.output = asyncio.ensure_future(self._output(place, self.links[place]))

    async def _output(self, place: int, link: sockets.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(link, channels.CHUNK):
                await self.socket.write(bytes([2 * place]) + data)
        if len(self.ports) == 1:
            await self.socket.close()  # the only way that this protocol has to say "end of data"

    async def _input(self) -> None:
        loop = asyncio.get_running_loop()
        while (message := await self.socket.read()) is not None:
            link = self.links.get(message[0] // 2) if message and message[0] % 2 == 0 else None
            if link is not None:
                with contextlib.suppress(OSError):
                    await loop.sock_sendall(link, message[1:])
