"""Having the image of a container at hand before it starts: pull policy, back-off between pulls, Events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet import imagename
from podlab.embedded.kubelet.pace import SECOND, Clock
from podlab.embedded.lifecycle.backoff import Backoff
from podlab.embedded.runtime import ImageError, ImageRecord, Runtime
from podlab.pods.raw import RawObject

Wait = Callable[[Awaitable[Any]], Awaitable[Any]]


class StartError(Exception):
    """
    A container could not be started; the Pod is tried again.

    Args:
        retry_at: When trying again makes sense (ns), None if nobody can know.
        in_backoff: Nothing was tried: the wait after an earlier failure is not over.
    """

    def __init__(
        self, reason: str, message: str, *, retry_at: int | None = None, in_backoff: bool = False
    ) -> None:
        super().__init__(message)
        self.reason, self.message, self.retry_at, self.in_backoff = reason, message, retry_at, in_backoff


class ImageManager:
    """Images of all Pods of a node. Back-off counts per Pod and image: another Pod tries on its own."""

    def __init__(self, runtime: Runtime, recorder: EventRecorder, clock: Clock) -> None:
        self._runtime, self._recorder, self._clock = runtime, recorder, clock
        self._backoff = Backoff()
        self._failed: dict[str, tuple[int, str]] = {}

    async def ensure(
        self, pod: RawObject, container: RawObject, field_path: str, until_ending: Wait
    ) -> ImageRecord:
        """
        Return the image of a container, pulled if its policy asks for it. Raises StartError.

        Args:
            until_ending: Waits for the pull, and gives it up when the Pod must end.
        """
        name, policy = container["image"], container.get("imagePullPolicy") or "IfNotPresent"
        try:
            if why := imagename.fault(name):
                raise ImageError("InvalidImageName", why)
            present = await self._runtime.find_image(name)
        except ImageError as error:
            raise self._refused(pod, name, error, field_path) from error
        if present and policy != "Always":
            note = f'Container image "{name}" already present on machine and can be accessed by the pod'
            self._recorder.event(pod, "Normal", "Pulled", note, field_path=field_path)
            return present
        if policy == "Never":
            note = f'Container image "{name}" is not present with pull policy of Never'
            self._recorder.event(pod, "Warning", "ErrImageNeverPull", note, field_path=field_path)
            raise StartError("ErrImageNeverPull", note)
        return await self._pull(pod, name, field_path, until_ending)

    def _refused(self, pod: RawObject, name: str, error: ImageError, field_path: str) -> StartError:
        if error.reason != "InvalidImageName":
            note = f'Failed to inspect image "{name}": {error.message}'
            self._recorder.event(pod, "Warning", "InspectFailed", note, field_path=field_path)
            return StartError("ImageInspectError", note)
        why = (
            error.message
            if error.message.startswith("couldn't parse")
            else (f'couldn\'t parse image name "{name}": {error.message}')
        )
        note = f'Failed to apply default image tag "{name}": {why}'
        self._recorder.event(pod, "Warning", "InspectFailed", note, field_path=field_path)
        return StartError("InvalidImageName", note)

    async def _pull(self, pod: RawObject, name: str, field_path: str, until_ending: Wait) -> ImageRecord:
        key = f"{pod['metadata']['uid']}_{name}"
        self._check_pull_back_off(pod, name, key, field_path)
        self._recorder.event(pod, "Normal", "Pulling", f'Pulling image "{name}"', field_path=field_path)
        begun = self._clock.now()
        try:
            image: ImageRecord = await until_ending(self._runtime.pull_image(name))
        except ImageError as error:
            raise self._pull_failed(pod, name, key, error, field_path) from error
        self._failed.pop(key, None)
        took = go_seconds(self._clock.now() - begun)
        note = f'Successfully pulled image "{name}" in {took} ({took} including waiting). '
        note += f"Image size: {image.size_bytes} bytes."
        self._recorder.event(pod, "Normal", "Pulled", note, field_path=field_path)
        return image

    def _check_pull_back_off(self, pod: RawObject, name: str, key: str, field_path: str) -> None:
        """Raise while the wait after the last failed pull is not over."""
        at, why = self._failed.get(key, (0, ""))
        ends = self._backoff.ends_at(key, at) if why else None
        if ends is None or self._clock.now() >= ends:
            return
        note = f'Back-off pulling image "{name}"'
        self._recorder.event(pod, "Normal", "BackOff", note, field_path=field_path)
        raise StartError("ImagePullBackOff", f"{note}: {why}", retry_at=ends, in_backoff=True)

    def _pull_failed(
        self, pod: RawObject, name: str, key: str, error: ImageError, field_path: str
    ) -> StartError:
        note = f'Failed to pull image "{name}": {error.message}'
        self._recorder.event(pod, "Warning", "Failed", note, field_path=field_path)
        now = self._clock.now()
        self._backoff.advance(key, now, now)
        self._failed[key] = (now, f"{error.reason}: {error.message}")
        # The next sync shows ImagePullBackOff: soon, but not so soon that nobody sees ErrImagePull.
        return StartError(error.reason, error.message, retry_at=now + SECOND)

    def forget(self, pod: RawObject) -> None:
        """The Pod is gone."""
        prefix = f"{pod['metadata']['uid']}_"
        self._backoff.forget(prefix)
        self._failed = {k: v for k, v in self._failed.items() if not k.startswith(prefix)}


def go_seconds(ns: int) -> str:
    """Return a short duration as Go prints it to the millisecond: ``12ms``, ``1.204s``."""
    millis = max(1, ns // 1_000_000)
    return f"{millis}ms" if millis < 1000 else f"{millis / 1000:g}s"
