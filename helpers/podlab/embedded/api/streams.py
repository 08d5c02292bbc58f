"""
exec, attach and port-forward over WebSocket: one dispatcher, and the channel protocol of the first two.

``v5.channel.k8s.io`` and ``v4.channel.k8s.io``: every binary message begins with a channel byte (0 stdin, 1
stdout, 2 stderr, 3 error, 4 resize); in v5 ``ff N`` closes channel N. The error channel carries one Status at
the end.

Source: apimachinery/pkg/util/remotecommand/constants.go, kubelet/pkg/cri/streaming/remotecommand at v1.36.3.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any

from podlab.embedded.api.codec import dumps
from podlab.embedded.api.fault import Fault, no_such_path
from podlab.embedded.api.node import choose
from podlab.embedded.api.rbac import attributes, authorizer
from podlab.embedded.api.reading import find
from podlab.embedded.api.request import Receive, Request, Send, route
from podlab.embedded.runtime import ExecSession
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.embedded.api.app import App


STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
SPDY = "SPDY/3.1+portforward.k8s.io"
CHUNK = 32 * 1024
SUCCESS: RawObject = {"metadata": {}, "status": "Success"}


class Socket:
    """One accepted WebSocket: binary messages in and out."""

    def __init__(self, receive: Receive, send: Send, protocol: str) -> None:
        self._receive, self._send, self.protocol = receive, send, protocol

    async def read(self) -> bytes | None:
        """The next message; None when the peer has gone."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        data = message.get("bytes")
        return data if data is not None else str(message.get("text") or "").encode()

    async def write(self, data: bytes) -> None:
        """
        Send one message.

        Raises:
            ConnectionError: When the peer has gone.
        """
        try:
            await self._send({"type": "websocket.send", "bytes": data})
        except OSError:
            raise ConnectionError("the client went away") from None
        except RuntimeError:
            raise ConnectionError("the connection was closed already") from None

    async def close(self) -> None:
        """End the conversation."""
        with contextlib.suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": 1000})


