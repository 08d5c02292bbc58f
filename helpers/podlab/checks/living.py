"""
A Pod that is recorded while something is done to it: killed, watched, waited for.

The recorder runs in a thread of its own; what it sees is kept here, newest state by Pod, so that a check or a
lesson can wait for "both run" and then act, and still get one whole recording at the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from podlab.errors import CheckError, NotFoundError, PodlabError
from podlab.manifests import Manifest

if TYPE_CHECKING:
    from podlab.client import Client
    from podlab.observe import Recording
    from podlab.timeline import Timeline

RawObject = dict[str, Any]
MOST_S = 300.0


class Living:
    """
    One Pod, applied and recorded from entering the block to leaving it, and then removed.

    Args:
        client, namespace: Where.
        manifest: A Pod; its name must be free or the grader's own (a Pod of that name is replaced).
    """

    def __init__(self, client: Client, namespace: str, manifest: Manifest) -> None:
        self.client, self.namespace, self.name = client, namespace, manifest.name
        self._manifest = manifest
        self._latest: RawObject = {}
        self._over = threading.Event()
        self._recording: Recording | None = None
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._record, name="living", daemon=True)

    def __enter__(self) -> Living:
        self._remove()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(30)
        with suppress(PodlabError):
            self._remove()

    # -- asking -------------------------------------------------------------------------------------------

    def running(self, container: str) -> bool:
        """Whether the container runs, by the newest status."""
        return "running" in (self._status(container).get("state") or {})

    def ended(self) -> bool:
        """Whether the Pod's phase is Succeeded or Failed."""
        return (self._latest.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    def wait(self, done: Callable[[], bool], deadline_s: float) -> bool:
        """
        Wait until *done*, or until the deadline: True in the first case. Raises what ended the
        recording.
        """
        gives_up_at = time.monotonic() + deadline_s
        while time.monotonic() < gives_up_at:
            if self._problem is not None:
                raise self._problem
            if done():
                return True
            time.sleep(0.1)
        return False

    def pause(self, seconds: float) -> None:
        """Let the Pod live on for a while."""
        self.wait(lambda: False, seconds)

    # -- doing --------------------------------------------------------------------------------------------

    def kill(self, container: str) -> None:
        """Tell process 1 of the container to stop, from inside; the kubelet sees an exit like any other."""
        self.client.exec(self.namespace, self.name, ["sh", "-c", "kill -TERM 1"], container=container)

    # -- the end ------------------------------------------------------------------------------------------

    def timeline(self) -> Timeline:
        """End the recording and return its timeline."""
        self._over.set()
        self._thread.join(30)
        if self._problem is not None:
            raise self._problem
        if self._recording is None:
            raise CheckError("the recording did not end in time", hint="run the cell again")
        return self._recording.timeline(self.name)

    # -- plumbing -----------------------------------------------------------------------------------------

    def _record(self) -> None:
        from podlab import observe

        try:
            self._recording = observe.record(
                self.client,
                [self._manifest],
                namespace=self.namespace,
                until=lambda _pods: self._over.is_set(),
                deadline_s=MOST_S,
                out=None,
                on_observation=self._see,
            )
        except BaseException as error:  # handed to whoever waits; a thread has nobody to tell
            self._problem = error

    def _see(self, observation: Mapping[str, Any]) -> None:
        if observation.get("resource") == "pods":
            body = observation["object"]
            if body["metadata"]["name"] == self.name:
                self._latest = body

    def _status(self, container: str) -> RawObject:
        status = self._latest.get("status") or {}
        rows: Sequence[RawObject] = (status.get("initContainerStatuses") or []) + (
            status.get("containerStatuses") or []
        )
        return next((row for row in rows if row["name"] == container), {})

    def _remove(self) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"
        with suppress(NotFoundError):
            self.client.delete(path, {"gracePeriodSeconds": 0})
        for _ in range(100):
            try:
                self.client.get(path)
            except NotFoundError:
                return
            time.sleep(0.1)
