"""
Pods whose truth is known: a small model of kubelet, API server and recorder, with faults to plant.

It is no conformance oracle (the recordings of a real kubelet are). It exists to make many lives with exact
starts and ends, seen through clocks that are coarse, late, shifted, and sometimes silent.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

EPOCH = 1_800_000_000.0


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and how often."""

    drop_events: float = 0.0  # share of Events that never reach the API
    merge_events: float = 0.0  # share of repetitions whose WatchEvent is skipped
    miss_states: float = 0.0  # share of status updates that are overwritten before they are sent
    local_shift_s: float = 0.0  # recorder's clock less the node's
    api_shift_s: float = 0.0  # API server's clock less the node's
    step_local_s: float = (
        0.0  # the recorder's clock was wrong by this from the middle on (never for real: monotonic)
    )
    duplicate: float = 0.0  # share of observations that arrive twice
    reorder: bool = False  # states of the Pod arrive in pairs swapped
    cut: bool = False  # the recording stops somewhere, without an end line
    logs: bool = True
    asked: bool = False  # the recorder asks the node whether containers are over
    timed: bool = False  # and for its time
    node: bool = False
    events_named: bool = True  # names of Events carry nanoseconds
    driver: str = "kind"


@dataclass
class Life:
    """What a simulated Pod left: the recording, and the truth in node time since the timeline's 0."""

    header: dict[str, Any]
    observations: list[dict[str, Any]]
    truth: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)


@dataclass
class _Container:
    name: str
    role: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    running: dict[str, Any] | None = None
    not_before: float = 0.0
    length: float = 1.0
    code: int = 0
    tries: int = 0


