"""The pool of connections, against a server of a few lines that does exactly what it is told."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from podlab.client import connections
from podlab.client.connections import Answer, Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[Sequence[Sequence[bytes]]], Pool]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a script: for each connection, the answers that it gives before it closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run(script: Sequence[Sequence[bytes]]) -> None:
            for answers in script:
                connection, _ = listener.accept()
                with connection:
                    for answer in answers:
                        connection.recv(65536)
                        connection.sendall(answer)

        def start(script: Sequence[Sequence[bytes]]) -> Pool:
            threading.Thread(target=run, args=(script,), daemon=True).start()
            return Pool(f"http://127.0.0.1:{listener.getsockname()[1]}", None)

        yield start


def ask(pool: Pool) -> Answer:
    """One GET."""
    return pool.request("GET", "/", None, {}, connect_s=5, read_s=5)


def whole(pool: Pool) -> bytes:
    """One GET, its body, and the connection given back."""
    answer = ask(pool)
    body = answer.read()
    answer.release_conn()
    return body


def test_a_connection_is_used_again(serve: Serve) -> None:
    """The script has one connection only: a second one would never be answered."""
    pool = serve([[OK, OK]])
    assert (whole(pool), whole(pool)) == (b"ok", b"ok")


def test_a_connection_that_the_server_closed_meanwhile_is_not(serve: Serve) -> None:
    """Servers close idle connections, and the next request must not pay for it."""
    pool = serve([[OK], [OK]])
    assert whole(pool) == b"ok"
    assert select.select([pool._kept[0][1].sock], [], [], 10)[0]  # the server's good-bye has come
    assert whole(pool) == b"ok"


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall or a load balancer may have forgotten it, and says nothing: the request would time out."""
    pool = serve([[OK], [OK]])
    assert whole(pool) == b"ok"
    idle = pool._kept[0][1].sock
    later = time.monotonic() + connections.KEPT_S
    monkeypatch.setattr(connections.time, "monotonic", lambda: later)
    assert (whole(pool), idle.fileno()) == (b"ok", -1)


def test_a_connection_is_not_kept_where_the_server_says_so(serve: Serve) -> None:
    """``Connection: close`` may arrive before the closing does."""
    pool = serve([[OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")], [OK]])
    assert (whole(pool), whole(pool)) == (b"ok", b"ok")


@pytest.mark.parametrize(
    "broken",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    ],
)
def test_a_body_that_breaks_off_is_an_error(serve: Serve, broken: bytes) -> None:
    """Half a body must not pass for a whole one, read at once or as it comes."""
    pool = serve([[broken], [broken]])
    with pytest.raises(http.client.HTTPException):
        ask(pool).read()
    with pytest.raises(http.client.HTTPException):
        list(ask(pool).stream(65536))
