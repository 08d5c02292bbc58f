"""The probes of one Pod: a worker for each, ticking from the Pod's admission on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet.handlers import Handlers, Outcome, ProbeError
from podlab.embedded.kubelet.pace import SECOND, Clock
from podlab.embedded.kubelet.statuswriter import StatusWriter
from podlab.embedded.lifecycle import spec
from podlab.embedded.lifecycle.containers import ID_PREFIX
from podlab.embedded.lifecycle.podstatus import parse_time
from podlab.embedded.lifecycle.probes import (
    INITIAL,
    KINDS,
    LIVENESS,
    READINESS,
    STARTUP,
    Counter,
    ProbeResults,
    Result,
)
from podlab.pods import roles
from podlab.pods.phase import ENDED
from podlab.pods.raw import RawObject

RETRIES = 3
CANCELLED = "rpc error: code = Canceled desc = context canceled"


class PodProber:
    """
    All probe workers of one Pod, and the results that they share with decisions and status.

    Args:
        on_result: Called when a result that matters to the next sync has changed.
    """

    def __init__(
        self,
        handlers: Handlers,
        recorder: EventRecorder,
        clock: Clock,
        writer: StatusWriter,
        *,
        on_result: Callable[[], None],
    ) -> None:
        self.handlers, self.recorder, self.clock, self.writer = handlers, recorder, clock, writer
        self.on_result = on_result
        self.results = ProbeResults()
        self.ending = asyncio.Event()
        self._workers: dict[tuple[str, str], tuple[_Worker, asyncio.Task[None]]] = {}

    def add(self, pod: RawObject) -> None:
        """Make the workers that are missing: for regular containers and sidecars."""
        for key, container in roles.every_container(pod):
            if key == roles.EPHEMERAL or (key == roles.INIT and not roles.is_sidecar(container)):
                continue
            for kind in KINDS:
                identity = (kind, container["name"])
                if container.get(f"{kind}Probe") and identity not in self._workers:
                    worker = _Worker(self, pod, key, container, kind)
                    self.results.workers.add(identity)
                    self._workers[identity] = (worker, asyncio.ensure_future(worker.run()))

    def nudge(self) -> None:
        """Probe readiness at once where a running container is not ready yet."""
        for (kind, name), (worker, _) in self._workers.items():
            status = self.writer.of_container(name) if kind == READINESS else None
            if status and status.get("started") and not status.get("ready"):
                worker.nudged.set()

    def stop(self) -> None:
        """
        The Pod is ending: regular containers are not asked any more whether they live or have started.

        Readiness goes on, and so do all probes of sidecars. Only commands cannot be run any more: on a real node
        the context that they are called with has ended with the last sync (seen in the trace of
        readiness-during-termination), so nothing is learnt from them.
        """
        self.ending.set()
        for (kind, _), (worker, task) in list(self._workers.items()):
            if kind != READINESS and worker.regular:
                task.cancel()

    def remove(self) -> None:
        """The Pod has ended: forget workers and results."""
        for _, task in self._workers.values():
            task.cancel()
        self._workers.clear()
        self.results.workers.clear()


class _Worker:
    """One probe of one container, across its restarts."""

    def __init__(self, prober: PodProber, pod: RawObject, key: str, container: RawObject, kind: str) -> None:
        self._prober, self._pod, self._container, self._kind = prober, pod, container, kind
        self._probe = container[f"{kind}Probe"]
        self.regular = key == roles.APP
        self._path = spec.field_path(key, container["name"])
        self._counter = Counter(self._probe)
        self._id = ""
        self._on_hold = False
        self.nudged = asyncio.Event()

    async def run(self) -> None:
        """Tick until nothing is left to probe."""
        loop = asyncio.get_running_loop()
        period_s = float(self._probe.get("periodSeconds") or 10)
        tick = loop.time()
        while await self._tick():
            while tick <= loop.time():  # a tick that was missed is not made up for
                tick += period_s
            try:
                async with asyncio.timeout_at(tick):
                    await self.nudged.wait()
                tick = loop.time()  # after a nudge the ticks count from zero
            except TimeoutError:
                pass
            self.nudged.clear()

    async def _tick(self) -> bool:
        """One look at the container; False when the worker has nothing more to do."""
        if self._prober.writer.status.get("phase") in ENDED:
            return False
        status = self._prober.writer.of_container(self._container["name"])
        if not status or not status.get("containerID"):
            return True
        self._adopt(status["containerID"].removeprefix(ID_PREFIX))
        if self._on_hold:
            return True
        running = status["state"].get("running")
        if running is None:
            self._set(Result.FAILURE)
            return "terminated" not in status["state"] or self._comes_back()
        if not self._is_due(status, running):
            return True
        outcome = await self._ask()
        if outcome is not None:
            self._take(outcome)
        return True

    def _comes_back(self) -> bool:
        return spec.comes_back(self._pod, self._container)

    def _adopt(self, container_id: str) -> None:
        if container_id == self._id:
            return
        self._id, self._on_hold = container_id, False
        self._prober.results.results[self._kind, container_id] = INITIAL[self._kind]

    def _is_due(self, status: RawObject, running: RawObject) -> bool:
        since_s = (self._prober.clock.now() - parse_time(running["startedAt"])) // SECOND
        if since_s < int(self._probe.get("initialDelaySeconds") or 0):
            return False
        return bool(status.get("started")) != (self._kind == STARTUP)

    async def _ask(self) -> Outcome | None:
        """One outcome; None if the probe itself could not be made."""
        address = str(self._prober.writer.status.get("podIP") or "127.0.0.1")
        for attempt in range(RETRIES):
            try:
                outcome = await self._once(address)
            except ProbeError as error:
                if attempt == RETRIES - 1:
                    text = f"{self._kind.capitalize()} probe errored and resulted in unknown state: {error}"
                    self._warn("Unhealthy", text)
                continue
            self._report(outcome)
            return outcome
        return None

    async def _once(self, address: str) -> Outcome:
        """One try. Raises ProbeError, also for a command that the end of the Pod cuts short."""
        made = self._prober.handlers.probe(self._pod, self._container, self._kind, self._id, address)
        if "exec" not in self._probe:
            return await made
        task, ending = asyncio.ensure_future(made), asyncio.ensure_future(self._prober.ending.wait())
        try:
            await asyncio.wait((task, ending), return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise ProbeError(CANCELLED)
            return task.result()
        finally:
            ending.cancel()
            task.cancel()

    def _report(self, outcome: Outcome) -> None:
        if not outcome.passed:
            self._warn("Unhealthy", f"{self._kind.capitalize()} probe failed: {outcome.output}")
        elif outcome.warning:
            self._warn("ProbeWarning", f"{self._kind.capitalize()} probe warning: {outcome.output}")

    def _warn(self, reason: str, text: str) -> None:
        self._prober.recorder.event(self._pod, "Warning", reason, text, field_path=self._path)

    def _take(self, outcome: Outcome) -> None:
        result = self._counter.add(outcome.passed)
        if result is None:
            return
        self._set(result)
        if self._kind == STARTUP or (self._kind == LIVENESS and result is Result.FAILURE):
            # Nothing more to learn of this instance: wait for the next one.
            self._on_hold = True
            self._counter.restart_run()

    def _set(self, result: Result) -> None:
        results, key = self._prober.results.results, (self._kind, self._id)
        if results.get(key) is result:
            return
        results[key] = result
        name, passed = self._container["name"], result is Result.SUCCESS
        if self._kind == READINESS:
            self._prober.writer.set_ready(name, self._id, passed)
        elif self._kind == STARTUP:
            self._prober.writer.set_started(name, self._id, passed)
        if self._kind != LIVENESS or not passed:
            self._prober.on_result()
