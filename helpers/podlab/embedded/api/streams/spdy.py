"""
SPDY/3.1 frames inside WebSocket messages: how kubectl forwards ports.

Only what the tunnel needs: SYN_STREAM is answered, data and FIN are carried, PING is echoed, the rest is
ignored. Each connection is two streams with one ``requestID``: ``error`` and ``data``. Nothing depends on
flow control: the client neither sends nor expects window updates.

Source: SPDY draft 3.1; client-go/tools/portforward/tunneling_connection.go at v1.36.3. ``spdy.dict`` is the
draft's header dictionary.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket as sockets
import zlib
from typing import Any

from podlab.embedded.api.streams import channels
from podlab.embedded.api.streams.podsockets import connect, refusal_text
from podlab.pods.raw import RawObject

SYN_STREAM, SYN_REPLY, RST_STREAM, PING = 1, 2, 3, 6
FIN = 0x01
MAX_FRAME = 1 << 20
MAX_HEADERS = 64 * 1024
MAX_STREAMS = 4096
NO_HEADERS = bytes(4)


class SpdyError(ValueError):
    """The client sent something other than an SPDY frame of a tunnel."""


def control(kind: int, flags: int, payload: bytes) -> bytes:
    """Return a control frame."""
    return (0x80030000 | kind).to_bytes(4, "big") + bytes([flags]) + len(payload).to_bytes(3, "big") + payload


def data_frame(stream: int, flags: int, payload: bytes = b"") -> bytes:
    """Return a data frame."""
    return stream.to_bytes(4, "big") + bytes([flags]) + len(payload).to_bytes(3, "big") + payload


class Frames:
    """Cuts a byte stream into frames and reads header blocks."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        with open(os.path.join(os.path.dirname(__file__), "spdy.dict"), "rb") as file:
            self._inflate = zlib.decompressobj(zdict=file.read())
        # One stream for all replies of the connection; the client does not ask for the dictionary in it.
        self._deflate = zlib.compressobj()

    def feed(self, data: bytes) -> list[tuple[int, int, int, bytes]]:
        """
        Whole frames as (control kind or 0, stream or 0, flags, payload).

        Raises:
            SpdyError: For a frame that is too long.
        """
        self._buffer += data
        frames = []
        while len(self._buffer) >= 8:
            size = int.from_bytes(self._buffer[5:8], "big")
            if size > MAX_FRAME:
                raise SpdyError("a frame is too long")
            if len(self._buffer) < 8 + size:
                break
            head, payload = bytes(self._buffer[:8]), bytes(self._buffer[8 : 8 + size])
            del self._buffer[: 8 + size]
            word = int.from_bytes(head[:4], "big")
            kind, stream = (word & 0xFFFF, 0) if word >> 31 else (0, word)
            frames.append((kind, stream, head[4], payload))
        return frames

    def reply(self, stream: int) -> bytes:
        """Return a SYN_REPLY without headers."""
        block = self._deflate.compress(NO_HEADERS) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_REPLY, 0, stream.to_bytes(4, "big") + block)

    def headers(self, block: bytes) -> dict[str, str]:
        """
        Return the headers of a SYN_STREAM.

        Raises:
            SpdyError: When they cannot be read.
        """
        try:
            text = self._inflate.decompress(block, MAX_HEADERS)
        except zlib.error as error:
            raise SpdyError(f"headers: {error}") from None
        found: dict[str, str] = {}
        at = 4
        for _ in range(min(int.from_bytes(text[:4], "big"), 100)):
            pair = []
            for _ in range(2):
                size = int.from_bytes(text[at : at + 4], "big")
                pair.append(text[at + 4 : at + 4 + size].decode("utf-8", "replace"))
                at += 4 + size
            found[pair[0].lower()] = pair[1]
        return found


class ForwardedConnection:
    """One forwarded connection: its two streams and its socket."""

    def __init__(self) -> None:
        self.error_stream = 0
        self.data_stream = 0
        self.link: sockets.socket | None = None
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=256)


class Tunnel:
    """All connections of one port-forward."""

    def __init__(self, node: Any, pod: RawObject, socket: channels.Socket) -> None:
        self.node, self.pod, self.socket = node, pod, socket
        self.frames = Frames()
        self.connections: dict[str, ForwardedConnection] = {}
        self.by_stream: dict[int, ForwardedConnection] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Carry frames until the client leaves or talks nonsense."""
        try:
            while (message := await self.socket.read()) is not None:
                for kind, stream, flags, payload in self.frames.feed(message):
                    await self._frame(kind, stream, flags, payload)
        except SpdyError:
            return
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _frame(self, kind: int, stream: int, flags: int, payload: bytes) -> None:
        if kind == SYN_STREAM:
            await self._open(int.from_bytes(payload[:4], "big") & 0x7FFFFFFF, payload[10:])
        elif kind == PING:
            await self.socket.write(control(PING, 0, payload))
        elif kind == RST_STREAM:
            self._drop(int.from_bytes(payload[:4], "big") & 0x7FFFFFFF)
        elif kind == 0 and stream in self.by_stream:
            connection = self.by_stream[stream]
            if stream == connection.data_stream:
                if payload:
                    await connection.waiting.put(payload)
                if flags & FIN:
                    await connection.waiting.put(None)

    async def _open(self, stream: int, block: bytes) -> None:
        headers = self.frames.headers(block)
        if len(self.by_stream) >= MAX_STREAMS:
            raise SpdyError("too many streams")
        await self.socket.write(self.frames.reply(stream))
        connection = self.connections.setdefault(headers.get("requestid", ""), ForwardedConnection())
        self.by_stream[stream] = connection
        if headers.get("streamtype") == "error":
            connection.error_stream = stream
            return
        connection.data_stream = stream
        port = headers.get("port", "")
        work = self._carry(headers.get("requestid", ""), connection, int(port) if port.isdigit() else 0)
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _drop(self, stream: int) -> None:
        connection = self.by_stream.pop(stream, None)
        if connection is not None and stream == connection.data_stream and connection.link is not None:
            with contextlib.suppress(OSError):
                connection.link.shutdown(sockets.SHUT_RDWR)

    async def _carry(self, name: str, connection: ForwardedConnection, port: int) -> None:
        try:
            connection.link = await connect(self.node, self.pod, port)
            upwards = asyncio.ensure_future(self._upwards(connection))
            try:
                await self._downwards(connection)
            finally:
                upwards.cancel()
        except OSError as error:
            text = refusal_text(self.pod, port, error)
            await self.socket.write(data_frame(connection.error_stream, 0, text.encode()))
        finally:
            if connection.link is not None:
                connection.link.close()
            with contextlib.suppress(ConnectionError):
                await self.socket.write(data_frame(connection.data_stream, FIN))
                await self.socket.write(data_frame(connection.error_stream, FIN))
            self.connections.pop(name, None)
            self.by_stream.pop(connection.data_stream, None)
            self.by_stream.pop(connection.error_stream, None)

    async def _downwards(self, connection: ForwardedConnection) -> None:
        loop = asyncio.get_running_loop()
        link = connection.link
        with contextlib.suppress(ConnectionResetError):
            while link is not None and (data := await loop.sock_recv(link, channels.CHUNK)):
                await self.socket.write(data_frame(connection.data_stream, 0, data))

    async def _upwards(self, connection: ForwardedConnection) -> None:
        loop = asyncio.get_running_loop()
        link = connection.link
        with contextlib.suppress(OSError):
            while link is not None and (data := await connection.waiting.get()) is not None:
                await loop.sock_sendall(link, data)
            if link is not None:
                link.shutdown(sockets.SHUT_WR)
