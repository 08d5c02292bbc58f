"""A small workbench for tests of the sandbox: one node, Pods and containers in a few words, all deadlines short."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podlab.embedded import sandbox
from podlab.embedded.runtime import (
    ContainerConfig,
    ContainerRecord,
    ContainerState,
    SandboxConfig,
    SandboxRecord,
)
from podlab.embedded.sandbox.process_runtime import ProcessRuntime

DEADLINE_S = 120.0  # for a machine that does much else; nothing waits for it where all is well


class Bench:
    """One node and what runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runtime: ProcessRuntime
        self._count = 0

    async def pod(self, uid: str = "pod", **settings: Any) -> SandboxRecord:
        """Start a sandbox."""
        return await self.runtime.start_sandbox(
            SandboxConfig(uid, "ns", uid, settings.pop("hostname", uid), **settings)
        )

    async def start(self, pod: SandboxRecord, command: Sequence[str] | str, **settings: Any) -> str:
        """Start a container; text is a line for ``sh -c``."""
        self._count += 1
        name = settings.pop("name", f"c{self._count}")
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        defaults: dict[str, Any] = {
            "image": "busybox:1.36",
            "image_id": "",
            "args": None,
            "env": {},
            "mounts": (),
            "attempt": 0,
            "log_path": str(self.folder / "logs" / f"{name}.log"),
        }
        config = ContainerConfig(name=name, command=words, **{**defaults, **settings})
        identity = await self.runtime.create_container(pod.id, config)
        await self.runtime.start_container(identity)
        return identity

    def record(self, pod: SandboxRecord, identity: str) -> ContainerRecord:
        """The container's present record."""
        return next(one for one in self.runtime.view(pod.pod_uid)[1] if one.id == identity)

    async def ended(
        self, pod: SandboxRecord, identity: str, deadline_s: float = DEADLINE_S
    ) -> ContainerRecord:
        """Wait for the container's end."""
        limit = time.monotonic() + deadline_s
        while (found := self.record(pod, identity)).state is not ContainerState.EXITED:
            assert time.monotonic() < limit, (
                f"{found.name} still runs after {deadline_s} s: {self.lines(found)}"
            )
            await asyncio.sleep(0.005)
        return found

    async def run(
        self, pod: SandboxRecord, command: Sequence[str] | str, **settings: Any
    ) -> tuple[int, list[str]]:
        """Run to the end; exit code and what it wrote, without times and tags."""
        found = await self.ended(pod, await self.start(pod, command, **settings))
        assert found.exit_code is not None
        return found.exit_code, self.lines(found)

    async def said(self, pod: SandboxRecord, identity: str, text: str) -> None:
        """Wait until the container has written *text*."""
        limit = time.monotonic() + DEADLINE_S
        while not any(text in line for line in self.raw(self.record(pod, identity))):
            assert time.monotonic() < limit, f"no {text!r} after {DEADLINE_S} s"
            await asyncio.sleep(0.01)

    @staticmethod
    def raw(found: ContainerRecord) -> list[str]:
        """The log file's lines."""
        return Path(found.log_path).read_text(errors="replace").splitlines()

    def lines(self, found: ContainerRecord) -> list[str]:
        """The texts of the log."""
        return [line.split(" ", 3)[3] for line in self.raw(found)]


def on_node(test: Any) -> None:
    """Run ``test(bench)`` on a fresh node, and see that closing it leaves no file."""

    async def whole() -> None:
        with tempfile.TemporaryDirectory(prefix="podlab-test-") as name:
            bench = Bench(Path(name))
            bench.runtime = await sandbox.open_runtime(name)
            try:
                async with asyncio.timeout(60):
                    await test(bench)
            finally:
                await bench.runtime.close()
            assert not (Path(name) / "sandbox").exists(), "the janitor left files"

    asyncio.run(whole())
