"""Containers from their creation to their removal: start, limits, signals, exit."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from podlab.embedded import clock
from podlab.embedded.filetrees import remove_tree, tree_bytes
from podlab.embedded.runtime import ContainerConfig, ContainerRecord, ContainerState, RuntimeFault
from podlab.embedded.sandbox import program, startrequest, volumes_of
from podlab.embedded.sandbox.link import NodeError
from podlab.embedded.sandbox.logfiles import LogFile, Stream
from podlab.embedded.sandbox.records import KnownContainer
from podlab.embedded.sandbox.runtimebase import RuntimeBase

_RUNC = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
_START = _RUNC + "unable to start container process: "
_WATCH_S = 0.1
_OVER_LIMIT = "killed over its memory limit by podlab's own watch: this machine allows no memory cgroups"


class ContainerLifecycle(RuntimeBase):
    """The runtime's containers."""

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        """Prepare a container and return its id. Raises RuntimeFault(CreateContainerError)."""
        sandbox = self.records.sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.record.ready:
            raise RuntimeFault("CreateContainerError", f'failed to find sandbox id "{sandbox_id}"')
        image = self._images.find(config.image)
        if image is None:
            raise RuntimeFault("CreateContainerError", f'image "{config.image}": not found')
        if not program.arguments(config, image.record):
            text = f'failed to generate container "{config.name}" spec: failed to generate spec: no command specified'
            raise RuntimeFault("CreateContainerError", text)
        startrequest.check_image_volumes(config, self._images)
        identity = os.urandom(32).hex()
        entry = ContainerRecord(
            id=identity,
            sandbox_id=sandbox_id,
            pod_uid=sandbox.record.pod_uid,
            name=config.name,
            image=config.image,
            image_id=config.image_id,
            attempt=config.attempt,
            state=ContainerState.CREATED,
            created_at=clock.now_ns(),
            log_path=config.log_path,
            # Elsewhere every container is the user who started the cluster, whatever the Pod asks for.
            user=program.user(config, image.record) if os.geteuid() == 0 and not self.node.reduced else None,
        )
        container = KnownContainer(sandbox, config, image, entry)
        self.records.add_container(container)
        self.records.note(container, "create", entry.created_at)
        return identity

    async def start_container(self, container_id: str) -> None:
        """Start it; a program that cannot be started leaves an EXITED record and raises RuntimeFault."""
        container = self.records.container(container_id)
        if container.record.state is ContainerState.CREATED:
            await self._finish(self._start(container))

    async def _start(self, container: KnownContainer) -> None:
        config = container.config
        ends: dict[str, int] = {}
        theirs: list[int] = []
        try:
            container.log = LogFile(config.log_path, config.log_max_bytes)
            ends, theirs = startrequest.pipes(config, await self._terminal(container) if config.tty else ())
            await self._mount_memory_volumes(container)
            answer = self.node.link.request("start", self._start_request(container), theirs)
        except OSError as error:
            # A full disk or no descriptor left is a fault of this container alone.
            _close(ends.values())
            await self._start_failed(container, error.strerror or str(error))
            return
        finally:
            _close(theirs)
        container.stdin_fd = ends.get("stdin")
        container.streams = [
            Stream(ends[name], name.encode(), container.log, _nothing)
            for name in ("stdout", "stderr")
            if name in ends
        ]
        try:
            value, _descriptors = await answer
        except NodeError as error:
            await self._start_failed(container, error.text if error.errno == -1 else f"start: {error.text}")
            return
        self._started(container, value)

    def _start_request(self, container: KnownContainer) -> dict[str, Any]:
        joined = self.records.containers.get(container.config.pid_namespace_of or "")
        return startrequest.start_request(
            container, self.node, self._images, joined.record.id if joined else None
        )

    def _started(self, container: KnownContainer, value: Mapping[str, Any]) -> None:
        at = int(value["at"])
        container.record = container.record._replace(state=ContainerState.RUNNING, started_at=at)
        self.records.note(container, "start", at)
        if container.config.memory_limit_bytes and not self.node.facts["cgroups"]["memory"]:
            container.watchdog = self._task(self._watch_memory(container))
        self.records.changed(container.record.pod_uid)
        if container.early_exit is not None:
            self._exited(container, container.early_exit)

    async def _start_failed(self, container: KnownContainer, text: str) -> None:
        message = _START + text
        now = clock.now_ns()
        container.record = container.record._replace(
            state=ContainerState.EXITED,
            finished_at=now,
            exit_code=128,
            reason="StartError",
            message=message,
        )
        self._close_streams(container)
        container.exited.set()
        self.records.note(container, "exit", now, exit_code=128)
        self.records.changed(container.record.pod_uid)
        raise RuntimeFault("RunContainerError", message)

    async def _mount_memory_volumes(self, container: KnownContainer) -> None:
        for path, size in volumes_of.memory_volumes(container.config.mounts):
            container.sandbox.memory_volumes.add(path)
            await self.node.link.call("tmpfs", {"path": path, "size": size})

    async def _watch_memory(self, container: KnownContainer) -> None:
        """Without cgroups: look at the memory ten times a second and kill above the limit."""
        while container.record.state is ContainerState.RUNNING:
            await asyncio.sleep(_WATCH_S)
            used = await self.node.link.call("usage", {"name": container.record.id})
            if used > (container.config.memory_limit_bytes or float("inf")):
                container.over_limit = True
                await self._signal(container, signal.SIGKILL)
                return

    async def update_container(
        self, container_id: str, memory_limit_bytes: int | None, cpu_limit_millis: int | None
    ) -> None:
        """Give a running container other limits."""
        container = self.records.containers.get(container_id)
        if container is None:
            return
        container.config = container.config._replace(
            memory_limit_bytes=memory_limit_bytes, cpu_limit_millis=cpu_limit_millis
        )
        await self._quietly("limit", {"name": container_id, "memory": memory_limit_bytes or 0})

    async def stop_container(self, container_id: str, grace_s: float) -> None:
        """SIGTERM to PID 1, SIGKILL when *grace_s* is over; returns once it is EXITED."""
        container = self.records.running(container_id)
        if container is None:
            return
        if grace_s > 0:
            await self._signal(container, signal.SIGTERM)
            try:
                async with asyncio.timeout(grace_s):
                    await container.exited.wait()
                return
            except TimeoutError:
                pass
        await self._finish(self._kill(container))

    async def _kill(self, container: KnownContainer) -> None:
        await self._signal(container, signal.SIGKILL)
        await container.exited.wait()

    async def _signal(self, container: KnownContainer, number: signal.Signals) -> None:
        self.records.note(container, "signal", clock.now_ns(), signal=int(number))
        await self._quietly("signal", {"name": container.record.id, "signal": int(number), "group": False})

    def _exited(self, container: KnownContainer, value: Mapping[str, Any]) -> None:
        if container.record.state is ContainerState.CREATED:
            container.early_exit = value
            return
        status = os.waitstatus_to_exitcode(value["status"])
        code = status if status >= 0 else 128 - status
        reason = "Completed" if code == 0 else "Error"
        if value["oom"] or container.over_limit:
            reason = "OOMKilled"
            self.records.note(container, "oom", int(value["at"]))
        self._close_streams(container)
        container.record = container.record._replace(
            state=ContainerState.EXITED,
            finished_at=int(value["at"]),
            exit_code=code,
            reason=reason,
            message=_OVER_LIMIT if container.over_limit else "",
        )
        details = {"exit_code": code} if status >= 0 else {"exit_code": code, "signal": -status}
        self.records.note(container, "exit", int(value["at"]), **details)
        container.exited.set()
        self.records.changed(container.record.pod_uid)

    async def remove_container(self, container_id: str) -> None:
        """Forget one EXITED container."""
        container = self.records.containers.get(container_id)
        if container is None:
            return
        await self.stop_container(container_id, 0)
        self._forget(container)
        container.sandbox.containers.remove(container)
        if os.path.lexists(container.layer):
            await asyncio.to_thread(remove_tree, container.layer)

    async def written_bytes(self, container_id: str) -> int:
        """Return bytes that a container wrote into its root and its logs."""
        container = self.records.containers.get(container_id)
        if container is None:
            return 0
        try:
            written = int(await self.node.link.call("written", {"name": container_id}))
        except NodeError:
            written = 0
        if written < 0:
            written = tree_bytes(f"{container.layer}/up")
        return written + tree_bytes(os.path.dirname(container.config.log_path))

    def unwritten(self) -> int:
        """Return how many writes to logs were refused since the last call."""
        found = 0
        for container in self.records.containers.values():
            if container.log:
                found += container.log.refused
                container.log.refused = 0
        return found

    def _forget(self, container: KnownContainer) -> None:
        self.records.containers.pop(container.record.id, None)
        self._close_streams(container)

    def _close_streams(self, container: KnownContainer) -> None:
        if container.watchdog:
            container.watchdog.cancel()
        for stream in container.streams:
            stream.drain()
            stream.finish()
        container.streams = []
        if container.stdin_fd is not None:
            os.close(container.stdin_fd)
            container.stdin_fd = None
        if container.log:
            container.log.close()


def _nothing(_stream: Stream) -> None:
    """A stream's end needs no action of its own: the exit of the process is what counts."""


def _close(descriptors: Sequence[int] | Any) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
