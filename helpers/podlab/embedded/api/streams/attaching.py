"""
``kubectl attach`` and ``kubectl run -it``: join the streams of a running container.

What was written before is not shown, as on a real node, but for a container that is less than a second old (see
``catchup``); a container without ``stdin: true`` takes no input.
With ``stdinOnce`` the container's stdin ends when the first client's does; without, that client is done then and the
container waits for the next one.

Source: ``ContainerIO.Attach`` in internal/cri/io/container_io.go of containerd 2.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import struct
import termios
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from podlab.embedded import clock
from podlab.embedded.api.backend import Backend
from podlab.embedded.api.http.request import Request
from podlab.embedded.api.streams import catchup, channels
from podlab.embedded.fault import StatusError, bad_request
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods import roles
from podlab.pods.raw import RawObject

POLL_S = 0.04
MAX_QUEUED_BYTES = 4 << 20  # what a slow client may be behind; the log has what he misses
Attached = tuple[int | None, Callable[[], None], Callable[[], None]]


class Attaching(Protocol):
    """The method that attach needs of a runtime beyond the kubelet's seam."""

    def attach(self, container_id: str, on_output: Callable[[bytes, bytes], None]) -> Attached:
        """Stdin, what closes it, what ends the subscription."""

    def unlogged(self, container_id: str) -> list[tuple[bytes, bytes]]:
        """(stream, bytes) that wait for the end of their line."""


def prepare(
    backend: Backend, request: Request, pod: RawObject, container: str
) -> Callable[[channels.Socket], Awaitable[None]]:
    """
    Return what to do on the connection.

    Raises:
        StatusError: 400 or 500, when there is nothing to attach to.
    """
    found = _instance(backend, pod, container)
    spec = next(c for c in roles.containers(pod) if c["name"] == container)
    if request.flag("tty") and not spec.get("tty"):
        raise bad_request(f"Unable to use a TTY - container {container} did not allocate one")
    wants_stdin = request.flag("stdin") and bool(spec.get("stdin"))
    return lambda socket: Attachment(backend, socket, pod, found, spec, wants_stdin).run()


def _instance(backend: Backend, pod: RawObject, container: str) -> ContainerRecord:
    """
    Return the instance to join: the one that runs, or one that was over before its start could have been told of.

    Raises:
        StatusError: 400 or 500.
    """
    try:
        return backend.node.check_running(pod, container)
    except StatusError:
        found = catchup.just_ended(backend.node, pod, container, clock.now_ns())
        if found is None:
            raise
        return found


class Attachment:
    """One client joined to one container."""

    def __init__(
        self,
        backend: Backend,
        socket: channels.Socket,
        pod: RawObject,
        found: ContainerRecord,
        spec: RawObject,
        wants_stdin: bool,
    ) -> None:
        self.backend, self.socket, self.pod, self.found = backend, socket, pod, found
        self.spec, self.wants_stdin = spec, wants_stdin
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.queued_bytes = 0
        self.stdin: int | None = None
        self.stdin_over = False  # the client has no more to write, and the container's stdin stays open
        self.close_stdin: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Carry the streams until the container has ended or the client has left."""
        runtime, began_ns = cast(Attaching, self.backend.node.runtime), clock.now_ns()
        self.stdin, self.close_stdin, detach = runtime.attach(self.found.id, self._output)
        self._catch_up(runtime, began_ns)
        tasks = [asyncio.ensure_future(work) for work in (self._input(), self._send(), self._ended())]
        try:
            await asyncio.wait((tasks[0], tasks[2]), return_when=asyncio.FIRST_COMPLETED)
            if tasks[2].done():
                await self._finish(began_ns)
            elif self.stdin_over:
                await self._flush()
                await self.socket.finish(channels.SUCCESS)
        finally:
            detach()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.wants_stdin and self.spec.get("stdinOnce"):
                self.close_stdin()

    def _catch_up(self, runtime: Attaching, now_ns: int) -> None:
        """Send the output of a young container so far; it awaits nothing, so no output can come in between."""
        if catchup.is_young(self.found, now_ns):
            position = self.backend.node.logs_read.take(self.found.id)
            for stream, data in [*catchup.earlier(self.found, position), *runtime.unlogged(self.found.id)]:
                self._output(stream, data)

    def _output(self, stream: bytes, data: bytes) -> None:
        channel = channels.STDERR if stream == b"stderr" else channels.STDOUT
        if self.queued_bytes + len(data) <= MAX_QUEUED_BYTES:
            self.queue.put_nowait(bytes([channel]) + data)
            self.queued_bytes += len(data)

    async def _send(self) -> None:
        while True:
            data = await self.queue.get()
            self.queued_bytes -= len(data) - 1
            await self.socket.write(data)

    async def _ended(self) -> None:
        while True:
            now = self.backend.node.record(self.pod, f"containerd://{self.found.id}")
            if now is None or now.state is ContainerState.EXITED:
                return
            await asyncio.sleep(POLL_S)

    async def _flush(self) -> None:
        while not self.queue.empty():
            await self.socket.write(self.queue.get_nowait())

    async def _finish(self, began_ns: int) -> None:
        await self._flush()
        record = self.backend.node.record(self.pod, f"containerd://{self.found.id}")
        over = record is not None and record.finished_at is not None and record.finished_at < began_ns
        missed = over and not catchup.is_young(
            self.found._replace(finished_at=record and record.finished_at), began_ns
        )
        status = too_late(self.found.id) if missed else channels.SUCCESS
        await self.socket.finish(status)

    async def _input(self) -> None:
        while (message := await self.socket.read()) is not None:
            if not message or not self.wants_stdin or self.stdin is None:
                continue
            channel, data = message[0], message[1:]
            if channel == channels.STDIN and data:
                with contextlib.suppress(OSError):
                    await channels.write_all(self.stdin, data)
            elif channel == channels.CLOSE and data[:1] == b"\x00":
                if not self.spec.get("stdinOnce") or self.spec.get("tty"):
                    self.stdin_over = True
                    return
                self.close_stdin()
                self.stdin = None
            elif channel == channels.RESIZE and self.spec.get("tty"):
                self._resize(data)

    def _resize(self, data: bytes) -> None:
        with contextlib.suppress(ValueError, TypeError, AttributeError, OSError, struct.error):
            size = json.loads(data)
            shape = struct.pack("HHHH", int(size.get("Height", 0)), int(size.get("Width", 0)), 0, 0)
            fcntl.ioctl(cast(int, self.stdin), termios.TIOCSWINSZ, shape)


def too_late(container_id: str) -> RawObject:
    """Return a node's message for a container that had ended before the client joined."""
    text = f'container "{container_id}" is in CONTAINER_EXITED state'
    return {
        "metadata": {}, "status": "Failure", "message": f"Internal error occurred: {text}",
        "reason": "InternalError", "details": {"causes": [{"message": text}]}, "code": 500,
    }  # fmt: skip
