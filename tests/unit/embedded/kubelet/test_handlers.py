"""Probes and hooks against real servers on this machine; kubelet-rules 1.12 and 1.13."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from podlab.embedded import pki
from podlab.embedded.kubelet.handlers import HookError, Outcome, ProbeError, RuntimeHandlers
from podlab.embedded.runtime import ExecResult, RuntimeFault

Json = dict[str, Any]
POD = {"metadata": {"name": "web", "namespace": "ns", "uid": "u1"}, "spec": {}}


class LoopbackRuntime:
    """Connects on this machine; commands answer what the test says."""

    def __init__(self, result: ExecResult | None = None) -> None:
        self.result, self.commands = result, []  # type: ignore[var-annotated]

    async def node_connect(self, host: str, port: int, timeout_s: float) -> int:
        """A connected socket."""
        sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
        except BaseException:
            sock.close()
            raise
        return sock.detach()

    async def exec_sync(self, _id: str, command: list[str], timeout_s: float | None) -> ExecResult:
        """What the test says."""
        self.commands.append((command, timeout_s))
        if self.result is None:
            raise RuntimeFault("ExecError", "container is gone")
        return self.result


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(text: str) -> Talk:
    """A server that reads one request and answers, in two pieces."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head, _, body = text.partition("\r\n\r\n")
        writer.write((head + "\r\n\r\n").encode())
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(body.encode())
        writer.close()

    return talk


