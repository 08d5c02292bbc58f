"""
``ProcessRuntime``: the kubelet's runtime on real processes.

It keeps the records (the kubelet asks for them without waiting), turns configurations into requests to the node, and
writes down the exact moment of everything that happened, for timelines. Decisions are the kubelet's.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from podlab.embedded import clock
from podlab.embedded.runtime import ContainerRecord, ContainerState, ImageRecord, SandboxRecord
from podlab.embedded.sandbox.container_streams import ContainerStreams
from podlab.embedded.sandbox.eventlog import NodeEvents
from podlab.embedded.sandbox.node_sockets import NodeSockets
from podlab.embedded.sandbox.sandbox_lifecycle import SandboxLifecycle
from podlab.errors import SandboxError


class ProcessRuntime(SandboxLifecycle, ContainerStreams, NodeSockets):
    """Implements ``podlab.embedded.runtime.Runtime``; its methods stand by their use in its base classes."""

    @property
    def granted(self) -> frozenset[str]:
        """Capabilities that a container gets if it asks, beside the usual ones."""
        return self.node.granted

    @property
    def filters_calls(self) -> bool:
        """Whether a container that asks for the runtime's seccomp profile gets it."""
        return self.node.filters_calls

    @property
    def lost(self) -> str:
        """Why nothing can be run any more; empty while it can."""
        return self.node.lost

    @property
    def node_ip(self) -> str:
        """The node's address."""
        return self.node.ip

    @property
    def events(self) -> NodeEvents:
        """The exact moment of everything that happened, for the recorder."""
        return self.records.events

    async def ready(self) -> None:
        """Wait until the node serves. Raises SandboxError."""
        try:
            await self.node.greet()
        except SandboxError:
            await self.close()
            raise

    async def renew(self) -> None:
        """
        Make a node in the place of one whose processes have ended; what ran there stays dead. Raises SandboxError.

        The files of Pods on disk stay: their logs, their volumes. What lay in the node's memory is gone. Until the
        caller takes `lost` back, the kubelet starts nothing.
        """
        await self.node.renew()

    def set_lost(self, why: str) -> None:
        """Tell the kubelet why the node is lost; empty: it serves again."""
        self.node.lost = why
        self.records.changed("")

    def watch(self, on_change: Callable[[str], None]) -> None:
        """Call *on_change(pod_uid)* after every change of a record of that Pod."""
        self.records.listen(on_change)

    def view(self, pod_uid: str) -> tuple[Sequence[SandboxRecord], Sequence[ContainerRecord]]:
        """All records of one Pod, newest first."""
        return self.records.view(pod_uid)

    async def find_image(self, name: str) -> ImageRecord | None:
        """Return the image behind *name* when it is present on the node."""
        found = self._images.find(name)
        return found.record if found else None

    async def pull_image(self, name: str) -> ImageRecord:
        """Make *name* present. Raises ImageError."""
        return (await self._images.pull(name)).record

    def _on_event(self, name: str, value: Any) -> None:
        if name == "exited":
            running = self._execs.pop(value["name"], None)
            if running is not None:
                running.ended(os.waitstatus_to_exitcode(value["status"]))
            elif value["name"] in self.records.containers:
                self._exited(self.records.containers[value["name"]], value)
        elif name == "sandbox-lost":
            self._sandbox_lost(value["uid"])
        elif name == "gone":
            self._node_gone()

    def _node_gone(self) -> None:
        """The node ended under us: everything in it is dead."""
        now = clock.now_ns()
        for container in list(self.records.containers.values()):
            if container.record.state is ContainerState.RUNNING:
                self._exited(container, {"status": int(signal.SIGKILL), "oom": 0, "at": now})
        for sandbox in self.records.sandboxes.values():
            if sandbox.record.ready:
                sandbox.record = sandbox.record._replace(ready=False)
                self._addresses.give_back(sandbox.record.ip)
        self._end_all_execs()
        self.set_lost("its processes have ended")

    async def close(self) -> None:
        """Kill everything and leave nothing behind: the janitor removes files and cgroups, and is waited for."""
        await self.node.end()
        for task in list(self._tasks):
            task.cancel()
        self.node.close_folder()
