"""
Takes an open HTTP answer apart into lines, as few steps per line as Python allows, without ever blocking for good.

http.client frames chunk by chunk, and an API server sends each WatchEvent in a chunk of its own; at thousands a second
that framing costs more than all the rest. So the bytes are taken from the socket as they come, often many events at
once, and cut here. A pipe wakes the reader when the recording ends, and an idle stream is reported, not waited out.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


_READ_BYTES = (
    1 << 16
)  # each read allocates as much first; beyond this the allocator asks the system each time
_BATCH_PAUSE_S = 0.005  # under load, arrival times are this coarse; in quiet times they are exact
_MAX_LINE_BYTES = 64 << 20  # etcd stores at most 1.5 MB; a line without an end must not fill the memory


class StreamBroken(Exception):  # noqa: N818  (an outcome, handled by every reader; never shown)
    """The stream ended in the middle of a chunk or a line, or its framing makes no sense."""


class Unchunker:
    """Takes HTTP/1.1 chunked coding off a byte stream; ``ended`` after the last chunk."""

    def __init__(self) -> None:
        self._buffer = b""
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Return the payload that *data* completes; a chunk is given out as a whole or not at all."""
        buffer = self._buffer + data if self._buffer else data
        parts, position, length = [], 0, len(buffer)
        while not self.ended:
            header_end = buffer.find(b"\r\n", position, position + 64)
            if header_end < 0:
                if length - position >= 64:
                    raise StreamBroken("no chunk header where one was due")
                break
            size = self._size(buffer[position:header_end])
            start = header_end + 2
            if length < start + size + 2:
                break
            if size == 0:
                self.ended = True
            parts.append(buffer[start : start + size])
            position = start + size + 2
        self._buffer = buffer[position:]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @staticmethod
    def _size(header: bytes) -> int:
        try:
            size = int(header.split(b";")[0], 16)
        except ValueError as error:
            raise StreamBroken(f"no chunk size: {header[:20]!r}") from error
        if not 0 <= size <= _MAX_LINE_BYTES:
            raise StreamBroken(f"a chunk of {size} bytes")
        return size


class LineStream:
    """
    The lines of one open answer.

    Args:
        answer: With its body unread.
        wake: File descriptor that becomes readable when the recording is to end.
        idle_s: After how much silence ``batches`` yields None; may be changed on the way.
    """

    def __init__(self, answer: BaseHTTPResponse, wake: int, idle_s: float) -> None:
        self.idle_s = idle_s
        opened: Any = answer
        self._file = opened._fp.fp  # the buffered socket below http.client
        self._socket = self._file.raw._sock
        self._unchunk = Unchunker() if answer.headers.get("Transfer-Encoding", "") == "chunked" else None
        self._wake = wake
        self._poll = select.poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)
        self._poll.register(wake, select.POLLIN)
        self._pending = getattr(self._socket, "pending", lambda: 0)
        self._rest = b""
        self._first, self._read_at = True, 0.0

    def batches(self) -> Iterator[list[bytes] | None]:
        """
        Yield the whole lines of each arrival, and None whenever nothing came for ``idle_s``.

        Ends when the server ends the stream in good order, or when the recording ends.

        Raises:
            StreamBroken: The stream broke off; a half line before that is dropped.
            OSError: The connection did.
        """
        while True:
            if not self._wait():
                yield None
                continue
            if self._woken:
                return
            data = self._read()
            if not data:
                if self._rest or (self._unchunk and not self._unchunk.ended):
                    raise StreamBroken("the connection ended in the middle")
                return
            payload = self._unchunk.feed(data) if self._unchunk else data
            lines = self._cut(payload)
            if lines:
                yield lines
            if self._unchunk and self._unchunk.ended:
                if self._rest:
                    raise StreamBroken("the stream ended in the middle of a line")
                return

    def _wait(self) -> bool:
        self._woken = False
        if self._first:
            self._first = False
            if self._came_with_headers():
                return True
        if self._pending():
            return True
        events = self._poll.poll(self.idle_s * 1000)
        self._woken = any(descriptor == self._wake for descriptor, _ in events)
        return bool(events)

    def _came_with_headers(self) -> bool:
        """Return whether the buffer, where poll cannot look, holds the first part of the body already."""
        timeout_s = self._socket.gettimeout()
        self._socket.settimeout(0)
        try:
            return bool(self._file.peek(1))
        except OSError:  # TLS has a word of its own for "nothing yet"
            return False
        finally:
            self._socket.settimeout(timeout_s)

    def _read(self) -> bytes:
        now = time.monotonic()
        if now - self._read_at < _BATCH_PAUSE_S:
            time.sleep(_BATCH_PAUSE_S)
        data: bytes = self._file.read1(_READ_BYTES)
        self._read_at = time.monotonic()
        return data

    def _cut(self, payload: bytes) -> list[bytes]:
        if not payload:
            return []
        lines = (self._rest + payload if self._rest else payload).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _MAX_LINE_BYTES:
            raise StreamBroken("a line without an end")
        return lines
