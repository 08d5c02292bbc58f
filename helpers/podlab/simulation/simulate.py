"""
Simulating the life of a Pod: the kubelet of the embedded cluster on scripted containers and simulated time.

    run = podlab.simulate(manifest, {"fetch": {"runs_s": 3}, "app": {"runs_s": 10, "exit_code": [1, 0]}})
    run.timeline()

Nothing runs and nothing waits: minutes pass in milliseconds, and the same arguments give the same bytes. The result
reads like a recording of a real cluster: the same observations, to be plotted, questioned and compared.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from podlab.embedded.events import EventRecorder
from podlab.embedded.kubelet.kubelet import Kubelet
from podlab.embedded.kubelet.nodeservices import NodeServices
from podlab.embedded.lifecycle.containers import rfc3339
from podlab.embedded.schema import admit
from podlab.embedded.store import Store
from podlab.errors import ManifestError
from podlab.pods import roles
from podlab.pods.phase import ENDED, has_ended
from podlab.pods.raw import RawObject
from podlab.simulation.loop import EPOCH_NS, IdleError, SimulatedClock, SimulatedLoop
from podlab.simulation.runtime import ScriptedHandlers, ScriptedRuntime
from podlab.simulation.script import Script, read
from podlab.version import __version__

Step = tuple[float, Callable[["Simulation"], None]]

if TYPE_CHECKING:
    from podlab.timeline import Timeline

NODE, NAMESPACE = "podlab", "simulated"
VERSION = "v1.36.3"
SETTLE_S = 3.0  # observed on after the end, as a recorder does


class SimulatedRecording:
    """
    The recording of a simulated Pod, as a recorder would write it.

    Attributes:
        header: The first line of a recording file.
        observations: All other lines.
        complete: Whether the simulation came to an end of its own, or to its limit.
    """

    def __init__(self, header: RawObject, observations: list[RawObject]) -> None:
        self.header, self.observations = header, observations

    @property
    def complete(self) -> bool:
        """Always: a simulation is never cut short."""
        return True

    @property
    def end_reason(self) -> str:
        """``Succeeded``, ``Failed``, ``gone`` or ``deadline``."""
        return str(self.observations[-1]["reason"])

    def pods(self) -> list[str]:
        """Return the names of the Pods seen, in order of appearance."""
        seen = (o["object"]["metadata"]["name"] for o in self.observations if o.get("resource") == "pods")
        return list(dict.fromkeys(seen))

    def last(self, pod: str | None = None) -> RawObject:
        """Return the last state of a Pod that was seen."""
        name = pod or self.pods()[0]
        states = [o["object"] for o in self.observations if o.get("resource") == "pods"]
        return next(o for o in reversed(states) if o["metadata"]["name"] == name)

    def timeline(self, pod: str | None = None) -> Timeline:
        """Return the ``Timeline`` of a Pod, the only one by default."""
        from podlab.timeline import Timeline

        return Timeline.from_observations(self.header, self.observations, pod)

    def dumps(self) -> str:
        """Return the text of a recording file."""
        encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
        return "".join(encode(line) + "\n" for line in (self.header, *self.observations))


def simulate(
    manifest: Any,
    script: Script | None = None,
    *,
    until_s: float = 120.0,
    delete_after_s: float | None = None,
    grace_s: int | None = None,
    steps: Sequence[Step] = (),
    objects: Sequence[RawObject] = (),
    seed: int = 0,
    pace: str = "prompt",
) -> SimulatedRecording:
    """
    Predict the life of a Pod.

    Args:
        manifest: A Pod, and the ConfigMaps, Secrets and Services beside it: YAML text, a mapping, a list of
            mappings, or what ``podlab.manifests`` loads.
        script: What each container does; see ``simulation.script.ContainerScript`` for the keys.
        until_s: Simulated seconds to watch; less if the Pod ends before.
        delete_after_s: Delete the Pod then.
        grace_s: Of that deletion; None: the Pod's own.
        steps: ``(seconds, function of the Simulation)``: what else is done to the Pod.
        objects: ConfigMaps, Secrets and Services that exist from the beginning.
        seed: Of everything that varies.
        pace: ``prompt``, or ``kubelet`` with the delays of a real node.

    Raises:
        ManifestError: If the manifest has no Pod or several, is refused by validation, or the script does not fit it.
    """
    pod, others = _objects_of(manifest)
    simulation = Simulation(pod, script, objects=[*others, *objects], seed=seed, pace=pace)
    for at_s, action in steps:
        simulation.at(at_s, action)
    if delete_after_s is not None:
        simulation.at(delete_after_s, lambda s: s.delete(grace_s))
    return simulation.run(until_s)


def _objects_of(manifest: Any) -> tuple[RawObject, list[RawObject]]:
    """Return the Pod of a manifest, and the other objects that stand in it."""
    if isinstance(manifest, str):
        from podlab.manifests import load

        manifest = load(manifest)
    listed = manifest if isinstance(manifest, (list, tuple)) else [manifest]
    found = [json.loads(json.dumps(getattr(m, "object", m))) for m in listed]
    kinds = [o.get("kind") if isinstance(o, dict) else type(o).__name__ for o in found]
    if kinds.count("Pod") != 1:
        raise ManifestError(
            f"a simulation needs exactly one Pod, this has {kinds.count('Pod')}",
            cause=f"its objects are: {', '.join(map(str, kinds)) or 'none'}",
        )
    pod = found.pop(kinds.index("Pod"))
    return pod, found


class Simulation:
    """One Pod, its node and its time. ``store`` holds all objects; steps may change them."""

    def __init__(
        self, pod: RawObject, script: Script | None, *, objects: Sequence[RawObject], seed: int, pace: str
    ) -> None:
        self.loop = SimulatedLoop()
        self.clock = SimulatedClock(self.loop)
        uids = count(2)
        self.store = Store(
            clock=lambda: self.clock.now() / 1e9,
            make_uid=lambda: f"{seed & 0xFFFFFFFF:08x}-0000-4000-8000-{next(uids):012x}",
        )
        self._observations: list[RawObject] = []
        self._steps = 0
        self.uid = f"{seed & 0xFFFFFFFF:08x}-0000-4000-8000-000000000001"
        self._manifest = json.loads(json.dumps(pod))
        self._pod = self._admitted(pod)
        names = [c["name"] for _, c in roles.every_container(self._pod)]
        scripts = read(script, names)
        self.runtime = ScriptedRuntime(self.clock, {self.uid: scripts}, self._node_event)
        for _, container in roles.every_container(self._pod):
            self.runtime.mark_absent(container["image"], scripts[container["name"]])
        self.volumes = _NoVolumes()
        services = NodeServices(
            self.store,
            self.runtime,
            node_name=NODE,
            node_ip="10.0.0.1",
            clock=self.clock,
            volumes=self.volumes,
            make_token=lambda *_: "simulated",
            handlers=ScriptedHandlers(self.runtime, self.clock),
            pace=pace,
            seed=seed,
        )
        self.kubelet = Kubelet(services)
        self._create_objects(objects)

    def _admitted(self, raw: RawObject) -> RawObject:
        namespace = raw["metadata"].get("namespace") or NAMESPACE
        try:
            pod = admit(raw, namespace=namespace, now=rfc3339(EPOCH_NS))
        except Exception as error:
            if type(error).__name__ not in ("Invalid", "DecodeError"):
                raise
            raise ManifestError("the Pod is refused", cause=str(error)) from error
        pod["metadata"]["uid"] = self.uid
        return {"apiVersion": "v1", "kind": "Pod"} | pod

    def _create_objects(self, objects: Sequence[RawObject]) -> None:
        allocatable = {"cpu": "16", "memory": "64Gi", "pods": "110"}
        node = {"metadata": {"name": NODE}, "status": {"allocatable": allocatable}}
        self.store.create("nodes", node)
        namespace = self._pod["metadata"]["namespace"]
        authority = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": ""}}
        for kind, found in [("configmaps", authority), *((_resource(o), o) for o in objects)]:
            meta = {"namespace": namespace, **found["metadata"]}
            self.store.create(kind, {**found, "metadata": meta})

    # -- what is done to the Pod -----------------------------------------------------------------------------

    def at(self, at_s: float, action: Callable[[Simulation], None]) -> None:
        """Do something at a moment of the simulation."""
        self._steps += 1

        def step() -> None:
            self._steps -= 1
            action(self)

        self.loop.call_at(at_s, step)

    def pod(self) -> RawObject | None:
        """Return the Pod as it is stored now."""
        meta = self._pod["metadata"]
        return self.store.get("pods", meta["namespace"], meta["name"])

    def delete(self, grace_s: int | None = None) -> None:
        """Delete the Pod, as the API does: a mark, which the node acts on."""
        pod = self.pod()
        if pod is None:
            return
        self._note("delete")
        finished = pod["status"].get("phase") in ENDED
        grace = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace_s is None else grace_s
        grace = 0 if finished else grace  # a finished Pod needs none, so its deletionTimestamp is now
        before = pod["metadata"].get("deletionGracePeriodSeconds")
        if before is not None and grace >= before:
            return
        meta = dict(pod["metadata"])
        meta |= {
            "deletionTimestamp": rfc3339(self.clock.now() + grace * 1_000_000_000),
            "deletionGracePeriodSeconds": grace,
            "generation": meta.get("generation", 1) + 1,
        }
        self.store.update("pods", {**pod, "metadata": meta})
        if grace == 0:
            self.store.delete("pods", meta["namespace"], meta["name"])

    def change(self, edit: Callable[[RawObject], None]) -> None:
        """Change the Pod's object in place: labels, annotations, an image."""
        pod = self.pod()
        if pod is None:
            return
        copy = json.loads(json.dumps(pod))
        edit(copy)
        if copy["spec"] != pod["spec"]:
            copy["metadata"]["generation"] = copy["metadata"].get("generation", 1) + 1
        self.store.update("pods", copy)

    # -- running ---------------------------------------------------------------------------------------------

    def run(self, until_s: float) -> SimulatedRecording:
        """Let it happen."""
        for resource in ("pods", "events"):
            self.store.watch(resource, self._watcher(resource))
        try:
            reason = self.loop.run_until_complete(self._live(until_s))
        finally:
            self.loop.close()
        self._observe({"source": "recorder", "event": "end", "reason": reason})
        return SimulatedRecording(self._header(), self._observations)

    async def _live(self, until_s: float) -> str:
        over = asyncio.Event()
        self.store.watch("pods", lambda kind, pod: over.set() if self._is_over(kind, pod) else None)
        self._note("apply")
        self._schedule()
        self.kubelet.start()
        try:
            async with asyncio.timeout(until_s):
                await over.wait()
                while self._steps:
                    await asyncio.sleep(SETTLE_S)
                await asyncio.sleep(SETTLE_S)
        except (TimeoutError, IdleError):
            pass
        await self.kubelet.close()
        return self._end_reason()

    def _schedule(self) -> None:
        pod = self.store.create("pods", self._pod)
        if pod["spec"].get("schedulingGates"):
            return
        bound: RawObject = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        bound |= {"lastTransitionTime": rfc3339(self.clock.now()), "observedGeneration": 1}
        status = {**pod["status"], "conditions": [bound]}
        self.store.update("pods", {**pod, "spec": {**pod["spec"], "nodeName": NODE}, "status": status})
        recorder = EventRecorder(self.store, "default-scheduler", clock=lambda: self.clock.now() / 1e9)
        meta = pod["metadata"]
        text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {NODE}"
        recorder.event(pod, "Normal", "Scheduled", text)

    def _is_over(self, kind: str, pod: RawObject) -> bool:
        return kind == "DELETED" or has_ended(pod)

    def _end_reason(self) -> str:
        pod = self.pod()
        if pod is None:
            return "gone"
        phase = str(pod["status"].get("phase"))
        return phase if phase in ENDED else "deadline"

    # -- recording -------------------------------------------------------------------------------------------

    def _header(self) -> RawObject:
        return {
            "kind": "podlab.recording",
            "schema": 1,
            "podlab": __version__,
            "server": VERSION,
            "driver": "simulated",
            "cluster": NODE,
            "namespace": self._pod["metadata"]["namespace"],
            "started_at": time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(EPOCH_NS // 10**9)),
            "manifest": [self._manifest],
        }

    def _observe(self, line: RawObject) -> None:
        self._observations.append({"t": round(self.loop.time(), 6), **line})

    def _note(self, event: str) -> None:
        self._observe({"source": "recorder", "event": event})

    def _watcher(self, resource: str) -> Callable[[str, RawObject], None]:
        def changed(kind: str, obj: RawObject) -> None:
            self._observe({"source": "watch", "resource": resource, "type": kind, "object": obj})

        return changed

    def _node_event(self, event: str, **facts: Any) -> None:
        now = self.clock.now()
        at = f"{rfc3339(now)[:-1]}.{now % 10**9:09d}Z"
        self._observe({"source": "node", "clock": "embedded", "event": event, "at": at, **facts})


class _NoVolumes:
    """Volumes of containers that are not there: names only."""

    def materialise(self, pod_uid: str, name: str, *_: Any, **__: Any) -> str:
        """A path."""
        return f"/volumes/{pod_uid}/{name}"

    def empty_dir(self, pod_uid: str, name: str, *_: Any, **__: Any) -> str:
        """A path."""
        return f"/volumes/{pod_uid}/{name}"

    def used_bytes(self, pod_uid: str, name: str) -> int:
        """Nothing is written."""
        return 0

    def remove(self, pod_uid: str) -> None:
        """Nothing was made."""


def _resource(obj: RawObject) -> str:
    """``ConfigMap`` -> ``configmaps``."""
    return str(obj["kind"]).lower() + "s"


__all__ = ["SimulatedRecording", "Simulation", "simulate"]
