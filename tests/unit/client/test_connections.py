"""Connections are kept and given up as they should be, against a server of a few lines that does what it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from podlab.client import Client, Kubeconfig, transport
from podlab.errors import ConnectionLostError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HALVES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
]
Serve = Callable[[Sequence[Sequence[bytes]]], tuple[Client, threading.Thread]]


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

        def start(script: Sequence[Sequence[bytes]]) -> tuple[Client, threading.Thread]:
            thread = threading.Thread(target=run, args=(script,), daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            return Client(Kubeconfig(url, "script", "lab", {"server": url}, {})), thread

        yield start


def test_a_connection_is_used_again(serve: Serve) -> None:
    """The script has one connection only: a second one would never be answered."""
    client, _ = serve([[OK, OK]])

    assert (client.text("/"), client.text("/")) == ("ok", "ok")


def test_an_old_connection_is_left_behind(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server closes what has long been idle, perhaps just while the next request is under way."""
    monkeypatch.setattr(transport, "_POOL_AGE_S", 0.0)
    client, _ = serve([[OK, b"the old one\r\n\r\n"], [OK]])

    assert (client.text("/"), client.text("/")) == ("ok", "ok")


def test_a_connection_that_the_server_closed_meanwhile_is_not(serve: Serve) -> None:
    """Servers close idle connections, and the next request must not pay for it."""
    client, first = serve([[OK]])
    assert client.text("/") == "ok"
    first.join(10)  # the server's good-bye is under way

    again, _ = serve([[OK]])  # the same address
    assert again.server == client.server
    assert client.text("/") == "ok"


def test_a_connection_is_not_kept_where_the_server_says_so(serve: Serve) -> None:
    """``Connection: close`` may arrive before the closing does."""
    client, _ = serve([[OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")], [OK]])

    assert (client.text("/"), client.text("/")) == ("ok", "ok")


@pytest.mark.parametrize("half", HALVES)
def test_a_body_that_breaks_off_is_an_error(serve: Serve, half: bytes) -> None:
    """Half a body must not pass for a whole one, read at once or as it comes."""
    client, _ = serve([[half], [half]])

    with pytest.raises(ConnectionLostError):
        client.text("/")
    with pytest.raises(ConnectionLostError), client.lines("/") as lines:
        list(lines)


def test_an_idle_connection_is_probed(serve: Serve) -> None:
    """Else a firewall forgets it in silence, and the next request waits for its whole timeout."""
    client, _ = serve([[OK.replace(b"ok", b"o")]])

    with client.stream("/") as answer:
        sock = answer._fp.fp.raw._sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_host_that_can_have_no_name_is_a_lost_connection() -> None:
    """A label of more than 63 characters is no address anywhere."""
    url = f"http://{'x' * 64}.example"
    client = Client(Kubeconfig(url, "script", "lab", {"server": url}, {}))

    with pytest.raises(ConnectionLostError):
        client.version()
