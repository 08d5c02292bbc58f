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
from typing import TYPE_CHECKING, Any

from podlab.embedded.api import streams
from podlab.embedded.api.fault import Fault
from podlab.embedded.api.request import Request
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.embedded.api.app import App


MAX_PORTS = 64
CHANNELS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "portforward.k8s.io")


async def prepare(app: App, request: Request, pod: RawObject, offered: list[str]) -> tuple[Any, str | None]:
    """
    What to do on the connection, and the subprotocol.

    Raises:
        Fault: 400, when the Pod does not run or the ports cannot be read.
    """
    if streams.SPDY in offered:
        from podlab.embedded.api import spdy

        return (lambda socket: spdy.Tunnel(app.node, pod, socket).run()), streams.SPDY
    try:
        ports = [int(part) for text in request.query.get("ports", []) for part in text.split(",")]
    except ValueError:
        ports = []
    if not ports or len(ports) > MAX_PORTS or not all(0 < port < 65536 for port in ports):
        raise Fault(400, 'query parameter "ports" is required')
    chosen = next((name for name in CHANNELS if name in offered), None)
    return (lambda socket: Channels(app.node, pod, socket, ports).run()), chosen


async def connect(node: Any, pod: RawObject, port: int) -> sockets.socket:
    """
    A connected, non-blocking socket to a port on the Pod's localhost.

    Raises:
        OSError: As connect() does, or ConnectionRefusedError in place of a refusal by the node.
    """
    try:
        descriptor = await node.connect(pod, port)
    except Fault as refusal:
        raise ConnectionRefusedError(str(refusal)) from None
    found = sockets.socket(fileno=descriptor)
    found.setblocking(False)
    return found


def refusal_text(pod: RawObject, port: int, error: OSError) -> str:
    """What the kubelet says when the port does not answer."""
    name = f"{pod['metadata']['name']}_{pod['metadata']['namespace']}"
    reason = "connection refused" if isinstance(error, ConnectionRefusedError) else str(error)
    return (
        f"error forwarding port {port} to pod {pod['metadata']['uid']}, uid : failed to execute portforward in "
        f'network namespace of "{name}": failed to connect to localhost:{port} inside namespace: '
        f"dial tcp4 127.0.0.1:{port}: connect: {reason}"
    )


class Channels:
    """Channel ``2i`` carries the data of the i-th port, ``2i+1`` its errors."""

    def __init__(self, node: Any, pod: RawObject, socket: streams.Socket, ports: list[int]) -> None:
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
            while data := await loop.sock_recv(link, streams.CHUNK):
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
