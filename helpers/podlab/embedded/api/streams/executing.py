"""exec: a command in a running container, joined to a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import Awaitable, Callable

from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.request import Request
from podlab.embedded.api.streams.channels import (
    CLOSE,
    RESIZE,
    STDERR,
    STDIN,
    STDOUT,
    SUCCESS,
    Socket,
    read_some,
    write_all,
)
from podlab.embedded.fault import StatusError
from podlab.embedded.runtime import ExecSession
from podlab.pods.raw import RawObject


async def prepare(
    backend: Backend, request: Request, pod: RawObject, container: str
) -> Callable[[Socket], Awaitable[None]]:
    """
    Start the command; the result carries its streams over a connection.

    Raises:
        StatusError: 400 or 500, when the command cannot be started.
    """
    command = request.query.get("command", [])
    if not command:
        raise StatusError(400, "you must specify at least 1 command for the container")
    wants = {name: request.flag(name) for name in ("stdin", "stdout", "stderr", "tty")}
    if not (wants["stdin"] or wants["stdout"] or wants["stderr"]):
        raise StatusError(400, "you must specify at least 1 of stdin, stdout, stderr")
    session = await backend.node.exec(pod, container, command, stdin=wants["stdin"], tty=wants["tty"])
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
        await self.socket.finish(status)

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
    """Return the Status of a command that has ended."""
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