def probe(handler: Json, talk: Talk | None = None, *, runtime: Any = None, **settings: Any) -> Outcome:
    """The outcome of one probe; ``PORT`` in the handler is the server's."""

    async def run() -> Outcome:
        server = await asyncio.start_server(talk or says(""), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        filled = {k: {**v, "port": port} if v.get("port") == "PORT" else v for k, v in handler.items()}
        container = {"name": "app", "livenessProbe": {**filled, **settings}, "env": settings.pop("env", [])}
        async with server:
            handlers = RuntimeHandlers(runtime or LoopbackRuntime())
            return await handlers.probe(POD, container, "liveness", "c1", "127.0.0.1")

    return asyncio.run(run())


HTTP: Json = {"httpGet": {"path": "/healthz", "port": "PORT"}}


@pytest.mark.parametrize(
    ("answer", "passed", "output"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True, "ok"),
        ("HTTP/1.0 399 Odd\r\n\r\nfine", True, "Probe terminated redirects, Response body: fine"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", False, "HTTP probe failed with statuscode: 404"),
        ("HTTP/1.1 503 Busy\r\n\r\nno", False, "HTTP probe failed with statuscode: 503"),
    ],
)
def test_an_http_probe_judges_by_the_status_code(answer: str, passed: bool, output: str) -> None:
    """200 to 399 is a success, though headers and body come in two pieces."""
    outcome = probe(HTTP, says(answer))

    assert (outcome.passed, outcome.output) == (passed, output)


def test_a_redirect_to_another_host_is_a_success_with_a_warning() -> None:
    """It is not followed."""
    outcome = probe(HTTP, says("HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\n\r\nbye"))

    assert outcome == Outcome(True, "Probe terminated redirects, Response body: bye", warning=True)


def test_a_server_that_does_not_answer_in_time_has_failed() -> None:
    """With Go's text."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    outcome = probe(HTTP, silent, timeoutSeconds=0.1)

    assert not outcome.passed
    assert "context deadline exceeded (Client.Timeout exceeded while awaiting headers)" in outcome.output


@pytest.mark.parametrize("garbage", ["", "no http at all\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"])
def test_garbage_is_a_failed_probe(garbage: str) -> None:
    """And nothing worse."""
    assert not probe(HTTP, says(garbage)).passed


def test_a_probe_over_https_checks_no_certificate(tmp_path: Path) -> None:
    """As a kubelet's does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.certificate(str(tmp_path)))

    async def run() -> Outcome:
        server = await asyncio.start_server(says("HTTP/1.1 200 OK\r\n\r\nfine"), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        container = {"name": "app", "livenessProbe": {"httpGet": {"port": port, "scheme": "HTTPS"}}}
        async with server:
            handlers = RuntimeHandlers(LoopbackRuntime())  # type: ignore[arg-type]
            return await handlers.probe(POD, container, "liveness", "c1", "127.0.0.1")

    assert asyncio.run(run()) == Outcome(True, "fine")


def test_plain_http_behind_an_https_probe_is_a_failure() -> None:
    """And not an error of the probe."""
    outcome = probe({"httpGet": {"port": "PORT", "scheme": "HTTPS"}}, says("HTTP/1.1 200 OK\r\n\r\n"))

    assert not outcome.passed
    assert outcome.output.startswith('Get "https://127.0.0.1:')


def _closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_closed_port_is_refused_over_http_and_tcp() -> None:
    """Both say where they tried."""
    port = _closed_port()

    over_http = probe({"httpGet": {"path": "/x", "port": port}})
    over_tcp = probe({"tcpSocket": {"port": port}})

    where = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert over_http == Outcome(False, f'Get "http://127.0.0.1:{port}/x": {where}')
    assert over_tcp == Outcome(False, where)


def test_an_open_port_passes_a_tcp_probe() -> None:
    """Nothing needs to be said."""
    assert probe({"tcpSocket": {"port": "PORT"}}).passed


def grpc_server(status: int | None) -> Talk:
    """A server of HTTP/2 that answers a health check, in the frames of a real one."""

    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(24)
        writer.write(frame(4, 0, 0, b"\x00\x03\x00\x00\x00\x64"))
        await reader.readuntil(b"/grpc.health.v1.Health/Check")
        writer.write(frame(1, 4, 1, b"\x88"))
        if status is not None:
            message = bytes([8, status])
            writer.write(frame(0, 0, 1, b"\x00" + len(message).to_bytes(4, "big") + message))
        writer.write(frame(1, 5, 1, b"\x88"))
        await writer.drain()
        await reader.read(1000)
        writer.close()

    return talk


@pytest.mark.parametrize(
    ("status", "passed", "output"),
    [(1, True, ""), (2, False, 'service unhealthy (responded with "NOT_SERVING")')],
)
def test_a_grpc_probe_asks_for_the_health_of_the_service(status: int, passed: bool, output: str) -> None:
    """SERVING is healthy, nothing else is."""
    assert probe({"grpc": {"port": "PORT"}}, grpc_server(status)) == Outcome(passed, output)


def test_a_grpc_server_without_a_health_service_fails() -> None:
    """It answers with trailers alone."""
    assert not probe({"grpc": {"port": "PORT"}}, grpc_server(None)).passed


def test_a_grpc_server_that_is_not_there_is_waited_for() -> None:
    """gRPC tries to connect until the time is up: a refused connection is a timeout."""
    port = _closed_port()

    outcome = probe({"grpc": {"port": port}}, timeoutSeconds=0.2)

    text = f'timeout: failed to connect service "127.0.0.1:{port}" within 0.2s: context deadline exceeded'
    assert outcome == Outcome(False, text)


def test_a_server_that_speaks_no_grpc_never_connects() -> None:
    """Without the settings of HTTP/2 there is no connection."""
    outcome = probe({"grpc": {"port": "PORT"}}, says("HTTP/1.1 400 Bad Request\r\n\r\n"), timeoutSeconds=0.2)

    assert "timeout: failed to connect service" in outcome.output


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (ExecResult(0, b"fine", b""), Outcome(True, "fine")),
        (ExecResult(3, b"out ", b"err"), Outcome(False, "out err")),
        (
            ExecResult(137, b"", b"", timed_out=True),
            Outcome(False, 'command timed out: "a b" timed out after 1s'),
        ),
    ],
)
def test_an_exec_probe_judges_by_the_exit_code(result: ExecResult, expected: Outcome) -> None:
    """Too slow is a failure."""
    assert probe({"exec": {"command": ["a", "b"]}}, runtime=LoopbackRuntime(result)) == expected


def test_probe_commands_know_the_values_of_the_manifest() -> None:
    """A variable that comes from elsewhere is empty."""
    runtime = LoopbackRuntime(ExecResult(0, b"", b""))
    container = {
        "name": "app",
        "livenessProbe": {"exec": {"command": ["test", "$(A)", "$(B)", "$(C)"]}},
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}],
    }

    asyncio.run(RuntimeHandlers(runtime).probe(POD, container, "liveness", "c1", ""))  # type: ignore[arg-type]

    assert runtime.commands == [(["test", "1", "", "$(C)"], 1.0)]


def test_a_command_in_a_dead_container_tells_nothing() -> None:
    """It is an error of the probe, not a failure of the container."""
    with pytest.raises(ProbeError, match="container is gone"):
        probe({"exec": {"command": ["true"]}})


def test_a_command_that_does_not_exist_tells_nothing() -> None:
    """Nothing ran: a real kubelet gets an error from its runtime and throws the result away."""
    result = ExecResult(127, b"", b"", start_error='exec: "nope": executable file not found in $PATH')

    with pytest.raises(ProbeError, match="executable file not found"):
        probe({"exec": {"command": ["nope"]}}, runtime=LoopbackRuntime(result))


