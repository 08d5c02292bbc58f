"""Sockets in the network of a Pod or of the node, and rules for its kernel."""

from __future__ import annotations

import asyncio
import socket

from podlab.embedded.sandbox.runtimebase import RuntimeBase

_CONNECT_S = 10.0


class NodeSockets(RuntimeBase):
    """The runtime's network."""

    async def connect(self, sandbox_id: str, port: int, host: str = "127.0.0.1") -> int:
        """Return a connected TCP socket made in the Pod's network namespace."""
        return await self._connect(sandbox_id, host, port, _CONNECT_S)

    async def node_connect(self, host: str, port: int, timeout_s: float) -> int:
        """Return a connected TCP socket from the node. Raises OSError as connect() does."""
        return await self._connect(None, host, port, timeout_s)

    async def _connect(self, sandbox_id: str | None, host: str, port: int, timeout_s: float) -> int:
        descriptor = await self.make_socket(sandbox_id, socket.SOCK_STREAM)
        with socket.socket(fileno=descriptor) as sock:
            sock.setblocking(False)
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(sock, (host, port))
            return sock.detach()

    async def make_socket(
        self, sandbox_id: str | None, kind: int, bind: tuple[str, int] | None = None
    ) -> int:
        """
        Return an IPv4 socket in the network of a Pod, or of the node (None); bound, and listening if it is a stream.
        """
        request = {"pod": sandbox_id, "family": int(socket.AF_INET), "kind": int(kind), "bind": bind}
        _value, descriptors = await self.node.link.call_with_descriptors("socket", request)
        return descriptors[0]

    async def netfilter(self, batch: bytes, acknowledgements: int) -> list[int]:
        """Give one nftables batch to the node's kernel; the errno of every refused message."""
        arguments = {"batch": batch, "acknowledgements": acknowledgements}
        found: list[int] = await self.node.link.call("netfilter", arguments)
        return found
