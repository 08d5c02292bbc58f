"""The state that all parts of the runtime share, and the ways in which they ask the node."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from podlab.embedded.sandbox import execs, launch, podaddresses
from podlab.embedded.sandbox.image import ImageSource
from podlab.embedded.sandbox.link import NodeError, NodeLink
from podlab.embedded.sandbox.records import KnownContainer, Records
from podlab.embedded.sandbox.runningnode import RunningNode

_T = TypeVar("_T")


class RuntimeBase:
    """
    The node, its records and its images.

    Args:
        zygote: The node's processes.
        images: Where images come from.
        make_link: Makes another link than that to *zygote*, for the reduced mode.
    """

    def __init__(
        self,
        zygote: launch.Zygote,
        images: ImageSource,
        make_link: Callable[[Callable[[str, Any], None]], NodeLink] | None = None,
    ) -> None:
        self.node = RunningNode(zygote, self._on_event, make_link)
        self._images = images
        self.records = Records()
        self._addresses = podaddresses.AddressPool()
        self._links = 100  # interface indices of the node's ends, never used twice
        self._execs: dict[str, execs.RunningExec] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        _raise_descriptor_limit()

    def _on_event(self, name: str, value: Any) -> None:
        """Take an event of the node."""
        raise NotImplementedError

    async def _terminal(self, container: KnownContainer) -> Sequence[int]:
        """Both ends of a new terminal of a container's Pod, ours first. Raises OSError."""
        request = {"pod": container.record.sandbox_id}
        _number, ends = await self.node.link.call_with_descriptors("terminal", request)
        return ends

    async def _quietly(self, operation: str, arguments: dict[str, Any]) -> None:
        try:
            await self.node.link.call(operation, arguments)
        except NodeError:
            pass  # the process or the node is gone, which is what was wanted

    async def _finish(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run *work* to its end even if the caller is cancelled."""
        return await asyncio.shield(self._task(work))

    def _task(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asked for, so that asyncio does not print what the caller no longer waits for


def _raise_descriptor_limit() -> None:
    """Two pipes a container: the usual soft limit of 1024 would end at some 300 containers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
