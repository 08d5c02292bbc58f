"""The streams of running containers: commands inside, and clients joined to the first program (attach)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

from podlab.embedded.runtime import ExecResult, ExecSession, RuntimeFault
from podlab.embedded.sandbox import execs, startrequest
from podlab.embedded.sandbox.container_lifecycle import ContainerLifecycle
from podlab.embedded.sandbox.link import NodeError


class ContainerStreams(ContainerLifecycle):
    """The runtime's execs and attachments."""

    async def exec_sync(
        self, container_id: str, command: Sequence[str], timeout_s: float | None
    ) -> ExecResult:
        """Run *command* inside a running container."""
        running = await self._exec(container_id, command, execs.Pipes(stdin=False))
        return await execs.collect(running, timeout_s)

    async def exec_stream(
        self, container_id: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Start *command* inside with pipes or a terminal."""
        terminal = await self._terminal(self.records.container(container_id)) if tty else ()
        return await self._exec(container_id, command, execs.Pipes(stdin=stdin, terminal=terminal))

    async def _exec(self, container_id: str, command: Sequence[str], pipes: execs.Pipes) -> execs.RunningExec:
        container = self.records.running(container_id)
        if container is None:
            pipes.close()
            raise RuntimeFault("NotRunning", f"container {container_id} is not running")
        start = self._start_request(container)
        request = {key: start[key] for key in startrequest.IN_EXEC}
        request |= {"name": os.urandom(16).hex(), "container": container_id, "argv": list(command)}
        request |= {"tty": pipes.tty, "pids": 0}
        if pipes.tty:
            request["env"] = {**request["env"], "TERM": "xterm"}
        running = execs.RunningExec(request["name"], pipes, self._end_exec)
        self._execs[running.name] = running
        try:
            await self.node.link.call("exec", request, pipes.theirs)
        except NodeError as error:
            self._execs.pop(running.name, None)
            if error.errno != -1:
                pipes.close()
                raise RuntimeFault("NotRunning", error.text) from error
            running.never_started(error.text)
        finally:
            pipes.close_theirs()
        return running

    async def _end_exec(self, name: str, group: bool) -> None:
        await self._quietly("signal", {"name": name, "signal": int(signal.SIGKILL), "group": group})

    def _end_all_execs(self) -> None:
        for running in self._execs.values():
            running.ended(-int(signal.SIGKILL))
        self._execs.clear()

    def attach(
        self, container_id: str, on_output: Callable[[bytes, bytes], None]
    ) -> tuple[int | None, Callable[[], None], Callable[[], None]]:
        """
        Join a running container's streams, for ``kubectl attach``.

        Returns:
            Its stdin (the runtime's own descriptor; None when it has none), a function that closes that stdin for
            good, and a function that ends the subscription of *on_output(stream, bytes)*.
        """
        container = self.records.container(container_id)
        streams = list(container.streams)
        for stream in streams:
            stream.listeners.append(on_output)

        def close_stdin() -> None:
            if container.stdin_fd is not None:
                os.close(container.stdin_fd)
                container.stdin_fd = None

        def detach() -> None:
            for stream in streams:
                stream.listeners.remove(on_output)

        return container.stdin_fd, close_stdin, detach

    def unlogged(self, container_id: str) -> list[tuple[bytes, bytes]]:
        """(stream, bytes) that wait for the end of their line before they are logged."""
        streams = self.records.container(container_id).streams
        return [(stream.name, stream.rest) for stream in streams if stream.rest]