def stamp(t: float) -> str:
    """Whole seconds, cut, as the API prints times."""
    return datetime.fromtimestamp(int(t), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_ns(t: float) -> str:
    """With nanoseconds (as far as a float holds them)."""
    whole = int(t)
    return (
        datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{int((t - whole) * 1e9):09d}Z"
    )


class World:
    """One Pod on one node. All inner times are node time, seconds since the epoch."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.rng = random.Random(seed)
        self.chance = random.Random(seed + 1)
        self.faults = faults
        self.now = EPOCH + self.rng.random() * 100
        self.uid = f"uid-{seed}"
        self.sent: list[tuple[float, dict[str, Any]]] = []  # (arrival in node time, observation without t)
        self.counts: dict[tuple[str, str], dict[str, Any]] = {}
        self.version = 100
        self.containers = self._draw()
        self.pending: dict[str, Any] | None = None
        self.deleted_at: float | None = None
        self.created = self.now + 0.004
        self.began = self.now
        self.last_status = ""

    def _draw(self) -> list[_Container]:
        rng = self.rng
        inits = [_Container(f"init{i}", "init") for i in range(rng.randint(0, 3))]
        sides = [_Container(f"side{i}", "sidecar") for i in range(rng.randint(0, 2))]
        first = inits + sides
        rng.shuffle(first)
        apps = [_Container(f"app{i}", "app") for i in range(rng.randint(1, 2))]
        for c in first + apps:
            c.length = rng.choice([0.004, 0.05, 0.3, 0.9, 1.4, 3.0, 7.0]) * rng.uniform(0.8, 1.2)
            c.tries = rng.choice([0, 0, 0, 1, 2, 4]) if c.role == "init" else 0
            if c.role == "sidecar":
                c.length = rng.choice([2.0, 60.0, 60.0])
            if c.role == "app":
                c.length, c.code = rng.choice([(0.2, 1), (1.5, 1), (60.0, 0), (60.0, 0)])
        return first + apps

    # ---- speaking

    def say(self, delay: float, observation: dict[str, Any]) -> None:
        self.sent.append((self.now + delay, observation))

    def event(self, reason: str, container: _Container | None, at: float) -> None:
        """The kubelet speaks; counts rise even for what is dropped, as in client-go."""
        rng, key = self.rng, (reason, container.name if container else "")
        known = self.counts.get(key)
        path = ""
        if container:
            path = f"spec.{'containers' if container.role == 'app' else 'initContainers'}{{{container.name}}}"
        if known is None:
            suffix = (
                f"{int(at * 1e9):x}" if self.faults.events_named else f"{self.chance.getrandbits(40):010x}"
            )
            component = "default-scheduler" if reason == "Scheduled" else "kubelet"
            known = self.counts[key] = {
                "metadata": {"name": f"web.{suffix}", "creationTimestamp": stamp(at + self.faults.api_shift_s + 0.003)},
                "involvedObject": {"kind": "Pod", "name": "web", "uid": self.uid, "fieldPath": path},
                "reason": reason, "message": reason, "type": "Normal", "count": 0, "firstTimestamp": stamp(at),
                "source": {"component": component}, "posted": False,
            }  # fmt: skip
        known["count"] += 1
        known["lastTimestamp"] = stamp(at)
        if self.chance.random() < self.faults.drop_events:
            return
        kind = "MODIFIED" if known["posted"] else "ADDED"
        known["posted"] = True
        if kind == "MODIFIED" and self.chance.random() < self.faults.merge_events:
            return
        raw = {k: v for k, v in known.items() if k != "posted"}
        arrival = max(0.0, at - self.now) + rng.uniform(0.004, 0.09)
        self.say(arrival, {"source": "watch", "resource": "events", "type": kind, "object": dict(raw)})

    def status_of(self, c: _Container) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "name": c.name,
            "restartCount": max(len(c.runs) - 1, 0),
            "image": "busybox:1.36",
        }
        states = [self._state(run) for run in c.runs if run["noticed"]]
        if not states:
            return {
                **shown,
                "restartCount": 0,
                "state": {"waiting": {"reason": "PodInitializing"}},
                "lastState": {},
            }
        shown["restartCount"] = len(states) - 1
        state, last = states[-1], states[-2] if len(states) > 1 else {}
        if "running" in state:
            shown |= {
                "containerID": f"containerd://{c.runs[len(states) - 1]['id']}",
                "started": True,
                "ready": True,
            }
        elif c.not_before > self.now + 0.5 and len(states) > 1:
            state, last = {"waiting": {"reason": "CrashLoopBackOff"}}, state
        return {**shown, "state": state, "lastState": last if "terminated" in last else {}}

    def _state(self, run: dict[str, Any]) -> dict[str, Any]:
        if run["noticed_end"]:
            return {
                "terminated": {
                    "exitCode": run["code"], "reason": "Error" if run["code"] else "Completed",
                    "startedAt": stamp(run["stamped"]), "finishedAt": stamp(run["end"]),
                    "containerID": f"containerd://{run['id']}",
                }
            }  # fmt: skip
        return {"running": {"startedAt": stamp(run["stamped"])}}

    def status(self, *, kind: str = "MODIFIED") -> None:
        """Send the Pod as the kubelet sees it now; it may be overwritten before it is sent."""
        first = [c for c in self.containers if c.role != "app"]
        apps = [c for c in self.containers if c.role == "app"]
        shown = [[self.status_of(c) for c in group] for group in (first, apps)]
        if (str(shown) == self.last_status and kind == "MODIFIED") or (
            kind == "MODIFIED" and self.chance.random() < self.faults.miss_states
        ):  # fmt: skip
            return
        self.last_status = str(shown)
        self.version += 1
        shift = self.faults.api_shift_s
        meta: dict[str, Any] = {"name": "web", "namespace": "ns", "uid": self.uid, "resourceVersion": str(self.version),
                                "creationTimestamp": stamp(self.created + shift)}  # fmt: skip
        if self.deleted_at is not None:
            meta |= {
                "deletionTimestamp": stamp(self.deleted_at + shift + 30),
                "deletionGracePeriodSeconds": 30,
            }
        running = any("running" in s["state"] for s in shown[1])
        pod = {
            "metadata": meta,
            "spec": {
                "restartPolicy": "Always", "nodeName": "n",
                "initContainers": [{"name": c.name, **({"restartPolicy": "Always"} if c.role == "sidecar" else {})}
                                   for c in first],
                "containers": [{"name": c.name} for c in apps],
            },
            "status": {"phase": "Running" if running else "Pending", "initContainerStatuses": shown[0],
                       "containerStatuses": shown[1]},
        }  # fmt: skip
        self.say(
            self.rng.uniform(0.004, 0.08),
            {"source": "watch", "resource": "pods", "type": kind, "object": pod},
        )

    # ---- living

    def start(self, c: _Container) -> None:
        rng = self.rng
        at = self.now + rng.uniform(0.001, 0.01)
        self.event("Pulled", c, at)
        at += rng.uniform(0.005, 0.03)
        self.event("Created", c, at)
        begun = at + rng.uniform(0.002, 0.12)
        done = begun + rng.uniform(0.0005, 0.05)
        code = c.code if c.role != "init" else (1 if len(c.runs) < c.tries else 0)
        run = {
            "id": f"{c.name}-{len(c.runs)}", "start": begun, "end": begun + c.length, "code": code, "over": False,
            "stamped": begun + rng.uniform(0, 0.02), "noticed": False, "noticed_end": False,
        }  # fmt: skip
        c.runs.append(run)
        c.running = run
        self.event("Started", c, done)
        self.now = done
        if self.faults.node:
            self.node("start", c, run, run["start"], 0.002)
        if self.faults.logs and rng.random() < 0.7:
            self.log(c, begun + min(0.002, c.length / 3), run["end"])

    def node(self, event: str, c: _Container, run: dict[str, Any], at: float, delay: float) -> None:
        self.sent.append((at + delay, {
            "source": "node", "clock": "containerd", "event": event, "pod_uid": self.uid, "container": c.name,
            "container_id": run["id"], "attempt": c.runs.index(run), "at": stamp_ns(at), "exit_code": run["code"],
        }))  # fmt: skip

    def log(self, c: _Container, at: float, end: float) -> None:
        written = at + self.rng.uniform(0, 0.003)
        raw = {
            "source": "log",
            "pod": "web",
            "container": c.name,
            "restart": len(c.runs) - 1,
            "line": "hello",
        }
        self.sent.append((written + self.rng.uniform(0.003, 0.3), {**raw, "at": stamp_ns(written)}))

    def tell_time(self) -> None:
        """The node's answer to sinceSeconds=1: its first line is not older than that when it was asked."""
        sent, line = self.now, self.now + 0.02 - 1 + self.rng.uniform(0, 0.1)
        raw = {"source": "recorder", "event": "clock", "of": "log", "node": "n", "within_s": 1}
        self.sent.append((sent + 0.03, {**raw, "at": stamp_ns(line), "sent_t": round(sent - self.began, 6)}))

    def last_words(self, c: _Container, run: dict[str, Any]) -> None:
        if self.faults.asked and self.rng.random() < 0.7:
            raw = {"source": "recorder", "event": "over", "of": "log", "pod": "web", "container": c.name}
            at = run["end"] + self.rng.uniform(0.0005, 0.2)
            self.sent.append((at, {**raw, "restart": c.runs.index(run)}))
        if self.faults.logs and self.rng.random() < 0.7 and run["end"] - run["start"] > 0.02:
            # Stamped when read, perhaps after the end.
            written = run["end"] - 0.001 + self.rng.uniform(0, 0.02)
            raw = {
                "source": "log",
                "pod": "web",
                "container": c.name,
                "restart": c.runs.index(run),
                "line": "bye",
            }
            self.sent.append((written + self.rng.uniform(0.003, 0.3), {**raw, "at": stamp_ns(written)}))

    def notice(self) -> None:
        """One relist: what the kubelet sees of its containers now."""
        for c in self.containers:
            for run in c.runs:
                if run["start"] <= self.now:
                    run["noticed"] = True
                if run["end"] <= self.now and not run["noticed_end"]:
                    run["noticed_end"] = True
                    self.last_words(c, run)
                    if self.faults.node:
                        self.node("exit", c, run, run["end"], 0.002)
                    if c.running is run:
                        c.running = None
                    number = len(c.runs)
                    c.not_before = run["end"] + (0 if number == 1 else min(2.0 ** (number - 1), 8.0))

    def act(self) -> None:
        """One sync: start what may start."""
        if self.deleted_at is not None:
            return
        for c in self.containers:
            if c.role == "app":
                continue
            done = bool(c.runs) and c.runs[-1]["noticed_end"] and c.runs[-1]["code"] == 0 and c.role == "init"
            if done:
                continue
            if c.running is None and self.now >= c.not_before:
                self.start(c)
            if c.role == "init":
                return
            if not c.running:
                return
        for c in self.containers:
            if c.role == "app" and c.running is None and self.now >= c.not_before:
                self.start(c)

    def delete(self) -> None:
        """The recorder deletes the Pod: apps end, then sidecars from last to first."""
        self.deleted_at = self.now + 0.003
        at = self.now + self.rng.uniform(0.01, 0.08)
        alive = [c for c in self.containers if c.running and c.running["end"] > at]
        for c in self.rng.sample(alive, len(alive)):
            self.event("Killing", c, at + self.rng.uniform(0, 0.01))
        groups = [
            [c for c in alive if c.role != "sidecar"],
            *([c] for c in reversed(alive) if c.role == "sidecar"),
        ]
        for group in groups:
            ends = [at]
            for c in group:
                assert c.running
                c.running["end"] = max(c.running["start"] + 0.001, at + self.rng.uniform(0.005, 1.5))
                ends.append(c.running["end"])
            at = max(ends) + self.rng.uniform(0.01, 0.9)
        self.gone_at = at + 1.1

    def live(self, length_s: float) -> Life:
        """Run the world and return what a recorder kept."""
        rng = self.rng
        self.say(0.0, {"source": "recorder", "event": "apply"})
        self.now = self.created
        self.status(kind="ADDED")
        self.event("Scheduled", None, self.now + 0.005)
        self.now += 0.3 + rng.random() * 0.3
        phase, stop = rng.random(), self.now + length_s
        while self.now < stop:
            self.act()
            self.status()
            self.now = max(self.now, int(self.now - phase) + 1 + phase)
            self.notice()
            self.status()
            if self.faults.timed:
                self.tell_time()
        self.say(0.0, {"source": "recorder", "event": "delete"})
        self.delete()
        self.status()
        while self.now < self.gone_at:
            self.now += 0.7
            self.notice()
            self.status()
        self.now += 0.1
        self.status(kind="DELETED")
        self.now += 0.2
        self.say(0.0, {"source": "recorder", "event": "end", "reason": "gone"})
        return self._recorded()

    def _recorded(self) -> Life:
        faults, rng = self.faults, self.chance
        ordered = sorted(self.sent, key=lambda pair: pair[0])
        observations = [{"t": round(at - self.began, 6), **raw} for at, raw in ordered]
        if faults.duplicate:
            observations = [o for o in observations for _ in range(1 + (rng.random() < faults.duplicate))]
        if faults.reorder:  # a state arrives late, behind the one that followed it
            places = [i for i, o in enumerate(observations) if o.get("resource") == "pods"]
            for a, b in reversed(list(zip(places[1::4], places[2::4], strict=False))):
                late = observations.pop(a)
                observations.insert(b, {**late, "t": observations[b - 1]["t"]})
        if faults.cut:
            observations = observations[: rng.randint(len(observations) // 3, len(observations) - 1)]
        zero = float(int(self.created + faults.api_shift_s))
        header = {"kind": "podlab.recording", "schema": 1, "driver": faults.driver,
                  "started_at": stamp_ns(self.began + faults.local_shift_s)}  # fmt: skip
        truth = {c.name: [(r["start"] - zero, r["end"] - zero) for r in c.runs] for c in self.containers}
        return Life(header, observations, truth)


def life(seed: int, faults: Faults | None = None) -> Life:
    """One simulated Pod; the same seed and faults give the same life."""
    world = World(seed, faults or Faults())
    return world.live(world.rng.choice([6.0, 12.0, 25.0]))


def misses(found: Life, timeline: Any) -> list[str]:
    """Every true start or end that its interval does not hold, in words; nothing when all is well."""
    wrong: list[str] = []
    for lane in timeline.lanes:
        truth = found.truth[lane.name]
        for run in lane.runs:
            for number in range(run.restart, run.restart + run.count):
                if number >= len(truth):
                    wrong.append(f"{lane.name} run {number} never was")
                    continue
                start, end = truth[number]
                if (
                    run.start is not None
                    and not run.start.lo - 1e-6 <= start <= run.start.hi + 1e-6
                    and run.count == 1
                ):
                    wrong.append(
                        f"{lane.name} run {number} started {start:.4f}, not in {run.start}: {run.start.evidence}"
                    )
                if (
                    run.end is not None
                    and not run.end.lo - 1e-6 <= end <= run.end.hi + 1e-6
                    and run.count == 1
                ):
                    wrong.append(
                        f"{lane.name} run {number} ended {end:.4f}, not in {run.end}: {run.end.evidence}"
                    )
    return wrong


def widths(timeline: Any) -> list[float]:
    """Widths of the intervals of all seen starts and ends."""
    edges = [
        e for lane in timeline.lanes for r in lane.runs if r.seen for e in (r.start, r.end) if e is not None
    ]
    return [e.width for e in edges]
