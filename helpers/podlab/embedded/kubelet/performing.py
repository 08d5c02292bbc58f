"""Carries out the actions of a sync: stop, make a sandbox, start containers in their order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from podlab.embedded.kubelet import container_config
from podlab.embedded.kubelet.imagemanager import StartError
from podlab.embedded.kubelet.nodeservices import NodeServices
from podlab.embedded.kubelet.starting import StartContext
from podlab.embedded.lifecycle.actions import Actions
from podlab.embedded.lifecycle.containers import CRASH_LOOP, StartFailure
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerRecord, RuntimeFault
from podlab.pods import roles
from podlab.pods.raw import RawObject


class Performer:
    """
    Carries out the actions of one Pod.

    Args:
        until_ending: Waits for something, and gives it up when the Pod must end.
        retry: Called with when another sync makes sense (ns), None: after the usual while; and ``back_off``, whether
            a crashed container waits until then.

    Attributes:
        failures: Why the last start of a container came to nothing, by its name.
    """

    def __init__(
        self,
        services: NodeServices,
        *,
        until_ending: Callable[[Awaitable[Any]], Awaitable[Any]],
        retry: Callable[..., None],
    ) -> None:
        self._services, self._until_ending, self._retry = services, until_ending, retry
        self.failures: dict[str, StartFailure] = {}

    async def sync_pod(
        self, pod: RawObject, actions: Actions, view: PodView, volumes: dict[str, str]
    ) -> None:
        """
        Carry out *actions*.

        Args:
            view: The view from which the actions were computed.
            volumes: Volume name -> path on the node.

        Source: kubeGenericRuntimeManager.SyncPod in pkg/kubelet/kuberuntime/kuberuntime_manager.go, read at v1.36.3.
        """
        if actions.resets:
            await self._reset(pod, actions)
            return
        if actions.kill_pod:
            await self._services.stopper.kill_pod(pod, view, None)
            if not actions.create_sandbox:
                return
            await self._purge_init_records(pod, view)
        else:
            for kill in actions.kills:
                await self._services.stopper.kill_container(
                    pod, kill.record, message=kill.message, cause=kill.cause
                )
        sandbox_id = await self._sandbox(pod, actions, view)
        if sandbox_id is None:
            return
        self._tell_missing_secrets(pod)
        starts = actions.ephemeral or actions.init or actions.regular
        pulled = await self._services.starter.pull_volumes(pod, self._until_ending) if starts else {}
        facts = self._services.facts(pod)
        context = StartContext(view, sandbox_id, volumes, facts, self._until_ending, pulled)
        for index in actions.ephemeral:
            container = roles.group(pod, roles.EPHEMERAL)[index]
            await self._start(pod, roles.EPHEMERAL, container, context)
        for index in actions.init:
            container = roles.group(pod, roles.INIT)[index]
            done = await self._start(pod, roles.INIT, container, context)
            if not done and not roles.is_sidecar(container):
                return
        for index in actions.regular:
            container = roles.group(pod, roles.APP)[index]
            await self._start(pod, roles.APP, container, context)

    async def resize(self, record: ContainerRecord, resources: RawObject) -> None:
        """Give a running container other limits."""
        memory, cpu = container_config.limits({"resources": resources})
        await self._services.runtime.update_container(record.id, memory, cpu)

    async def _reset(self, pod: RawObject, actions: Actions) -> None:
        """Remove every record, one after the other, killing without grace what still runs; logs stay."""
        for reset in actions.resets:
            if reset.kill:
                await self._services.stopper.kill_container(pod, reset.record, message="killing", grace_s=0)
            await self._services.runtime.remove_container(reset.record.id)

    def _tell_missing_secrets(self, pod: RawObject) -> None:
        """Report missing imagePullSecrets in an Event; the pull goes on without them."""
        namespace = pod["metadata"]["namespace"]
        names = [s.get("name", "") for s in pod["spec"].get("imagePullSecrets") or ()]
        missing = [n for n in names if self._services.store.get("secrets", namespace, n) is None]
        if missing:
            text = f"Unable to retrieve some image pull secrets ({', '.join(missing)}); "
            text += "attempting to pull the image may not succeed."
            self._services.recorder.event(pod, "Warning", "FailedToRetrieveImagePullSecret", text)

    async def _purge_init_records(self, pod: RawObject, view: PodView) -> None:
        """Forget the past of the init containers: they run again in a new sandbox."""
        names = {c["name"] for c in roles.group(pod, roles.INIT)}
        for record in view.containers:
            if record.name in names:
                await self._services.runtime.remove_container(record.id)
        self._services.starter.purge(pod, names)

    async def _sandbox(self, pod: RawObject, actions: Actions, view: PodView) -> str | None:
        """Return the id of the sandbox to start containers in; None if absent and none can be made."""
        if not actions.create_sandbox:
            return view.sandboxes[0].id if view.sandboxes else None
        if view.sandboxes:
            text = "Pod sandbox changed, it will be killed and re-created."
            self._services.recorder.event(pod, "Normal", "SandboxChanged", text)
        try:
            config = container_config.sandbox_config(pod, actions.attempt)
            return (await self._services.runtime.start_sandbox(config)).id
        except RuntimeFault as fault:
            text = f"Failed to create pod sandbox: {fault.message}"
            self._services.recorder.event(pod, "Warning", "FailedCreatePodSandBox", text)
            self._retry(None)
            return None

    async def _start(self, pod: RawObject, key: str, container: RawObject, context: StartContext) -> bool:
        """Start one container; what keeps it from starting is remembered for the status. False if it failed."""
        name, starter = container["name"], self._services.starter
        try:
            await starter.start_container(pod, key, container, context)
        except StartError as error:
            self.failures[name] = StartFailure(error.reason, error.message)
            self._retry(error.retry_at, back_off=error.reason == CRASH_LOOP)
            return False
        self.failures.pop(name, None)
        return True
