"""A runtime whose containers follow scripts, on the time of the event loop."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from podlab.embedded.kubelet.handlers import HookError, Outcome
from podlab.embedded.kubelet.pace import Clock
from podlab.embedded.lifecycle import spec
from podlab.embedded.runtime import (
    ContainerConfig,
    ContainerRecord,
    ContainerState,
    ExecResult,
    ImageError,
    ImageRecord,
    RuntimeFault,
    SandboxConfig,
    SandboxRecord,
)
from podlab.pods.raw import RawObject
from podlab.simulation.script import IGNORE, ContainerScript

NodeEvent = Callable[..., None]

# What these take on a small machine: the order of things must be seen, more is not claimed.
SANDBOX_S, CREATE_S, START_S, STOP_S = 0.020, 0.002, 0.004, 0.003
KILLED = 137


@dataclass(slots=True)
class _Container:
    record: ContainerRecord
    script: ContainerScript
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None


class ScriptedRuntime:
    """
    Plays the containers of any number of Pods.

    Args:
        scripts: Pod uid -> container name -> script.
        on_event: Called with what a node records: ``event``, ``pod_uid``, ``container``…
    """

    def __init__(
        self, clock: Clock, scripts: Mapping[str, Mapping[str, ContainerScript]], on_event: NodeEvent
    ) -> None:
        self._clock, self._scripts, self._on_event = clock, scripts, on_event
        self._changed: Callable[[str], None] = lambda uid: None
        self._sandboxes: dict[str, list[SandboxRecord]] = {}
        self._containers: dict[str, dict[str, _Container]] = {}
        self._pulled: set[str] = set()
        self._addresses = 1
        self.granted = frozenset({"NET_ADMIN"})
        self.filters_calls = True
        self.lost = ""
        self._unpulled: dict[str, ContainerScript] = {}

    def mark_absent(self, image: str, script: ContainerScript) -> None:
        """The image has to be pulled, as the script of its container says."""
        if script.pull_s is not None or script.pull_error is not None:
            self._unpulled[image] = script

    # -- looking ---------------------------------------------------------------------------------------------

    def watch(self, on_change: Callable[[str], None]) -> None:
        """Call *on_change(pod_uid)* after every change."""
        self._changed = on_change

    def view(self, pod_uid: str) -> tuple[Sequence[SandboxRecord], Sequence[ContainerRecord]]:
        """Return all records of one Pod, newest first."""
        containers = self._containers.get(pod_uid, {})
        return self._sandboxes.get(pod_uid, [])[::-1], [c.record for c in containers.values()][::-1]

    def unwritten(self) -> int:
        """None: a simulation writes no logs."""
        return 0

    def script_of(self, container_id: str) -> tuple[ContainerScript, ContainerRecord]:
        """Return the script of a container, and its record."""
        found = self._find(container_id)
        return found.script, found.record

    def ended(self, container_id: str) -> asyncio.Event:
        """Set once the container has ended."""
        return self._find(container_id).ended

    # -- images ----------------------------------------------------------------------------------------------

    async def find_image(self, name: str) -> ImageRecord | None:
        """Present, unless a script says that it must be pulled."""
        if name in self._pulled or self._image_script(name) is None:
            return _image(name)
        return None

    async def pull_image(self, name: str) -> ImageRecord:
        """Takes as long as the script says, or fails."""
        script = self._image_script(name)
        self._on_event("pull-start", image=name)
        await asyncio.sleep((script.pull_s if script else None) or 0.1)
        self._on_event("pull-end", image=name)
        if script and script.pull_error:
            raise ImageError("ErrImagePull", script.pull_error)
        self._pulled.add(name)
        return _image(name)

    def _image_script(self, name: str) -> ContainerScript | None:
        """Return the script that says something about pulling this image."""
        return self._unpulled.get(name)

    # -- sandboxes -------------------------------------------------------------------------------------------

    async def start_sandbox(self, config: SandboxConfig) -> SandboxRecord:
        """Make one, with an address of its own."""
        await asyncio.sleep(SANDBOX_S)
        self._addresses += 1
        address = f"10.85.{self._addresses // 256}.{self._addresses % 256}"
        identity = _identity(config.pod_uid, "sandbox", config.attempt)
        record = SandboxRecord(
            identity, config.pod_uid, config.attempt, self._clock.now(), ready=True, ip=address
        )
        self._sandboxes.setdefault(config.pod_uid, []).append(record)
        self._tell(config.pod_uid)
        return record

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what is left in it and take its address away."""
        for uid, records in self._sandboxes.items():
            for index, record in enumerate(records):
                if record.id == sandbox_id and record.ready:
                    records[index] = record._replace(ready=False)
                    for container in self._containers.get(uid, {}).values():
                        if container.record.sandbox_id == sandbox_id:
                            self._end(container, KILLED)
                    self._tell(uid)

    async def remove_pod(self, pod_uid: str) -> None:
        """Forget a Pod."""
        for record in self._sandboxes.get(pod_uid, []):
            await self.stop_sandbox(record.id)
        self._sandboxes.pop(pod_uid, None)
        self._containers.pop(pod_uid, None)

    # -- containers ------------------------------------------------------------------------------------------

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        """Prepare one."""
        await asyncio.sleep(CREATE_S)
        uid = next(u for u, records in self._sandboxes.items() if any(r.id == sandbox_id for r in records))
        identity = _identity(uid, config.name, config.attempt)
        record = ContainerRecord(
            id=identity,
            sandbox_id=sandbox_id,
            pod_uid=uid,
            name=config.name,
            image=config.image,
            image_id=config.image_id,
            attempt=config.attempt,
            state=ContainerState.CREATED,
            created_at=self._clock.now(),
        )
        script = self._scripts[uid].get(config.name) or ContainerScript()
        self._containers.setdefault(uid, {})[identity] = _Container(record, script)
        self._event("create", record)
        return identity

    async def start_container(self, container_id: str) -> None:
        """Start it, or fail as the script says."""
        await asyncio.sleep(START_S)
        container = self._find(container_id)
        script, run = container.script, container.record.attempt
        error = script.at("start_error", run)
        if error:
            self._end(container, 128, reason="StartError", message=error)
            raise RuntimeFault("RunContainerError", error)
        now = self._clock.now()
        container.record = container.record._replace(state=ContainerState.RUNNING, started_at=now)
        self._event("start", container.record)
        self._tell(container.record.pod_uid)
        runs_s = script.at("runs_s", run)
        if runs_s is not None:
            code, reason = script.at("exit_code", run), script.at("reason", run)
            loop = asyncio.get_running_loop()
            container.timer = loop.call_later(runs_s, lambda: self._end(container, code, reason=reason))

    async def stop_container(self, container_id: str, grace_s: float) -> None:
        """SIGTERM, which the script answers or not; SIGKILL after the grace."""
        container = self._find(container_id)
        record = container.record
        if record.state is not ContainerState.RUNNING:
            return
        self._event("signal", record, signal=15)
        answer = container.script.at("on_term", record.attempt)
        if answer != IGNORE and float(answer) < grace_s:
            code = container.script.at("term_code", record.attempt)
            asyncio.get_running_loop().call_later(float(answer) + STOP_S, self._end, container, code)
        try:
            async with asyncio.timeout(grace_s):
                await container.ended.wait()
        except TimeoutError:
            self._event("signal", record, signal=9)
            await asyncio.sleep(STOP_S)
            self._end(container, KILLED)

    async def remove_container(self, container_id: str) -> None:
        """Forget one."""
        for containers in self._containers.values():
            containers.pop(container_id, None)

    def _end(self, container: _Container, code: int, *, reason: str = "", message: str = "") -> None:
        record = container.record
        if record.state is ContainerState.EXITED:
            return
        if container.timer:
            container.timer.cancel()
        container.record = record._replace(
            state=ContainerState.EXITED,
            finished_at=self._clock.now(),
            exit_code=code,
            reason=reason or ("Completed" if code == 0 else "Error"),
            message=message or container.script.at("message", record.attempt),
        )
        container.ended.set()
        self._event("exit", container.record, exit_code=code)
        self._tell(record.pod_uid)

    def _find(self, container_id: str) -> _Container:
        for containers in self._containers.values():
            if container_id in containers:
                return containers[container_id]
        raise RuntimeFault("ContainerGone", f"no container {container_id}")

    def _event(self, event: str, record: ContainerRecord, **more: Any) -> None:
        self._on_event(
            event,
            pod_uid=record.pod_uid,
            container=record.name,
            container_id=record.id,
            attempt=record.attempt,
            **more,
        )

    def _tell(self, uid: str) -> None:
        self._changed(uid)

    async def update_container(
        self, container_id: str, memory_limit_bytes: int | None, cpu_limit_millis: int | None
    ) -> None:
        """Limits limit nothing in a simulation."""

    async def written_bytes(self, container_id: str) -> int:
        """Nothing is written in a simulation."""
        return 0

    # -- what a script has no words for ----------------------------------------------------------------------

    async def exec_sync(
        self, container_id: str, command: Sequence[str], timeout_s: float | None
    ) -> ExecResult:
        """Commands cannot be run in a simulation."""
        raise RuntimeFault("ExecError", "a simulated container runs no commands")

    async def exec_stream(self, container_id: str, command: Sequence[str], *, stdin: bool, tty: bool) -> Any:
        """Commands cannot be run in a simulation."""
        raise RuntimeFault("ExecError", "a simulated container runs no commands")

    async def connect(self, sandbox_id: str, port: int, host: str = "127.0.0.1") -> int:
        """Nothing listens in a simulation."""
        raise ConnectionRefusedError

    async def node_connect(self, host: str, port: int, timeout_s: float) -> int:
        """Nothing listens in a simulation."""
        raise ConnectionRefusedError

    async def close(self) -> None:
        """End everything."""
        for uid in list(self._sandboxes):
            await self.remove_pod(uid)


