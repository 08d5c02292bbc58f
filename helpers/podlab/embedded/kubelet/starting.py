"""Starting one container: back-off, image, configuration, create, start, postStart, with the Events of each step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet import imagevolumes, unsupported
from podlab.embedded.kubelet.container_config import ConfigMaker
from podlab.embedded.kubelet.environment import EnvironmentFacts
from podlab.embedded.kubelet.handlers import Handlers, HookError, ProbeError
from podlab.embedded.kubelet.imagemanager import ImageManager, StartError
from podlab.embedded.kubelet.pace import Clock
from podlab.embedded.kubelet.stopping import Stopper
from podlab.embedded.lifecycle import spec
from podlab.embedded.lifecycle.backoff import Backoff, go_duration
from podlab.embedded.lifecycle.containers import CRASH_LOOP
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ImageRecord, Runtime, RuntimeFault
from podlab.pods import roles
from podlab.pods.raw import RawObject

# A hook that is refused fails within a millisecond of the start here, before a shell has set its trap. On a real node
# the kubelet and containerd need about this long from there to the SIGTERM, and the trap is always met.
FIRST_SIGNAL_S = 0.1


class StartContext(NamedTuple):
    """
    The arguments that all starts of one sync share.

    Attributes:
        view: What the sync saw at its beginning. A wait counts from the end that was known then, so the first
            restart after a kill in the same sync is free.
        volumes: Volume name -> path on the node.
        until_ending: Waits for something, and gives it up when the Pod must end.
        images: The volumes that show images.
    """

    view: PodView
    sandbox_id: str
    volumes: Mapping[str, str]
    facts: EnvironmentFacts
    until_ending: Callable[[Awaitable[Any]], Awaitable[Any]]
    images: imagevolumes.Pulled


class Starter:
    """Starts containers of any Pod; holds the memory of their crashes."""

    def __init__(
        self,
        runtime: Runtime,
        handlers: Handlers,
        recorder: EventRecorder,
        clock: Clock,
        *,
        images: ImageManager,
        configs: ConfigMaker,
        stopper: Stopper,
    ) -> None:
        self._runtime, self._handlers, self._recorder, self._clock = runtime, handlers, recorder, clock
        self._images, self._configs, self._stopper = images, configs, stopper
        self._backoff = Backoff()
        self._attempts: dict[tuple[str, str], int] = {}  # (Pod uid, container) -> of the last run, by its log

    async def start_container(
        self, pod: RawObject, key: str, container: RawObject, context: StartContext
    ) -> None:
        """
        Start the next run of a container: pull, create, start, postStart. Raises StartError.

        Source: startContainer in pkg/kubelet/kuberuntime/kuberuntime_container.go, read at v1.36.3.
        """
        path = spec.field_path(key, container["name"])
        if key != roles.EPHEMERAL:
            self._do_back_off(pod, container, context.view, path)
        images = imagevolumes.mounted(pod, container, context.images, self._recorder, path)
        try:
            image = await self._images.ensure(pod, container, path, context.until_ending)
            container_id = await self._create(pod, container, image, context, images)
        except StartError as error:
            # An Event already holds the image manager's message of a missing image: only its reason is needed here.
            text = error.message if error.reason.startswith("CreateContainer") else error.reason
            self._recorder.event(pod, "Warning", "Failed", f"Error: {text}", field_path=path)
            raise
        self._recorder.event(pod, "Normal", "Created", "Container created", field_path=path)
        self._report_unsupported(pod, container, path)
        try:
            await self._runtime.start_container(container_id)
        except RuntimeFault as fault:
            self._recorder.event(pod, "Warning", "Failed", f"Error: {fault.message}", field_path=path)
            raise StartError(fault.reason or "RunContainerError", fault.message) from fault
        self._recorder.event(pod, "Normal", "Started", "Container started", field_path=path)
        if (container.get("lifecycle") or {}).get("postStart"):
            await self._post_start(pod, container, container_id, path, context.facts)

    def _report_unsupported(self, pod: RawObject, container: RawObject, path: str) -> None:
        """Report unsupported fields in Events, once, at the first run."""
        uid, name = pod["metadata"]["uid"], container["name"]
        if self._attempts.get((uid, name)):
            return
        if not any(key[0] == uid and key[1] != name for key in self._attempts):
            for text in unsupported.of_pod(pod):
                self._recorder.event(pod, "Warning", unsupported.REASON, text)
        granted = self._runtime.granted if unsupported.asks_net_admin(pod) else ()
        filtered = self._runtime.filters_calls
        for text in (
            *unsupported.of_container(container, granted),
            *unsupported.of_profile(pod, container, filters_calls=filtered),
        ):
            self._recorder.event(pod, "Warning", unsupported.REASON, text, field_path=path)

    def _do_back_off(self, pod: RawObject, container: RawObject, view: PodView, path: str) -> None:
        """
        Raise while the wait after the last end is not over; else take the next, longer wait.

        Source: doBackOff in pkg/kubelet/kuberuntime/kuberuntime_manager.go, read at v1.36.3.
        """
        ended = view.latest_exited(container["name"])
        if ended is None:
            return
        key, at = backoff_key(pod, container), ended.finished_at or ended.created_at
        ends = self._backoff.ends_at(key, at)
        now = self._clock.now()
        if ends is None or now >= ends:
            self._backoff.advance(key, at, now)
            return
        name, whole = container["name"], spec.full_name(pod)
        text = f"Back-off restarting failed container {name} in pod {whole}"
        self._recorder.event(pod, "Warning", "BackOff", text, field_path=path)
        wait = go_duration(self._backoff.wait_ns(key))
        text = f"back-off {wait} restarting failed container={name} pod={whole}"
        raise StartError(CRASH_LOOP, text, retry_at=ends, in_backoff=True)

    async def pull_volumes(
        self, pod: RawObject, until_ending: Callable[[Awaitable[Any]], Awaitable[Any]]
    ) -> imagevolumes.Pulled:
        """Make the images of the Pod's volumes present; why one is not is for the containers that mount it."""
        return await imagevolumes.pull(pod, self._images, until_ending)

    async def _create(
        self,
        pod: RawObject,
        container: RawObject,
        image: ImageRecord,
        context: StartContext,
        images: Mapping[str, str],
    ) -> str:
        records = context.view.of(container["name"])
        # Without a record the logs tell: they outlive a restart of all containers.
        identity = (pod["metadata"]["uid"], container["name"])
        attempt = 1 + (records[0].attempt if records else self._attempts.get(identity, -1))
        for old in records[1:]:
            await self._runtime.remove_container(old.id)  # a node keeps the newest end only
        try:
            target = _target(container, context.view)
            config = self._configs.make(
                pod, container, image, attempt, volumes=context.volumes, facts=context.facts, images=images
            )
            config = config._replace(pid_namespace_of=target)
            container_id = await self._runtime.create_container(context.sandbox_id, config)
        except RuntimeFault as fault:
            raise StartError(fault.reason or "CreateContainerError", fault.message) from fault
        except OSError as error:  # a full disk: no log, no message file
            raise StartError("CreateContainerError", f"failed to create container files: {error}") from error
        self._attempts[identity] = attempt
        return container_id

    async def _post_start(
        self, pod: RawObject, container: RawObject, container_id: str, path: str, facts: EnvironmentFacts
    ) -> None:
        try:
            address = facts.addresses.get("status.podIP", "")
            warning = await self._handlers.hook(pod, container, "postStart", container_id, address)
            if warning:
                self._recorder.event(pod, "Warning", "LifecycleHTTPFallback", warning)
        except (HookError, ProbeError, RuntimeFault) as error:
            self._recorder.event(
                pod, "Warning", "FailedPostStartHook", "PostStartHook failed", field_path=path
            )
            records = self._runtime.view(pod["metadata"]["uid"])[1]
            record = next((r for r in records if r.id == container_id), None)
            if record is not None:
                await asyncio.sleep(FIRST_SIGNAL_S)
                await self._stopper.kill_container(pod, record, message="FailedPostStartHook")
            raise StartError("PostStartHookError", str(error)) from error

    def purge(self, pod: RawObject, names: Iterable[str]) -> None:
        """These containers begin without a past."""
        for name in names:
            self._attempts.pop((pod["metadata"]["uid"], name), None)

    def forget(self, pod: RawObject) -> None:
        """The Pod is gone."""
        self.purge(pod, [c["name"] for _, c in roles.every_container(pod)])
        self._backoff.forget(f"{spec.full_name(pod)}_")
        self._images.forget(pod)


def _target(container: RawObject, view: PodView) -> str | None:
    """Return the id of the container whose processes an ephemeral one wants to see. Raises StartError."""
    name = container.get("targetContainerName")
    if not name:
        return None
    target = view.latest(name)
    if target is None:
        raise StartError("CreateContainerConfigError", f"unable to find target container {name}")
    return target.id


def backoff_key(pod: RawObject, container: RawObject) -> str:
    """A new image, or new resources, begin without the waits of the old ones."""
    resources = sorted((container.get("resources") or {}).items())
    return f"{spec.full_name(pod)}_{container['name']}_{container['image']}_{resources}"
