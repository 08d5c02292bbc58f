"""The life of one Pod on the node: one task that syncs it again and again, until it has ended and is gone."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from podlab.embedded.kubelet import admithandlers
from podlab.embedded.kubelet.allocation import Resizes
from podlab.embedded.kubelet.mounting import Interrupted, Mounts
from podlab.embedded.kubelet.nodeservices import NodeServices
from podlab.embedded.kubelet.pace import SECOND
from podlab.embedded.kubelet.performing import Performer
from podlab.embedded.kubelet.probing import PodProber
from podlab.embedded.kubelet.statuswriter import StatusWriter
from podlab.embedded.lifecycle import conditions, podstatus, restartall, termination
from podlab.embedded.lifecycle.actions import compute_pod_actions
from podlab.embedded.lifecycle.containers import StartFailure, rfc3339
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerState, RuntimeFault
from podlab.pods import roles
from podlab.pods.phase import ENDED, has_ended
from podlab.pods.raw import RawObject

T = TypeVar("T")

TICK_NS = SECOND  # a real kubelet looks at deadlines once a second


class PodWorker:
    """
    The worker of one Pod: its syncs, one after another.

    Source: podWorkers.podWorkerLoop in pkg/kubelet/pod_workers.go, read at v1.36.3.
    """

    def __init__(
        self, services: NodeServices, pod: RawObject, others: Callable[[str], list[RawObject]]
    ) -> None:
        self._services, self.pod, self._others = services, pod, others
        self._wanted = pod  # the object of the API; ``pod`` has the resources that were granted
        self._resizes = Resizes(services.recorder, pod)
        self.uid: str = pod["metadata"]["uid"]
        self._wake, self._ending = asyncio.Event(), asyncio.Event()
        self._removed, self._evicted = False, ""
        self._performer = Performer(services, until_ending=self._until_ending, retry=self._retry)
        self._mounts = Mounts(services, wake=self._wake, ending=self._ending)
        self._messages: dict[str, str] = {}
        self._seen: dict[str, ContainerState] = {}  # what the last look showed, by container id
        self._due: int | None = None
        self._shown_at: int | None = None  # when the status shows a back-off that has begun
        self.writer = StatusWriter(services.store, services.clock, pod)
        self.prober = PodProber(
            services.handlers, services.recorder, services.clock, self.writer, on_result=self._wake.set
        )

    # -- what others tell the worker -------------------------------------------------------------------------

    def update(self, pod: RawObject) -> None:
        """The object has changed. A change of the status alone is our own, unless somebody added a condition."""
        changed = _relevant(pod) != _relevant(self._wanted)
        self._wanted = pod
        if changed:
            self._ask_for_resources()
        self.pod = self._resizes.allocated(pod)
        if pod["metadata"].get("deletionTimestamp"):
            self._ending.set()
        if changed:
            self._wake.set()

    def _ask_for_resources(self) -> None:
        """Grant other resources than the Pod has, if they are wanted and the node has room."""
        refusal = admithandlers.no_room(self._wanted, self._others(self.uid), self._services.node())
        self._resizes.asked(self._wanted, refusal, self._services.clock.now())

    def room_again(self) -> None:
        """Another Pod has left the node: a resize that waits may fit now."""
        if self._resizes.waits:
            self._ask_for_resources()
            self.pod = self._resizes.allocated(self._wanted)
            self._wake.set()

    def remove(self) -> None:
        """The object is gone."""
        self._removed = True
        self._ending.set()
        self._wake.set()

    def runtime_changed(self) -> None:
        """A container or the sandbox changed its state."""
        starts = self._only_starts()
        delay_s = self._services.pace.notice_delay_s(self._services.clock.now(), only_starts=starts)
        if delay_s <= 0:
            self._wake.set()
        elif self._unseen():
            asyncio.get_running_loop().call_later(delay_s, self._notice, starts)
        else:  # the sandbox: its news are no container's, so nothing can have been seen meanwhile
            asyncio.get_running_loop().call_later(delay_s, self._wake.set)

    def _notice(self, starts: bool) -> None:
        """Sync if there is still something new; an end that came after a start is noticed in its own time."""
        if self._unseen() and starts == self._only_starts():
            self._wake.set()

    def _only_starts(self) -> bool:
        changed = self._unseen()
        return bool(changed) and all(s is not ContainerState.EXITED for s in changed)

    def _unseen(self) -> list[ContainerState]:
        """Return the states of containers that changed since the last look."""
        _, records = self._services.runtime.view(self.uid)
        return [r.state for r in records if self._seen.get(r.id) is not r.state]

    def node_changed(self) -> None:
        """The node was lost, or serves again."""
        self._wake.set()

    def evict(self, message: str) -> None:
        """The Pod takes more of the node than it may: end it, for good."""
        self._evicted = message
        self._ending.set()
        self._wake.set()

    def source_changed(self) -> None:
        """A ConfigMap or Secret that the Pod refers to was changed."""
        if self._services.pace.prompt:
            self._wake.set()

    # -- the loop --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sync until the Pod has ended and its object is gone."""
        if not has_ended(self.pod) and not self._refused():
            await self._live()
        while True:
            try:
                return await self._end()
            except Exception as error:  # the Pod must go sooner or later, whatever goes wrong
                self._told(error)
                await asyncio.sleep(self._services.pace.retry_s())

    async def _live(self) -> None:
        while not self._ending.is_set():
            self._wake.clear()
            self._due = self._services.clock.now() + int(self._services.pace.resync_s() * SECOND)
            try:
                if await self._sync_pod():
                    return
            except Interrupted:
                return
            except Exception as error:  # a full disk, a runtime that is gone: this Pod is tried again
                self._told(error)
                self._retry(None)
            await self._sleep()

    def _told(self, error: Exception) -> None:
        """Say that the work on this Pod failed; a fault that is ours also goes to the log of the daemon."""
        text = error.message if isinstance(error, RuntimeFault) else str(error) or repr(error)
        if not isinstance(error, (RuntimeFault, OSError)):
            traceback.print_exception(error, file=sys.stderr)
            text = repr(error)
        self._services.recorder.event(self.pod, "Warning", "FailedSync", f"error syncing pod: {text}")

    async def _sleep(self) -> None:
        """Until something happens, or the next sync is due by itself; a back-off is shown meanwhile."""
        now = self._services.clock.now()
        due = self._due if self._due is not None else now
        deadline = podstatus.deadline_at(self.pod, self.writer.status)
        if deadline is not None and self.writer.status.get("phase") not in ENDED:
            due = min(due, max(deadline, now + TICK_NS // 100))
        shown_at, self._shown_at = self._shown_at, None
        if shown_at is not None and shown_at < due:
            if await self._woken(shown_at):
                return
            self._tell(self._glance())
        await self._woken(due)

    async def _woken(self, until: int) -> bool:
        """Wait until something happens, not longer than until the instant *until* (ns); False if nothing did."""
        left = until - self._services.clock.now()
        if left <= 0:
            return self._wake.is_set()
        try:
            async with asyncio.timeout(left / SECOND):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def _retry(self, at: int | None, *, back_off: bool = False) -> None:
        """Sync again by itself, at about *at*; None: after the usual while."""
        due = self._services.pace.next_sync(self._services.clock.now(), at, back_off=back_off)
        self._due = due if self._due is None else min(self._due, due)

    # -- one sync --------------------------------------------------------------------------------------------

    async def _sync_pod(self) -> bool:
        """Observe the Pod, report its status, then act (SyncPod). True when the Pod has ended."""
        view = self._view()
        self._resizes.look(self.pod, view)
        self._tell(view)
        if self.writer.status["phase"] in ENDED:
            return True
        if self._services.runtime.lost:  # nothing can be started; as a real kubelet skips its syncs then
            return False
        volumes = await self._mounts.set_up(self.pod)
        self.prober.add(self.pod)
        self.prober.nudge()
        before = dict(self._performer.failures)
        again = restartall.under_way(self.writer.status)
        due = [] if again else self._resizes.due(view)
        restarts = frozenset(r.id for r in due if self._resizes.restarts(self._container(r.name), r))
        actions = compute_pod_actions(
            self.pod, view, self.prober.results, restart_all=again, resized=restarts
        )
        await self._performer.sync_pod(self.pod, actions, view, volumes)
        for record in due:
            if record.id not in restarts:
                await self._performer.resize(record, self._resizes.put_into_force(record))
        if actions.resets or due:
            self._wake.set()  # start now what was removed, and report the resources in force
        if not self._ending.is_set():
            self._show_failures(before)
        return False

    def _show_failures(self, before: Mapping[str, StartFailure]) -> None:
        """Say why containers did not start: at once what was tried, later that a crashed one waits."""
        new = [f for name, f in self._performer.failures.items() if f != before.get(name)]
        shown_s = self._services.pace.back_off_shown_s()
        if shown_s is None:
            return
        if any(not failure.waits for failure in new):
            self._tell(self._view())
        elif new:
            self._shown_at = self._services.clock.now() + int(shown_s * SECOND)

    def _container(self, name: str) -> RawObject:
        found = roles.find(self.pod, name)
        return found[1] if found else {}

    def _tell(self, view: PodView, *, terminal: bool = False, evicted: str = "") -> None:
        """Generate the status and write it."""
        seen = podstatus.StatusInputs(
            view=view,
            probes=self.prober.results,
            old=self.writer.status,
            now=self._services.clock.now(),
            node_ip=self._services.node_ip,
            failures=self._performer.failures,
            resizes=self._resizes.conditions(),
        )
        status = podstatus.generate_api_pod_status(self.pod, seen, terminal=terminal)
        if status.get("reason") == "DeadlineExceeded" and self.writer.may_run:
            self._services.recorder.event(self.pod, "Normal", "DeadlineExceeded", podstatus.DEADLINE)
        if evicted:
            podstatus.mark_evicted(status, evicted)
        self.writer.set(status)

    def _view(self) -> PodView:
        """Look at the runtime for a sync."""
        view = self._glance()
        self._seen = {r.id: r.state for r in view.containers}
        return view

    def _glance(self) -> PodView:
        """Return what a sync would see now; what is new in it stays to be noticed."""
        sandboxes, records = self._services.runtime.view(self.uid)
        for record in records:
            if record.finished_at is not None and record.id not in self._messages:
                self._messages[record.id] = self._services.files.message(self.pod, record)
        return PodView(tuple(sandboxes), tuple(records), self._messages)

    async def _until_ending(self, work: Awaitable[T]) -> T:
        """Return the result of *work*, which is given up when the Pod must end."""
        task, ending = asyncio.ensure_future(work), asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait((task, ending), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Interrupted
        finally:
            ending.cancel()
            task.cancel()

    # -- the end ---------------------------------------------------------------------------------------------

    def _refused(self) -> bool:
        """Fail a Pod that does not fit on the node; True if it was."""
        refusal = admithandlers.refusal(self.pod, self._others(self.uid), self._services.node())
        if refusal is None:
            return False
        reason, text = refusal
        self._services.recorder.event(self.pod, "Warning", reason, text)
        now = self._services.clock.now()
        self.writer.may_run = False
        rejected = {"phase": "Failed", "reason": reason, "message": f"Pod was rejected: {text}"}
        self.writer.set({**rejected, "startTime": rfc3339(now), "conditions": []})
        return True

    async def _end(self) -> None:
        """Stop the containers, then wait until the object is deleted, and clean up."""
        if self.writer.may_run and self.writer.status.get("conditions") is not None:
            await self._sync_terminating_pod()
        while not self._may_go():
            self._wake.clear()
            if self._may_go():
                break
            await self._wake.wait()
        await self._sync_terminated_pod()

    async def _sync_terminating_pod(self) -> None:
        """Stop the containers and report how they ended (SyncTerminatingPod)."""
        if self._evicted:
            self._services.recorder.event(self.pod, "Warning", "Evicted", self._evicted)
        self._tell(self._view(), evicted=self._evicted)
        before = self.writer.status
        self.prober.stop()
        await self._stop_containers()
        self.prober.remove()
        self._tell(self._view(), terminal=True)
        self.writer.may_run = False
        self._tell(self._view(), terminal=True)
        self.writer.set(podstatus.final(self.pod, self.writer.status, before))
        if self._evicted:
            await self._remove_containers()

    async def _remove_containers(self) -> None:
        """Make room at once: of a Pod that was put out no log is left."""
        for record in self._view().containers:
            await self._services.runtime.remove_container(record.id)
        await self._services.empty(self.pod)

    async def _stop_containers(self) -> None:
        while True:
            try:
                grace_s = 1 if self._evicted else termination.pod_grace_s(self.pod)
                # Nothing is probed whose network is being taken away.
                ended = self.prober.remove
                return await self._services.stopper.kill_pod(self.pod, self._view(), grace_s, ended)
            except RuntimeFault as fault:
                text = f"error killing pod: {fault.message}"
                self._services.recorder.event(self.pod, "Warning", "FailedKillPod", text)
                await asyncio.sleep(self._services.pace.retry_s())

    def _may_go(self) -> bool:
        meta = self.pod["metadata"]
        return self._removed or bool(meta.get("deletionTimestamp") and not meta.get("finalizers"))

    async def _sync_terminated_pod(self) -> None:
        """Remove all that the node keeps of the Pod, then its object (SyncTerminatedPod)."""
        await self._services.forget(self.pod)
        if not self._removed and self.writer.stored() is not None:
            meta = self.pod["metadata"]
            self._services.store.delete("pods", meta["namespace"], meta["name"])


def _relevant(pod: RawObject) -> tuple[Any, ...]:
    """Return what of a Pod makes its node act: everything but the node's own status."""
    meta = pod["metadata"]
    foreign = [
        (c["type"], c["status"])
        for c in (pod.get("status") or {}).get("conditions") or ()
        if c["type"] not in conditions.OWNED
    ]
    fields = ("labels", "annotations", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers")
    return (pod["spec"], foreign, *(meta.get(f) for f in fields))
