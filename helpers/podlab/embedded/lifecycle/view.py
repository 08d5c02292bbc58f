"""The runtime's view of one Pod at one moment: its sandboxes and containers, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from podlab.embedded.runtime import ContainerRecord, ContainerState, SandboxRecord


class PodView(NamedTuple):
    """
    The records of one Pod, newest first.

    ``messages`` holds the termination message of each ended container by its id, read from where it was written.
    """

    sandboxes: Sequence[SandboxRecord] = ()
    containers: Sequence[ContainerRecord] = ()
    messages: Mapping[str, str] = MappingProxyType({})

    def of(self, name: str) -> list[ContainerRecord]:
        """Return all records of one container, newest first."""
        return [c for c in self.containers if c.name == name]

    def latest(self, name: str) -> ContainerRecord | None:
        """Return the newest record of one container, None if it has none."""
        return next((c for c in self.containers if c.name == name), None)

    def latest_exited(self, name: str) -> ContainerRecord | None:
        """Return the newest record of one container that has ended."""
        return next((c for c in self.containers if c.name == name and c.state is ContainerState.EXITED), None)

    def running(self) -> list[ContainerRecord]:
        """Everything that runs, or may run."""
        alive = (ContainerState.RUNNING, ContainerState.UNKNOWN)
        return [c for c in self.containers if c.state in alive]

    def active_sandbox(self) -> SandboxRecord | None:
        """Return the newest sandbox if it is ready."""
        return self.sandboxes[0] if self.sandboxes and self.sandboxes[0].ready else None

    def started_in_active_sandbox(self, name: str) -> bool:
        """Return whether the container was ever started in the present sandbox."""
        sandbox = self.active_sandbox()
        return sandbox is not None and any(
            c.sandbox_id == sandbox.id and c.state in (ContainerState.RUNNING, ContainerState.EXITED)
            for c in self.of(name)
        )


def failed(record: ContainerRecord) -> bool:
    """True of a regular init container that has to run again, or that fails its Pod."""
    unknown = record.state is ContainerState.UNKNOWN
    exited = record.state is ContainerState.EXITED
    return unknown or (exited and (record.exit_code != 0 or record.reason == "OOMKilled"))