def test_a_port_that_nobody_named_tells_nothing() -> None:
    """It is looked up when the probe is made, and taken for a number at last."""
    with pytest.raises(ProbeError, match=r'strconv\.Atoi: parsing "web": invalid syntax'):
        probe({"tcpSocket": {"port": "web"}})


def test_a_failing_hook_names_container_and_pod() -> None:
    """An exec hook by its exit code, an HTTP hook only when there is no answer."""
    port = _closed_port()
    container = {"name": "app", "lifecycle": {"postStart": {"httpGet": {"path": "/started", "port": port}}}}

    with pytest.raises(HookError) as caught:
        asyncio.run(RuntimeHandlers(LoopbackRuntime()).hook(POD, container, "postStart", "c1", "127.0.0.1"))  # type: ignore[arg-type]

    where = f'Get "http://127.0.0.1:{port}/started": dial tcp 127.0.0.1:{port}: connect: connection refused'
    assert str(caught.value) == (
        f'HTTP lifecycle hook (/started) for Container "app" in Pod "web_ns(u1)" failed - error: {where}'
    )


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (
            ExecResult(3, b"out\n", b"err\n"),
            "command 'sh -c x' exited with 3: err\n, message: \"out\\nerr\\n\"",
        ),
        (
            ExecResult(127, b"", b"", start_error='exec: "sh": not found'),
            "rpc error: code = Unknown desc = failed to exec in container: "
            'exec: "sh": not found, message: ""',
        ),
    ],
)
def test_a_failing_command_of_a_hook_is_quoted(result: ExecResult, why: str) -> None:
    """What it said on stderr, then all of it."""
    container = {"name": "app", "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "x"]}}}}

    with pytest.raises(HookError) as caught:
        asyncio.run(RuntimeHandlers(LoopbackRuntime(result)).hook(POD, container, "postStart", "c1", ""))  # type: ignore[arg-type]

    head = 'Exec lifecycle hook ([sh -c x]) for Container "app" in Pod "web_ns(u1)" failed - error: '
    assert str(caught.value) == head + why


def test_a_hook_over_tcp_fails() -> None:
    """The API takes it, and there is nothing that could run it."""
    container = {"name": "app", "lifecycle": {"postStart": {"tcpSocket": {"port": 80}}}}

    with pytest.raises(HookError) as caught:
        asyncio.run(RuntimeHandlers(LoopbackRuntime()).hook(POD, container, "postStart", "c1", ""))  # type: ignore[arg-type]

    socket = "&TCPSocketAction{Port:{0 80 },Host:,}"
    handler = f"&LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{socket},Sleep:nil,}}"
    assert str(caught.value) == f"Cannot run handler: invalid handler: {handler}"


def test_a_hook_over_https_falls_back_to_plain_http() -> None:
    """With a warning."""

    async def run() -> str:
        served = []

        async def either(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            served.append(await reader.read(3))
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(either, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        hook = {"httpGet": {"path": "/bye", "port": port, "scheme": "HTTPS"}}
        container = {"name": "app", "lifecycle": {"preStop": hook}}
        async with server:
            handlers = RuntimeHandlers(LoopbackRuntime())  # type: ignore[arg-type]
            warning = await handlers.hook(POD, container, "preStop", "c1", "127.0.0.1")
        assert served[-1] == b"GET"
        return warning.replace(str(port), "PORT")

    assert asyncio.run(run()) == (
        "request to HTTPS lifecycle hook 127.0.0.1:PORT got HTTP response, retry with HTTP succeeded"
    )


@pytest.mark.parametrize(
    ("kind", "headers", "agent"),
    [
        ("livenessProbe", [], "kube-probe/1.36"),
        ("preStop", [], "kube-lifecycle/1.36"),
        ("preStop", [{"name": "user-agent", "value": "mine"}], "mine"),
    ],
)
def test_probes_and_hooks_say_who_asks(kind: str, headers: list[Json], agent: str) -> None:
    """Unless the manifest says it for them."""

    async def run() -> bytes:
        asked = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(note, "127.0.0.1", 0)
        get = {"httpGet": {"port": server.sockets[0].getsockname()[1], "httpHeaders": headers}}
        container = {"name": "app", "livenessProbe": get, "lifecycle": {"preStop": get}}
        handlers = RuntimeHandlers(LoopbackRuntime())  # type: ignore[arg-type]
        async with server:
            if kind == "preStop":
                await handlers.hook(POD, container, kind, "c1", "127.0.0.1")
            else:
                await handlers.probe(POD, container, "liveness", "c1", "127.0.0.1")
        return asked[0]

    lines = [
        line for line in asyncio.run(run()).decode().split("\r\n") if line.lower().startswith("user-agent")
    ]
    assert lines == [f"User-Agent: {agent}"]
