"""
Serve the application over HTTPS on a socket that is bound already: uvicorn's protocol classes on our own
loop.

uvicorn's ``Server`` is left out: it takes the signals, and looks every 100 ms whether to stop. Its package
import is kept off the start path too: it loads the command line, a quarter of the whole import. The WebSocket
library is loaded at the first upgrade.

asyncio's TLS keeps a buffer of 256 kB for each connection, 86 MB for 300 watchers; 16 kB are as fast
(measured).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

TLS_BUFFER = 16 * 1024
KEEP_ALIVE_S = 120  # Go's client keeps an idle connection for 90 s
MAX_HEADER_BYTES = 64 * 1024
HEADERS_S = 32  # from the connection, or a request's first byte, to the end of its headers; upstream's bound
MAX_WEBSOCKET_MESSAGE = 4 * 1024 * 1024


def _load_uvicorn() -> None:
    """Put uvicorn's package in place without running its ``__init__``, which imports its command line."""
    if "uvicorn" not in sys.modules:
        spec = find_spec("uvicorn")
        if spec is None:
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
        package = sys.modules["uvicorn"] = module_from_spec(spec)
        # Its configuration imports logging.config, and with it sockets and pickle, for a feature that is off
        # here.
        without = "logging.config" not in sys.modules
        sys.modules.setdefault("logging.config", ModuleType("logging.config"))
        from uvicorn.config import Config

        if without:
            del sys.modules["logging.config"]
        package.Config = Config  # type: ignore[attr-defined]  # what its own modules import from it


def tls(cert: str, key: str) -> ssl.SSLContext:
    """A server context: TLS 1.2 and up, HTTP/1.1 only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def listen(port: int = 0) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 lets the kernel choose."""
    # asyncio sets TCP_NODELAY only where the protocol is said; without it an answer, whose head and body are two
    # writes, waits 40 ms for the client's delayed ACK.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(1024)
    sock.setblocking(False)
    return sock


class Server:
    """A running server; ``close`` ends it with all its connections."""

    def __init__(
        self, app: Any, sock: socket.socket, context: ssl.SSLContext, *, headers_s: float = HEADERS_S
    ) -> None:
        self.app, self.sock, self.context, self.headers_s = app, sock, context, headers_s
        self.port: int = sock.getsockname()[1]
        self._state: Any = None
        self._make: Any = None
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Begin to answer."""
        _load_uvicorn()
        from uvicorn.config import Config
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
        from uvicorn.server import ServerState

        asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER  # type: ignore[attr-defined]
        config = Config(
            self.app, http=HttpToolsProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
            proxy_headers=False, server_header=False, date_header=False, interface="asgi3",
            timeout_keep_alive=KEEP_ALIVE_S, ws_max_size=MAX_WEBSOCKET_MESSAGE, ws_ping_interval=None,
            log_level="critical",
        )  # fmt: skip
        config.load()
        config.ws_protocol_class = _websocket
        self._state = ServerState()
        loop, headers_s = asyncio.get_running_loop(), self.headers_s

        class Bounded(HttpToolsProtocol):  # type: ignore[misc]
            """
            Refuses a request whose headers do not end: they are kept before anybody is authenticated, and so is
            a connection on which they do not come.
            """

            _header_bytes = 0
            _patience: asyncio.TimerHandle | None = None

            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                self._await_headers()

            def connection_lost(self, exc: Exception | None) -> None:
                self._headers_came()
                super().connection_lost(exc)

            def on_message_begin(self) -> None:
                self._header_bytes = 0
                if self._patience is None:
                    self._await_headers()
                super().on_message_begin()

            def on_headers_complete(self) -> None:
                self._headers_came()
                super().on_headers_complete()

            def _await_headers(self) -> None:
                self._patience = loop.call_later(headers_s, self.transport.close)

            def _headers_came(self) -> None:
                if self._patience is not None:
                    self._patience.cancel()
                    self._patience = None

            def on_url(self, url: bytes) -> None:
                self._count(len(url))
                super().on_url(url)

            def on_header(self, name: bytes, value: bytes) -> None:
                self._count(len(name) + len(value))
                super().on_header(name, value)

            def _count(self, size: int) -> None:
                self._header_bytes += size
                if self._header_bytes > MAX_HEADER_BYTES:
                    self.transport.close()
                    raise ValueError("the headers are too long")

        self._make = lambda: Bounded(config=config, server_state=self._state, app_state={}, _loop=loop)
        await self.listen_on(self.sock)

    async def listen_on(self, sock: socket.socket) -> None:
        """Answer on one more listening socket."""
        loop = asyncio.get_running_loop()
        self._servers.append(
            await loop.create_server(self._make, sock=sock, ssl=self.context, ssl_handshake_timeout=10)
        )

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._state.connections) if self._state else 0

    async def close(self) -> None:
        """Stop listening and end every connection; streams are cancelled."""
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections if self._state else ()):
            connection.shutdown()
        tasks = list(self._state.tasks if self._state else ())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        for connection in list(self._state.connections if self._state else ()):
            connection.transport.abort()
        self.sock.close()


def _websocket(**arguments: Any) -> Any:
    """Make a WebSocket protocol; the library is imported now, at the first upgrade."""
    from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

    return WSProtocol(**arguments)
