"""The kubelet: one worker for each Pod that is bound to its node."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

from podlab.embedded.kubelet import evictionmanager, lease, nodehealth, podvolumes
from podlab.embedded.kubelet.nodeservices import NodeServices
from podlab.embedded.kubelet.worker import PodWorker
from podlab.embedded.lifecycle.view import PodView
from podlab.pods.raw import RawObject

T = TypeVar("T")
EVICTION_S = 10.0


class Kubelet:
    """Runs the Pods of one node: one worker for each Pod that is bound to it."""

    def __init__(self, services: NodeServices) -> None:
        self.services = services
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancel: list[Callable[[], None]] = []
        self._full = False  # the disk, at the last look

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
        self.services.runtime.watch(self._runtime_changed)
        for resource in ("configmaps", "secrets"):
            self._cancel.append(self.services.store.watch(resource, self._source_watcher(resource)))
        self._cancel.append(self.services.store.watch("pods", self._pod_changed))
        self._tasks["housekeeping"] = asyncio.ensure_future(self._look_at_storage())
        self._tasks["lease"] = asyncio.ensure_future(lease.keep(self.services.store, self.services.node_name))

    async def _look_at_storage(self) -> None:
        """Evict Pods that take more of the disk than they may; a real node looks as often."""
        while True:
            await asyncio.sleep(EVICTION_S)
            self._look_at_node()
            for uid, worker in list(self._workers.items()):
                if not worker.writer.may_run:
                    continue
                sandboxes, records = self.services.runtime.view(uid)
                view = PodView(sandboxes, records)
                text = await evictionmanager.reason(
                    worker.pod, view, self.services.runtime, self.services.volumes, self.services.on_disk
                )
                if text:
                    worker.evict(text)
            if self._full:
                await self._make_room()

    async def _make_room(self) -> None:
        """Evict one Pod from a full disk, if one takes enough of it to help."""
        services, found = self.services, []
        for uid, worker in list(self._workers.items()):
            if worker.writer.may_run:
                view = PodView(*services.runtime.view(uid))
                found.append(
                    await evictionmanager.usage(
                        worker.pod, view, services.runtime, services.volumes, services.on_disk
                    )
                )
        used = evictionmanager.first_to_go(found, nodehealth.LEAST_BYTES)
        worker_of = self._workers.get(used.pod["metadata"]["uid"]) if used else None
        if used and worker_of:
            worker_of.evict(evictionmanager.low_message(used))

    def _look_at_node(self) -> None:
        """Say what state the node itself is in."""
        services = self.services
        full = nodehealth.full(services.folder, services.runtime.unwritten()) if services.folder else ""
        self._full = bool(full)
        state = nodehealth.State(services.runtime.lost, full)
        nodehealth.put(services.store, services.node_name, state, services.recorder)

    async def close(self) -> None:
        """Stop watching and drop all workers; the containers are the runtime's to end."""
        while self._cancel:
            self._cancel.pop()()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for worker in self._workers.values():
            worker.prober.remove()
        await self.services.stopper.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _pod_changed(self, kind: str, pod: RawObject) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if kind == "DELETED":
            if worker:
                worker.remove()
        elif worker:
            worker.update(pod)
        elif pod["spec"].get("nodeName") == self.services.node_name:
            self._begin(uid, pod)

    def _begin(self, uid: str, pod: RawObject) -> None:
        worker = self._workers[uid] = PodWorker(self.services, pod, self.others)
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
            self.services.recorder.event(worker.pod, "Warning", "FailedSync", text)
        finally:
            self._workers.pop(uid, None)
            self._tasks.pop(uid, None)
            for other in self._workers.values():
                other.room_again()

    def _runtime_changed(self, pod_uid: str) -> None:
        if not pod_uid:  # the node itself: it is gone, or back
            self._look_at_node()
            for one in self._workers.values():
                one.node_changed()
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

    def others(self, uid: str) -> list[RawObject]:
        """Return the Pods that have a worker, without one."""
        return [w.pod for u, w in self._workers.items() if u != uid]
