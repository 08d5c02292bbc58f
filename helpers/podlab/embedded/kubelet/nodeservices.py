"""The record of what the work on one Pod needs of its node: store, runtime, clock, Events, volumes, files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet.container_config import ConfigMaker
from podlab.embedded.kubelet.environment import EnvironmentFacts
from podlab.embedded.kubelet.handlers import Handlers, RuntimeHandlers
from podlab.embedded.kubelet.imagemanager import ImageManager
from podlab.embedded.kubelet.pace import SECOND, Clock, Pace, WallClock
from podlab.embedded.kubelet.podfiles import NoFiles, PodFiles
from podlab.embedded.kubelet.podvolumes import MakeToken, PodVolumes, VolumeWriter
from podlab.embedded.kubelet.starting import Starter
from podlab.embedded.kubelet.stopping import Stopper
from podlab.embedded.runtime import Runtime
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject

T = TypeVar("T")


class NodeServices:
    """
    The services of one node, shared by the workers of its Pods.

    Args:
        store: Where Pods are read from, and status and Events are written to.
        runtime: What runs containers.
        folder: Where logs are kept; None in a simulation, which keeps no files.
        small: Where messages and hosts files are kept; by default with the logs.
        volumes: What writes volumes to disk.
        make_token: ``(pod, audiences, seconds) -> token`` for projected service account tokens.
        pace: ``prompt``, or ``kubelet`` with a real kubelet's delays.
        handlers: What runs probes and hooks; None: on the runtime.
        seed: Of the jitter of delays.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        *,
        node_name: str,
        volumes: VolumeWriter,
        node_ip: str = "",
        clock: Clock | None = None,
        folder: Path | None = None,
        small: str = "",
        make_token: MakeToken | None = None,
        allow_host_path: bool = False,
        pace: str = "prompt",
        handlers: Handlers | None = None,
        seed: int | None = None,
    ) -> None:
        self.store, self.runtime = store, runtime
        self.node_name, self.node_ip = node_name, node_ip
        self.clock = clock or WallClock()
        self.pace = Pace(pace, random.Random(seed))
        self.handlers = handlers or RuntimeHandlers(runtime)
        self.recorder = EventRecorder(
            store, "kubelet", host=node_name, clock=lambda: self.clock.now() / SECOND
        )
        self.files = NoFiles(Path("/")) if folder is None else PodFiles(folder, small)
        self.folder = "" if folder is None else str(folder)
        self._disk = volumes
        self.volumes = PodVolumes(store, volumes, self.facts, make_token, allow_host_path)
        self.stopper = Stopper(runtime, self.handlers, self.recorder)
        self.starter = Starter(
            runtime,
            self.handlers,
            self.recorder,
            self.clock,
            images=ImageManager(runtime, self.recorder, self.clock),
            configs=ConfigMaker(store, self.files),
            stopper=self.stopper,
        )

    def facts(self, pod: RawObject) -> EnvironmentFacts:
        """Addresses of a Pod and resources of the node, for the downward API."""
        sandboxes, _ = self.runtime.view(pod["metadata"]["uid"])
        address = sandboxes[0].ip if sandboxes else (pod.get("status") or {}).get("podIP", "")
        if pod["spec"].get("hostNetwork"):
            address = self.node_ip
        addresses = {
            "status.podIP": address,
            "status.podIPs": address,
            "status.hostIP": self.node_ip,
            "status.hostIPs": self.node_ip,
        }
        return EnvironmentFacts(addresses, self.allocatable())

    def node(self) -> RawObject:
        """Return the node's object; empty if absent."""
        return self.store.get("nodes", "", self.node_name) or {}

    def allocatable(self) -> dict[str, str]:
        """Return the node's allocatable resources, from its object."""
        return dict((self.node().get("status") or {}).get("allocatable") or {})

    async def empty(self, pod: RawObject) -> None:
        """Remove the logs and volumes of a Pod that was evicted, and whose object stays."""
        await self.on_disk(self._disk.remove, pod["metadata"]["uid"])
        self.files.remove(pod)

    async def forget(self, pod: RawObject) -> None:
        """Remove what the node keeps of a Pod that has ended."""
        await self.runtime.remove_pod(pod["metadata"]["uid"])
        self.volumes.forget(pod)
        await self.on_disk(self._disk.remove, pod["metadata"]["uid"])
        self.files.remove(pod)
        self.starter.forget(pod)

    async def on_disk(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run slow file work in a thread: a Pod can write millions of files, and the other Pods must not wait."""
        if isinstance(self.files, NoFiles):
            return work(*arguments)
        return await asyncio.to_thread(work, *arguments)
