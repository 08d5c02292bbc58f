"""
Commands in running containers: pipes or a terminal, output kept up to a bound, and an end that always comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Awaitable, Callable, Sequence

from podlab.embedded.runtime import ExecResult

_KEPT = 16 * 1024
_REQUEST_S = 120.0  # a kubelet waits so much longer than the time-out for its runtime, and then gives up


class Pipes:
    """
    Both ends of an exec's streams; *theirs* is stdin, stdout, stderr in that order.

    Args:
        terminal: Both ends of one, ours first; none: pipes.
    """

    def __init__(self, *, stdin: bool, terminal: Sequence[int] = ()) -> None:
        self.tty = bool(terminal)
        self.stdin_fd: int | None = None
        self.stderr_fd: int | None = None
        if terminal:
            self.stdout_fd, theirs = terminal
            self.theirs = [theirs, os.dup(theirs), os.dup(theirs)]
            self.stdin_fd = os.dup(self.stdout_fd) if stdin else None
            return
        self.stdout_fd, out = os.pipe()
        self.stderr_fd, err = os.pipe()
        if stdin:
            given, self.stdin_fd = os.pipe()
        else:
            given = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.theirs = [given, out, err]

    def close_theirs(self) -> None:
        """Once they were sent: the end of a stream shows only when no copy is left."""
        for descriptor in self.theirs:
            os.close(descriptor)
        self.theirs = []

    def close(self) -> None:
        """Close everything."""
        self.close_theirs()
        for descriptor in (self.stdin_fd, self.stdout_fd, self.stderr_fd):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)


class RunningExec:
    """A running exec; implements ``runtime.ExecSession``. The descriptors are the caller's to close."""

    def __init__(self, name: str, pipes: Pipes, end: Callable[[str, bool], Awaitable[None]]) -> None:
        self.name, self._pipes, self._end = name, pipes, end
        self.stdin_fd, self.stdout_fd, self.stderr_fd = pipes.stdin_fd, pipes.stdout_fd, pipes.stderr_fd
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.start_error = ""

    def ended(self, status: int) -> None:
        """*status* as ``os.waitstatus_to_exitcode`` gives it."""
        if not self._exit.done():
            self._exit.set_result(status if status >= 0 else 128 - status)

    def never_started(self, text: str) -> None:
        """The program is missing or not executable: 127 or 126 as a shell would say, the text on stderr."""
        self.start_error = "OCI runtime exec failed: exec failed: unable to start container process: " + text
        with contextlib.suppress(OSError):
            os.write(self._pipes.theirs[2], self.start_error.encode() + b"\n")
        self.ended(126 if "permission denied" in text else 127)

    async def wait(self) -> int:
        """Exit code, 128+signal when it died by one."""
        return await asyncio.shield(self._exit)

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size."""
        if self._pipes.tty:
            fcntl.ioctl(self.stdout_fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def kill(self, *, group: bool = True) -> None:
        """End the command, and what it started in its *group*."""
        if not self._exit.done():
            await self._end(self.name, group)


class _Collector:
    """Keeps the first bytes of one descriptor and swallows the rest."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.kept = bytearray()
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.kept += data[: max(0, _KEPT - len(self.kept))]
        if not data:
            self.close()

    def close(self) -> None:
        """Stop and close; idempotent."""
        if not self.ended.done():
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self.ended.set_result(None)


async def collect(running: RunningExec, timeout_s: float | None) -> ExecResult:
    """
    Wait for the command, and for the end of its output, and return what it wrote.

    A child that the command left in the background holds the output open, and with it the exec. After *timeout_s* the
    command is killed, such a child is not: the exec still ends with its output.

    Source: containerd's internal/cri/server/container_execsync.go (execInContainer, drainExecSyncIO).
    """
    collectors = [_Collector(one) for one in (running.stdout_fd, running.stderr_fd) if one is not None]
    timed_out = False
    try:
        try:
            async with asyncio.timeout(timeout_s):
                code = await running.wait()
        except TimeoutError:
            timed_out = True
            await running.kill(group=False)
            code = await running.wait()
        patience_s = None if timeout_s is None else timeout_s + _REQUEST_S
        _, held = await asyncio.wait([one.ended for one in collectors], timeout=patience_s)
        timed_out = timed_out or bool(held)
    except asyncio.CancelledError:
        await asyncio.shield(running.kill())
        raise
    finally:
        for one in collectors:
            one.close()
    stderr = bytes(collectors[1].kept) if len(collectors) > 1 else b""
    return ExecResult(code, bytes(collectors[0].kept), stderr, timed_out, running.start_error)