async def serve(app: App, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one WebSocket request."""
    if (await receive())["type"] != "websocket.connect":
        return
    try:
        request = Request(scope, receive, send)
        app.authenticate(request)
        asked = attributes.of(request)
        authorizer.require(app.store, request.user, asked)
        # An upgrade is a GET; what it does needs the right of the POST that it stands for.
        authorizer.require(app.store, request.user, asked._replace(verb="create"))
        work, protocol = await _prepare(app, request)
    except Fault as refusal:
        await _refuse(send, refusal)
        return
    # A client that has left already: the work is begun all the same, sees that nobody is there and ends what it holds.
    with contextlib.suppress(OSError, RuntimeError):
        await send({"type": "websocket.accept", "subprotocol": protocol})
    socket = Socket(receive, send, protocol or V4)
    try:
        await work(socket)
    except (ConnectionError, asyncio.CancelledError):
        return
    finally:
        await socket.close()


async def _prepare(app: App, request: Request) -> tuple[Any, str | None]:
    """
    What to do on the connection, and the subprotocol for it.

    Raises:
        Fault: When the request is refused.
    """
    where = route(request.path)
    pod = find(app.store, where).object
    offered = request.scope.get("subprotocols") or []
    if where.sub == "portforward":
        from podlab.embedded.api import portforward

        return await portforward.prepare(app, request, pod, offered)
    if where.sub not in ("exec", "attach"):
        raise no_such_path()
    chosen = next((name for name in (V5, V4) if name in offered), None)
    if offered and chosen is None:
        raise Fault(400, f"unable to upgrade: none of the protocols {offered} is supported")
    container = choose(pod, request.one("container"))
    if where.sub == "attach":
        from podlab.embedded.api import attaching

        return attaching.prepare(app, request, pod, container), chosen
    return await _prepare_exec(app, request, pod, container), chosen


async def _refuse(send: Send, refusal: Fault) -> None:
    body = dumps(refusal.status)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": refusal.code, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


# -- exec ----------------------------------------------------------------------------------------------------


async def _prepare_exec(app: App, request: Request, pod: RawObject, container: str) -> Any:
    command = request.query.get("command", [])
    if not command:
        raise Fault(400, "you must specify at least 1 command for the container")
    wants = {name: request.flag(name) for name in ("stdin", "stdout", "stderr", "tty")}
    if not (wants["stdin"] or wants["stdout"] or wants["stderr"]):
        raise Fault(400, "you must specify at least 1 of stdin, stdout, stderr")
    session = await app.node.exec(pod, container, command, stdin=wants["stdin"], tty=wants["tty"])
    return lambda socket: Exec(socket, session, command).run()


class Exec:
    """A command in a container, joined to a WebSocket."""

    def __init__(self, socket: Socket, session: ExecSession, command: list[str]) -> None:
        self.socket, self.session, self.command = socket, session, command
        self.stdin: int | None = session.stdin_fd

    async def run(self) -> None:
        """Carry the streams until the command has ended, then say how."""
        session = self.session
        if getattr(session, "start_error", ""):
            await self._finish(self._start_error(str(session.start_error)))  # type: ignore[attr-defined]
            return
        outputs = [asyncio.ensure_future(self._output(session.stdout_fd, STDOUT))]
        if session.stderr_fd is not None:
            outputs.append(asyncio.ensure_future(self._output(session.stderr_fd, STDERR)))
        given = asyncio.ensure_future(self._input())
        ended = asyncio.ensure_future(session.wait())
        try:
            await asyncio.wait({given, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():  # the client has gone: nobody will read what the command still says
                await session.kill()
                return
            # A child in the background may hold the output: the exec is over with it, or when the client leaves.
            drained = asyncio.ensure_future(asyncio.wait(outputs))
            await asyncio.wait({given, drained}, return_when=asyncio.FIRST_COMPLETED)
            await self._finish(exit_status(await ended, self.command))
        finally:
            for task in (*outputs, given, ended):
                task.cancel()
            await asyncio.gather(*outputs, given, ended, return_exceptions=True)
            self._close()

    async def _finish(self, status: RawObject) -> None:
        await self.socket.write(bytes([ERROR]) + json.dumps(status).encode())

    def _start_error(self, text: str) -> RawObject:
        name = secrets.token_hex(32)
        why = (
            "error executing command in container: failed to exec in container: failed to start exec "
            f'"{name}": {text}'
        )
        self._close()
        return {
            "metadata": {},
            "status": "Failure",
            "message": f"Internal error occurred: Internal error occurred: {why}",
            "reason": "InternalError",
            "details": {"causes": [{"message": why}]},
            "code": 500,
        }

    async def _output(self, descriptor: int, channel: int) -> None:
        while data := await read_some(descriptor):
            await self.socket.write(bytes([channel]) + data)

    async def _input(self) -> None:
        """Read the client's channels until it leaves."""
        while (message := await self.socket.read()) is not None:
            if not message:
                continue
            channel, data = message[0], message[1:]
            if channel == STDIN and self.stdin is not None and data:
                await self._feed(data)
            elif channel == CLOSE and data[:1] == b"\x00":
                self._close_stdin()
            elif channel == RESIZE:
                self._resize(data)

    async def _feed(self, data: bytes) -> None:
        try:
            await write_all(self.stdin, data)
        except OSError:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self.stdin is not None:
            with contextlib.suppress(OSError):
                os.close(self.stdin)
            self.stdin = None

    def _resize(self, data: bytes) -> None:
        with contextlib.suppress(ValueError, TypeError, AttributeError, OSError):
            size = json.loads(data)
            self.session.resize(int(size.get("Width", 0)), int(size.get("Height", 0)))

    def _close(self) -> None:
        self._close_stdin()
        for descriptor in (self.session.stdout_fd, self.session.stderr_fd):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)


def exit_status(code: int, command: list[str]) -> RawObject:
    """The Status of a command that has ended."""
    if code == 0:
        return SUCCESS
    text = f"error executing command [{' '.join(command)}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {text}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


# -- descriptors ---------------------------------------------------------------------------------------------


async def _until(descriptor: int, *, writable: bool = False) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if writable else (loop.add_reader, loop.remove_reader)

    def now() -> None:
        if not ready.done():
            ready.set_result(None)

    add(descriptor, now)
    try:
        await ready
    finally:
        remove(descriptor)


async def read_some(descriptor: int) -> bytes:
    """What can be read now, waiting for the first byte; empty at the end."""
    os.set_blocking(descriptor, False)
    while True:
        await _until(descriptor)
        try:
            return os.read(descriptor, CHUNK)
        except BlockingIOError:
            continue
        except OSError:  # a terminal whose other end is closed says EIO
            return b""


async def write_all(descriptor: int | None, data: bytes) -> None:
    """
    Write everything.

    Raises:
        OSError: When the other end is closed.
    """
    if descriptor is None:
        return
    os.set_blocking(descriptor, False)
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            await _until(descriptor, writable=True)
