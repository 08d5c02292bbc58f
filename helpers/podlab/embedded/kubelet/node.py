"""The kubelet: one worker for each Pod that is bound to its node."""

from __future__ import annotations

import asyncio
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet import evicting, lease, podvolumes
from podlab.embedded.kubelet.clock import SECOND, Clock, Pace, WallClock
from podlab.embedded.kubelet.container_config import ConfigMaker
from podlab.embedded.kubelet.environment import Facts
from podlab.embedded.kubelet.handlers import Handlers, RuntimeHandlers
from podlab.embedded.kubelet.images import ImageManager
from podlab.embedded.kubelet.podfiles import NoFiles, PodFiles
from podlab.embedded.kubelet.podvolumes import MakeToken, PodVolumes, Volumes
from podlab.embedded.kubelet.starting import Starter
from podlab.embedded.kubelet.stopping import Stopper
from podlab.embedded.kubelet.worker import PodWorker
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import Runtime
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject

T = TypeVar("T")
EVICTION_S = 10.0


class Kubelet:
    """
    Runs the Pods of one node.

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
        volumes: Volumes,
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
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancel: list[Callable[[], None]] = []

    # -- running ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run the node's Pods until cancelled."""
        self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    def start(self) -> None:
        """Begin to watch; needs a running event loop."""
        self.runtime.watch(self._runtime_changed)
        for resource in ("configmaps", "secrets"):
            self._cancel.append(self.store.watch(resource, self._source_watcher(resource)))
        self._cancel.append(self.store.watch("pods", self._pod_changed))
        self._tasks["housekeeping"] = asyncio.ensure_future(self._look_at_storage())
        self._tasks["lease"] = asyncio.ensure_future(lease.keep(self.store, self.node_name))

    async def _look_at_storage(self) -> None:
        """Evict Pods that take more of the disk than they may; a real node looks as often."""
        while True:
            await asyncio.sleep(EVICTION_S)
            for uid, worker in list(self._workers.items()):
                if not worker.writer.may_run:
                    continue
                sandboxes, records = self.runtime.view(uid)
                view = PodView(sandboxes, records)
                text = await evicting.reason(worker.pod, view, self.runtime, self.volumes, self._on_disk)
                if text:
                    worker.evict(text)

    async def close(self) -> None:
        """Stop watching and drop all workers; the containers are the runtime's to end."""
        while self._cancel:
            self._cancel.pop()()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for worker in self._workers.values():
            worker.prober.remove()
        await self.stopper.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _pod_changed(self, kind: str, pod: RawObject) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if kind == "DELETED":
            if worker:
                worker.remove()
        elif worker:
            worker.update(pod)
        elif pod["spec"].get("nodeName") == self.node_name:
            self._begin(uid, pod)

    def _begin(self, uid: str, pod: RawObject) -> None:
        worker = self._workers[uid] = PodWorker(self, pod)
        worker.update(pod)
        task = self._tasks[uid] = asyncio.ensure_future(self._guard(uid, worker))
        task.set_name(f"pod {pod['metadata']['name']}")

    async def _guard(self, uid: str, worker: PodWorker) -> None:
        """A fault in the work on one Pod is told, and ends nothing else."""
        try:
            await worker.run()
        except Exception as error:  # any fault: the other Pods must live on
            traceback.print_exc(file=sys.stderr)
            text = f"error determining status: {error!r}"
            self.recorder.event(worker.pod, "Warning", "FailedSync", text)
        finally:
            self._workers.pop(uid, None)
            self._tasks.pop(uid, None)
            for other in self._workers.values():
                other.room_again()

    def _runtime_changed(self, pod_uid: str) -> None:
        worker = self._workers.get(pod_uid)
        if worker:
            worker.runtime_changed()

    def _source_watcher(self, resource: str) -> Callable[[str, RawObject], None]:
        def changed(_kind: str, found: RawObject) -> None:
            meta = found["metadata"]
            for worker in self._workers.values():
                mine = worker.pod["metadata"]["namespace"] == meta.get("namespace")
                if mine and (resource, meta["name"]) in podvolumes.sources(worker.pod):
                    worker.source_changed()

        return changed

    # -- what workers ask ------------------------------------------------------------------------------------

    def facts(self, pod: RawObject) -> Facts:
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
        return Facts(addresses, self.allocatable())

    def node(self) -> RawObject:
        """The node's object; empty while there is none."""
        return self.store.get("nodes", "", self.node_name) or {}

    def allocatable(self) -> dict[str, str]:
        """The node's allocatable resources, from its object."""
        return dict((self.node().get("status") or {}).get("allocatable") or {})

    def others(self, uid: str) -> list[RawObject]:
        """The Pods that have a worker, without one."""
        return [w.pod for u, w in self._workers.items() if u != uid]

    async def forget(self, pod: RawObject) -> None:
        """Remove what the node keeps of a Pod that has ended."""
        await self.runtime.remove_pod(pod["metadata"]["uid"])
        self.volumes.forget(pod)
        await self._on_disk(self._disk.remove, pod["metadata"]["uid"])
        self.files.remove(pod)
        self.starter.forget(pod)

    async def _on_disk(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do what may take long beside the loop: a Pod can write millions of files, and nobody is to wait for them."""
        if isinstance(self.files, NoFiles):
            return work(*arguments)
        return await asyncio.to_thread(work, *arguments)