def _identity(uid: str, name: str, attempt: int) -> str:
    return hashlib.sha256(f"{uid}/{name}/{attempt}".encode()).hexdigest()


def _image(name: str) -> ImageRecord:
    return ImageRecord(id=f"sha256:{hashlib.sha256(name.encode()).hexdigest()}", names=(name,))


class ScriptedHandlers:
    """Probes and hooks as scripts say."""

    def __init__(self, runtime: ScriptedRuntime, clock: Clock) -> None:
        self._runtime, self._clock = runtime, clock

    async def probe(
        self, pod: RawObject, container: RawObject, kind: str, container_id: str, address: str
    ) -> Outcome:
        """Passes between two moments of the run."""
        script, record = self._runtime.script_of(container_id)
        await asyncio.sleep(0.001)
        age_s = (self._clock.now() - (record.started_at or 0)) / 1e9
        begins = script.at("ready_after_s", record.attempt) if kind == "readiness" else None
        begins = script.at("answers_after_s", record.attempt) if begins is None else begins
        ends = script.at("fails_after_s", record.attempt)
        if begins <= age_s and (ends is None or age_s < ends):
            return Outcome(True)
        return Outcome(False, _refusal(container, kind, address))

    async def hook(
        self, pod: RawObject, container: RawObject, kind: str, container_id: str, address: str
    ) -> str:
        """Takes its time, or fails."""
        script, _ = self._runtime.script_of(container_id)
        sleeps = (container["lifecycle"][kind].get("sleep") or {}).get("seconds")
        stem = "post_start" if kind == "postStart" else "pre_stop"
        takes_s = float(sleeps) if sleeps is not None else getattr(script, f"{stem}_s")
        ended = asyncio.ensure_future(self._runtime.ended(container_id).wait())
        await asyncio.wait((ended,), timeout=takes_s)
        gone = ended.done()
        ended.cancel()
        if gone or getattr(script, f"{stem}_fails"):
            where = f'for Container "{container["name"]}" in Pod "{spec.full_name(pod)}"'
            raise HookError(f"Exec lifecycle hook {where} failed")
        return ""


def _refusal(container: RawObject, kind: str, address: str) -> str:
    probe = container[f"{kind}Probe"]
    port = (probe.get("httpGet") or probe.get("tcpSocket") or probe.get("grpc") or {}).get("port")
    return f"dial tcp {address}:{port}: connect: connection refused" if port else ""
