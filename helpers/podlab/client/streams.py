"""
exec and port-forward: WebSockets whose messages begin with a channel number.

    exec           0 stdin, 1 stdout, 2 stderr, 3 a Status object at the end; 255 closes a channel (v5 only)
    port-forward   0 data, 1 error text; the first message of each holds the port number
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from podlab.client import failures, resources
from podlab.client.transport import CONNECT_TIMEOUT_S, Transport
from podlab.client.types import ExecOutput
from podlab.errors import ApiError, ConnectionLostError, WaitTimeoutError

_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
_CHUNK = 32768
UPGRADE_S = 30.0
"""From the first packet to the answer 101: the API server asks the node, and the node its runtime, before that one."""


def connect(transport: Transport, path: str, params: Sequence[tuple[str, str]], timeout_s: float) -> Any:
    """
    Return an open WebSocket to *path*.

    Raises:
        ApiError: If the server refused the upgrade; its Status is kept.
        ConnectionLostError: If it could not be reached.
    """
    import websocket

    url = transport.config.server.replace("http", "ws", 1) + path + "?" + urlencode(params)
    for last in (False, True):
        transport.take_turn()
        generation = transport.credentials.generation
        try:
            return websocket.create_connection(
                url,
                timeout=timeout_s,
                header=[f"{name}: {value}" for name, value in transport.credentials.headers().items()],
                subprotocols=_PROTOCOLS,
                sslopt=_ssl_options(transport),
                suppress_origin=True,
                enable_multithread=True,
                **_proxy_options(transport),
            )
        except websocket.WebSocketBadStatusException as error:
            if error.status_code == 401 and not last and transport.credentials.renew(generation):
                continue
            raise _refused(path, error) from error
        except (websocket.WebSocketException, OSError) as error:
            raise failures.lost(transport.config.server, "GET", path, error) from error
    raise AssertionError("the loop above returns or raises")


def _ssl_options(transport: Transport) -> dict[str, Any]:
    context = transport.ssl_context()
    if context is None:
        return {}
    options: dict[str, Any] = {"context": context, "check_hostname": context.check_hostname}
    options["cert_reqs"] = context.verify_mode if context.check_hostname else ssl.CERT_NONE
    name = transport.config.cluster.get("tls-server-name")
    if name:
        options["server_hostname"] = name
    return options


def _proxy_options(transport: Transport) -> dict[str, Any]:
    proxy = transport.proxy()
    if not proxy:
        return {"http_no_proxy": ["*"]}
    url = urlsplit(proxy)
    return {
        "http_proxy_host": url.hostname,
        "http_proxy_port": url.port or 80,
        "proxy_type": url.scheme if url.scheme.startswith("socks") else "http",
        "http_proxy_auth": (url.username, url.password) if url.username else None,
    }


def _refused(path: str, error: Any) -> ApiError:
    body = getattr(error, "resp_body", b"") or b""
    status = failures.status_of(body if isinstance(body, bytes) else str(body).encode())
    status.setdefault("code", error.status_code)
    return failures.refusal("GET", path, error.status_code, status)


def run(
    transport: Transport,
    namespace: str,
    pod: str,
    command: Sequence[str],
    *,
    container: str | None,
    stdin: bytes | None,
    timeout_s: float,
) -> ExecOutput:
    """Run *command* in the container and gather its output; see ``Client.exec``."""
    import websocket

    params = [("command", part) for part in command] + [("stdout", "true"), ("stderr", "true")]
    params += [("container", container)] if container else []
    params += [("stdin", "true")] if stdin is not None else []
    path = resources.path("pods", namespace, pod) + "/exec"
    end_at = time.monotonic() + timeout_s
    socket_ = connect(transport, path, params, min(timeout_s, UPGRADE_S))
    output = {1: bytearray(), 2: bytearray(), 3: bytearray()}
    try:
        if stdin is not None:
            _send_stdin(socket_, stdin)
        while not output[3]:
            left_s = end_at - time.monotonic()
            if left_s <= 0:
                raise _too_slow(pod, command, timeout_s)
            socket_.settimeout(left_s)
            opcode, data = socket_.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                break
            if data and data[0] in output:
                output[data[0]] += data[1:]
    except websocket.WebSocketTimeoutException as error:
        raise _too_slow(pod, command, timeout_s) from error
    except websocket.WebSocketConnectionClosedException:
        pass  # judged below: without a Status the connection was lost
    except (websocket.WebSocketException, OSError) as error:
        raise failures.lost(transport.config.server, "GET", path, error) from error
    finally:
        with suppress(Exception):
            socket_.close(timeout=1)
    return ExecOutput(
        output[1].decode("utf-8", "replace"),
        output[2].decode("utf-8", "replace"),
        _exit_code(transport, path, bytes(output[3])),
    )


def _send_stdin(socket_: Any, stdin: bytes) -> None:
    for start in range(0, len(stdin), _CHUNK):
        socket_.send_binary(b"\0" + stdin[start : start + _CHUNK])
    if socket_.getsubprotocol() == _PROTOCOLS[0]:
        socket_.send_binary(b"\xff\0")  # only v5 can say that stdin is at its end


def _too_slow(pod: str, command: Sequence[str], timeout_s: float) -> WaitTimeoutError:
    return WaitTimeoutError(
        f"the command in Pod {pod} had not ended after {timeout_s:g} s",
        cause="command: " + " ".join(command)[:200],
        hint="give it more time with timeout_s, or a command that ends by itself",
    )


def _exit_code(transport: Transport, path: str, status_text: bytes) -> int:
    if not status_text:
        raise ConnectionLostError(
            f"the API server {transport.config.server} stopped answering (exec)",
            cause="the connection ended before the command's exit code came",
            hint="the container may have stopped: podlab watch shows its state",
        )
    status = json.loads(status_text)  # it has no "kind", so failures.status_of would not know it
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise failures.refusal("GET", path, int(status.get("code", 500)), status)


# -- port-forward ----------------------------------------------------------------------------------------


@contextmanager
def forward(transport: Transport, namespace: str, pod: str, port: int) -> Iterator[int]:
    """Yield a local port; each connection to it becomes a WebSocket. See ``Client.port_forward``."""
    path = resources.path("pods", namespace, pod) + "/portforward"
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_carry, args=(transport, path, port, peer), daemon=True).start()

    threading.Thread(target=accept, name="podlab-port-forward", daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _carry(transport: Transport, path: str, port: int, peer: socket.socket) -> None:
    """Carry one local connection; any failure ends it as a reset would, which is what its client expects."""
    with suppress(Exception), peer:
        remote = connect(transport, path, [("ports", str(port))], CONNECT_TIMEOUT_S)
        remote.settimeout(None)

        def outward() -> None:
            with suppress(Exception):
                while data := peer.recv(_CHUNK):
                    remote.send_binary(b"\0" + data)
            # Neither protocol can half-close; give the answer a moment, then let go.
            time.sleep(1.0)
            with suppress(Exception):
                remote.close(timeout=1)

        threading.Thread(target=outward, daemon=True).start()
        try:
            _inward(remote, peer)
        finally:
            peer.shutdown(socket.SHUT_RDWR)  # wakes outward(), whose recv would keep the connection open


def _inward(remote: Any, peer: socket.socket) -> None:
    import websocket

    greeted: set[int] = set()
    while True:
        opcode, data = remote.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE or not data:
            return
        channel, payload = data[0], data[1:]
        if channel not in greeted:
            greeted.add(channel)
            payload = payload[2:]  # the port number, little-endian, opens each channel
        if channel == 1 and payload:
            return
        if channel == 0 and payload:
            peer.sendall(payload)


__all__ = ["connect", "forward", "run"]
