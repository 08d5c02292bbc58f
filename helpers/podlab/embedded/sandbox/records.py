"""
The sandboxes and containers that the runtime knows, and who hears of their changes.

Records answer the kubelet at once: no process is asked. Each event is noted with its exact moment, for timelines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from podlab.embedded.runtime import (
    ContainerConfig,
    ContainerRecord,
    ContainerState,
    RuntimeFault,
    SandboxConfig,
    SandboxRecord,
)
from podlab.embedded.sandbox import eventlog
from podlab.embedded.sandbox.image import RunnableImage
from podlab.embedded.sandbox.logfiles import LogFile, Stream


class KnownContainer:
    """
    One instance of a container: its configuration, its record, and what this process holds of it.

    Attributes:
        exited: Set once the record is EXITED.
        over_limit: Whether podlab's own watch killed it for its memory.
        early_exit: The event of its end, where that came together with the answer to its start.
    """

    def __init__(
        self, sandbox: KnownSandbox, config: ContainerConfig, image: RunnableImage, entry: ContainerRecord
    ) -> None:
        self.sandbox, self.config, self.image, self.record = sandbox, config, image, entry
        self.exited = asyncio.Event()
        self.log: LogFile | None = None
        self.streams: list[Stream] = []
        self.stdin_fd: int | None = None
        self.watchdog: asyncio.Task[None] | None = None
        self.over_limit = False
        self.early_exit: Mapping[str, Any] | None = None

    @property
    def layer(self) -> str:
        """The folder for what the container writes to an unpacked image."""
        return f"{self.sandbox.folder}/{self.record.id[:24]}"


class KnownSandbox:
    """One Pod sandbox: its record, its folder, its containers, and the paths of its volumes in memory."""

    def __init__(self, config: SandboxConfig, entry: SandboxRecord, folder: str) -> None:
        self.config, self.record, self.folder = config, entry, folder
        self.containers: list[KnownContainer] = []
        self.memory_volumes: set[str] = set()


class Records:
    """
    All sandboxes and containers of one node.

    Attributes:
        sandboxes: By id.
        containers: By id.
        events: The exact moments, for the recorder.
    """

    def __init__(self) -> None:
        self.sandboxes: dict[str, KnownSandbox] = {}
        self.containers: dict[str, KnownContainer] = {}
        self.events = eventlog.NodeEvents()
        self._by_pod: dict[str, list[KnownSandbox]] = {}
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, on_change: Callable[[str], None]) -> None:
        """Call *on_change(pod_uid)* after every change of a record of that Pod; empty: of the node."""
        self._listeners.append(on_change)

    def changed(self, pod_uid: str) -> None:
        """Tell all listeners."""
        for listener in self._listeners:
            listener(pod_uid)

    def add_sandbox(self, sandbox: KnownSandbox) -> None:
        """Know a new sandbox."""
        self.sandboxes[sandbox.record.id] = sandbox
        self._by_pod.setdefault(sandbox.record.pod_uid, []).append(sandbox)

    def add_container(self, container: KnownContainer) -> None:
        """Know a new container of its sandbox."""
        container.sandbox.containers.append(container)
        self.containers[container.record.id] = container

    def of_pod(self, pod_uid: str) -> list[KnownSandbox]:
        """Return the sandboxes of a Pod, oldest first."""
        return list(self._by_pod.get(pod_uid, ()))

    def forget_pod(self, pod_uid: str) -> list[KnownSandbox]:
        """Forget the sandboxes of a Pod, and return them."""
        forgotten = self._by_pod.pop(pod_uid, [])
        for sandbox in forgotten:
            self.sandboxes.pop(sandbox.record.id, None)
        return forgotten

    def container(self, container_id: str) -> KnownContainer:
        """Return the container of an id. Raises RuntimeFault(RunContainerError)."""
        try:
            return self.containers[container_id]
        except KeyError:
            raise RuntimeFault("RunContainerError", f'container "{container_id}" not found') from None

    def running(self, container_id: str) -> KnownContainer | None:
        """Return the container of an id while it runs, else None."""
        found = self.containers.get(container_id)
        return found if found and found.record.state is ContainerState.RUNNING else None

    def view(self, pod_uid: str) -> tuple[Sequence[SandboxRecord], Sequence[ContainerRecord]]:
        """All records of one Pod, newest first."""
        sandboxes = self.of_pod(pod_uid)
        containers = [one.record for sandbox in sandboxes for one in sandbox.containers]
        containers.sort(key=lambda one: one.created_at, reverse=True)
        return [one.record for one in reversed(sandboxes)], containers

    def note(self, container: KnownContainer, event: str, at: int, **details: int) -> None:
        """Note an event of a container; *at* in nanoseconds since the epoch."""
        entry = container.record
        self.events.add(
            entry.pod_uid, event, at, container=entry.name, container_id=entry.id, attempt=entry.attempt, **details
        )  # fmt: skip
