"""Stopping containers: the Killing Event, preStop, the turn of each, SIGTERM, SIGKILL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet.handlers import Handlers, HookError, ProbeError
from podlab.embedded.lifecycle import spec, termination
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerRecord, Runtime, RuntimeFault
from podlab.pods import roles
from podlab.pods.raw import RawObject


class Stopper:
    """Stops containers of any Pod."""

    def __init__(self, runtime: Runtime, handlers: Handlers, recorder: EventRecorder) -> None:
        self._runtime, self._handlers, self._recorder = runtime, handlers, recorder
        self._hooks: set[asyncio.Task[None]] = set()

    async def kill_pod(
        self, pod: RawObject, view: PodView, grace_s: int | None, then: Callable[[], None] = lambda: None
    ) -> None:
        """
        Stop all running containers of a Pod, sidecars last and in reverse, then its sandboxes.

        Args:
            grace_s: For every container; None: each has what its spec says.
            then: Called when no container runs any more, before the network goes.

        Source: killPodWithSyncResult in pkg/kubelet/kuberuntime/kuberuntime_manager.go, read at v1.36.3.
        """
        running = view.running()
        ended = {record.name: asyncio.Event() for record in running}
        turns = {r.id: termination.waits_for(pod, r.name, ended) for r in running}
        await asyncio.gather(
            *(self._in_turn(pod, record, grace_s, turns[record.id], ended) for record in running)
        )
        then()
        for sandbox in view.sandboxes:
            if sandbox.ready:
                await self._runtime.stop_sandbox(sandbox.id)

    async def _in_turn(
        self,
        pod: RawObject,
        record: ContainerRecord,
        grace_s: int | None,
        before: Sequence[str],
        ended: dict[str, asyncio.Event],
    ) -> None:
        try:
            await self.kill_container(pod, record, grace_s=grace_s, before=[ended[name] for name in before])
        finally:
            ended[record.name].set()

    async def kill_container(
        self,
        pod: RawObject,
        record: ContainerRecord,
        *,
        message: str = "",
        cause: str = "",
        grace_s: int | None = None,
        before: Sequence[asyncio.Event] = (),
    ) -> None:
        """
        Stop one container.

        Args:
            message: Text of the Killing Event; empty: ``Stopping container NAME``.
            cause: The probe whose failure is the reason: it may bring its own grace.
            before: What has to be over before SIGTERM, as long as the grace lasts.

        Source: killContainer in pkg/kubelet/kuberuntime/kuberuntime_container.go, read at v1.36.3.
        """
        key, container = roles.find(pod, record.name) or (roles.APP, {"name": record.name})
        path = spec.field_path(key, record.name)
        text = message or f"Stopping container {record.name}"
        self._recorder.event(pod, "Normal", "Killing", text, field_path=path)
        left_s = termination.container_grace_s(pod, container, cause) if grace_s is None else grace_s
        if (container.get("lifecycle") or {}).get("preStop") and left_s > 0:
            left_s -= await self._pre_stop(pod, container, record, path, left_s)
        if before and left_s > 0:
            left_s -= await _whole_seconds(_all(before), left_s)
        await self._runtime.stop_container(record.id, max(left_s, termination.MINIMUM_S))

    async def _pre_stop(
        self, pod: RawObject, container: RawObject, record: ContainerRecord, path: str, grace_s: int
    ) -> int:
        """Run the hook for at most the grace; the whole seconds that it took."""
        sandbox = next((s for s in self._runtime.view(record.pod_uid)[0] if s.id == record.sandbox_id), None)
        hook = asyncio.ensure_future(self._hook(pod, container, record, path, sandbox.ip if sandbox else ""))
        self._hooks.add(hook)
        hook.add_done_callback(self._hooks.discard)
        # The hook is not cancelled when the grace is over: a command dies with its container, and only then
        # reports that it failed.
        return await _whole_seconds(asyncio.shield(hook), grace_s)

    async def _hook(
        self, pod: RawObject, container: RawObject, record: ContainerRecord, path: str, address: str
    ) -> None:
        try:
            warning = await self._handlers.hook(pod, container, "preStop", record.id, address)
            if warning:
                self._recorder.event(pod, "Warning", "LifecycleHTTPFallback", warning)
        except (HookError, ProbeError, RuntimeFault):
            self._recorder.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", field_path=path)

    async def close(self) -> None:
        """End hooks that still run."""
        for hook in list(self._hooks):
            hook.cancel()


async def _all(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


async def _whole_seconds(waiting: Any, limit_s: float) -> int:
    """Wait for at most *limit_s*; how long it took, cut to whole seconds."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(limit_s):
            await waiting
    except TimeoutError:
        pass
    return int(loop.time() - begun + 1e-6)
