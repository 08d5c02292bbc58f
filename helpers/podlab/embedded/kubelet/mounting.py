"""The volumes of one Pod before its containers start: set up, and tried again until all are there."""

from __future__ import annotations

import asyncio

from podlab.embedded.kubelet import podvolumes
from podlab.embedded.kubelet.nodeservices import NodeServices
from podlab.pods.raw import RawObject

RETRY_S, RETRY_CAP_S = 0.5, 122.0


class Interrupted(Exception):  # noqa: N818  (no error: the Pod was deleted while something could be given up)
    """The Pod is ending: stop waiting."""


class Mounts:
    """
    Sets up the volumes of one Pod.

    Args:
        wake: Set when something changed that may help: the missing object was created.
        ending: Set when the Pod must end.
    """

    def __init__(self, services: NodeServices, *, wake: asyncio.Event, ending: asyncio.Event) -> None:
        self._services, self._wake, self._ending = services, wake, ending

    async def set_up(self, pod: RawObject) -> dict[str, str]:
        """Return volume name -> path on the node, once all are there. Raises Interrupted when the Pod must end."""
        paths, faults = self._try_all(pod)
        wait_s = RETRY_S
        while faults:
            for name, why in faults.items():
                text = f'MountVolume.SetUp failed for volume "{name}" : {why}'
                self._services.recorder.event(pod, "Warning", "FailedMount", text)
            self._wake.clear()
            if not self._ending.is_set():
                wait_s = await self._pause(wait_s)
            if self._ending.is_set():
                raise Interrupted
            paths, faults = self._try_all(pod)
        return paths

    async def _pause(self, wait_s: float) -> float:
        """Wait for a change, or until it is time to try again; the wait after that."""
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return min(wait_s * 2, RETRY_CAP_S)
        return wait_s

    def _try_all(self, pod: RawObject) -> tuple[dict[str, str], dict[str, str]]:
        paths: dict[str, str] = {}
        faults: dict[str, str] = {}
        for volume in podvolumes.mounted(pod):
            if "image" in volume:  # pulled when its containers start
                continue
            try:
                paths[volume["name"]] = self._services.volumes.set_up(pod, volume)
            except (podvolumes.MountError, ValueError) as error:
                faults[volume["name"]] = str(error)
            except OSError as error:  # a full disk, a name that is too long
                faults[volume["name"]] = error.strerror or str(error)
        return paths, faults
