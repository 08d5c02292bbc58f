"""
Serve the application over HTTPS on a socket that is bound already.

asyncio's TLS keeps a buffer of 256 kB for each connection, 86 MB for 300 watchers; 16 kB are as fast
(measured).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from podlab.embedded.api.http.connection import App, Connection, Hub

TLS_BUFFER = 16 * 1024
HEADERS_S = 32  # from the connection, or a request's first byte, to the end of its headers; upstream's bound
MAX_WEBSOCKET_MESSAGE = 4 * 1024 * 1024


def tls(cert: str, key: str) -> ssl.SSLContext:
    """Return a server context: TLS 1.2 and up, HTTP/1.1 only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on 127.0.0.1; port 0 lets the kernel choose."""
    # asyncio sets TCP_NODELAY only where the protocol is said; without it the second part of a stream waits 40 ms for
    # the client's delayed ACK of the first.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(1024)
    sock.setblocking(False)
    return sock


class Server:
    """A running server; ``close`` ends it with all its connections."""

    def __init__(
        self, app: App, sock: socket.socket, context: ssl.SSLContext, *, headers_s: float = HEADERS_S
    ) -> None:
        self.app, self.sock, self.context, self.headers_s = app, sock, context, headers_s
        self.port: int = sock.getsockname()[1]
        self._hub = Hub(app)
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Begin to answer."""
        asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER  # type: ignore[attr-defined]
        await self.listen_on(self.sock)

    async def listen_on(self, sock: socket.socket) -> asyncio.Server:
        """Answer on one more listening socket, until the server or this way to it is closed."""
        loop = asyncio.get_running_loop()
        made = await loop.create_server(
            self._connection, sock=sock, ssl=self.context, ssl_handshake_timeout=10
        )
        self._servers.append(made)
        return made

    def stop_listening(self, way: asyncio.Server) -> None:
        """Answer no more on a socket of *listen_on*; its connections go on."""
        way.close()
        if way in self._servers:
            self._servers.remove(way)

    def _connection(self) -> Connection:
        return Connection(self._hub, self._websocket, self.headers_s)

    def _websocket(self) -> Any:
        """Return the protocol of a connection that becomes a WebSocket: uvicorn's, loaded with the first of them."""
        from uvicorn.config import Config
        from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

        config = Config(
            self.app, http="httptools", ws="none", lifespan="off", log_config=None, proxy_headers=False,
            interface="asgi3", ws_max_size=MAX_WEBSOCKET_MESSAGE, ws_ping_interval=None, log_level="critical",
        )  # fmt: skip
        return WSProtocol(config=config, server_state=self._hub, app_state={})

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._hub.connections)

    async def close(self) -> None:
        """Stop listening and end every connection; streams are cancelled."""
        for server in self._servers:
            server.close()
        for connection in list(self._hub.connections):
            connection.shutdown()
        tasks = list(self._hub.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        for connection in list(self._hub.connections):
            connection.transport.abort()
        self.sock.close()
