"""
Connections to one server, each kept for the next request: http.client with a pool around it.

urllib3 does the same and much more, and is used where a proxy stands between; loading it takes longer than all else
that a script does to make an embedded cluster and a Pod. What is here answers to the same names.
"""

from __future__ import annotations

import http.client
import select
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

KEPT_MOST, KEPT_S = 32, 90.0
"""How many connections are kept, and for how long: client-go's time. A firewall may drop an older one in silence."""


class Answer:
    """One answer, its body unread."""

    def __init__(
        self, pool: Pool, connection: http.client.HTTPConnection, raw: http.client.HTTPResponse
    ) -> None:
        self.status, self.headers = raw.status, raw.headers
        self._fp = raw  # by the name that urllib3 gives it: the recorder reads the socket below
        self._pool, self._connection = pool, connection

    def read(self, size: int | None = None) -> bytes:
        """The body, or its first *size* bytes."""
        return self._fp.read(size)

    def stream(self, size: int, decode_content: bool = False) -> Iterator[bytes]:
        """
        Parts of the body as they come, each at most *size* bytes.

        Raises:
            HTTPException: It broke off.
        """
        while part := self._fp.read1(size):
            yield part
        if self._fp.length:
            raise http.client.IncompleteRead(b"", self._fp.length)

    def release_conn(self) -> None:
        """The body has been read: keep the connection, unless the server closes it."""
        if self._fp.isclosed() and not self._fp.will_close:
            self._pool.keep(self._connection)
        else:
            self.close()

    def close(self) -> None:
        """End the connection, whatever is still to come."""
        self._fp.close()
        self._connection.close()


class Pool:
    """
    Requests to one server, safe to share between threads.

    Args:
        server: ``https://host:port``; a path behind it is the caller's to repeat.
        context: TLS settings; None over plain http.
        name: The name that the certificate must bear, if that is not the host's.
    """

    def __init__(self, server: str, context: ssl.SSLContext | None, name: str | None = None) -> None:
        parts = urlsplit(server)
        self._host, self._port = parts.hostname or "", parts.port
        self._context, self._name = context, name or self._host
        self._lock = threading.Lock()
        self._kept: list[tuple[float, http.client.HTTPConnection]] = []

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        connect_s: float,
        read_s: float | None,
    ) -> Answer:
        """
        Send one request and return its answer with the body unread.

        Raises:
            OSError: The server could not be reached, or was silent for *read_s*.
            HTTPException: What came is no answer.
        """
        connection = self._take()
        try:
            if connection is None:
                connection = self._connect(connect_s)
            connection.sock.settimeout(read_s)
            connection.request(method, target, body, dict(headers))
            return Answer(self, connection, connection.getresponse())
        except BaseException:
            if connection is not None:
                connection.close()
            raise

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        port = self._port or (443 if self._context else 80)
        connection = http.client.HTTPConnection(self._host, port, timeout=timeout_s)
        try:
            connection.connect()
        except UnicodeError as error:
            raise OSError(f"{self._host} is not a valid host name: {error}") from error
        if self._context:
            # Not HTTPSConnection: the certificate's name can be another than the host's.
            try:
                connection.sock = self._context.wrap_socket(connection.sock, server_hostname=self._name)
            except BaseException:
                connection.close()
                raise
        connection.auto_open = 0  # a connection that was closed is not opened again behind our back
        return connection

    def _take(self) -> http.client.HTTPConnection | None:
        """A kept connection that the server has not closed, or None."""
        while True:
            with self._lock:
                if not self._kept:
                    return None
                since, connection = self._kept.pop()
            if time.monotonic() - since < KEPT_S and not _has_news(connection.sock):
                return connection
            connection.close()

    def keep(self, connection: http.client.HTTPConnection) -> None:
        """Use it again later."""
        with self._lock:
            if connection.sock is not None and len(self._kept) < KEPT_MOST:
                self._kept.append((time.monotonic(), connection))
                return
        connection.close()


def _has_news(sock: Any) -> bool:
    """Whether there is something to read: between two answers that is the server's good-bye."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
