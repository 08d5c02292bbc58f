"""
Do intervals hold the truth, and how wide are they?

    python benchmarks/timeline_coverage.py                        # simulated lives with planted faults
    python benchmarks/timeline_coverage.py RECORDING...           # recordings that hold the node's own record
    python benchmarks/timeline_coverage.py --cluster NAME         # runs 200 containers and records them

For a recording the node's record is the truth, and it is hidden from the timelines that are judged: "status only"
sees the Pod objects without their arrival; "API only" adds arrival, Events and logs; "node" sees all.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from podlab.timeline import Instant, Lane, Run, Timeline
from podlab.timeline.clocks import parse_s

Observation = Mapping[str, Any]
Edges = dict[tuple[str, str, str], float]
"""(pod, container id, start or end) -> truth, seconds since the timeline's 0."""

VIEWS: dict[str, Callable[[Observation], bool]] = {
    "status only": lambda o: o["source"] in ("watch", "list") and o.get("resource") == "pods",
    "API only": lambda o: o["source"] != "node",
    "with node": lambda o: True,
}
"""What each timeline may see of a recording. Without the recorder's acts, arrival times prove nothing."""


class Coverage:
    """Counts edges, misses and widths."""

    def __init__(self) -> None:
        self.widths: list[float] = []
        self.missed: list[str] = []
        self.sources: dict[str, int] = {}

    def add(self, at: Instant, truth: float, name: str) -> None:
        """Hold one edge against its truth."""
        self.widths.append(at.width)
        if not at.lo - 1e-4 <= truth <= at.hi + 1e-4:
            self.missed.append(f"{name}: {truth:.4f} is not in {at}")

    def line(self, name: str, base: float | None) -> str:
        """Coverage and widths in one line."""
        finite = sorted(w for w in self.widths if w < 1e6)
        if not finite:
            return f"{name:28} no edges"
        mean, p99 = statistics.mean(finite), finite[min(int(0.99 * len(finite)), len(finite) - 1)]
        ratio = f"  {mean / base:6.3f} of status only" if base else ""
        coverage = 1 - len(self.missed) / len(self.widths)
        return (
            f"{name:28} {len(self.widths):6,} edges  coverage {coverage:.4f}  "
            f"median {statistics.median(finite):7.4f} s p99 {p99:7.4f} s  mean {mean:7.4f} s{ratio}"
        )


# ------------------------------------------------------------------------------------------------ recordings


def truths(observations: Sequence[Observation], timeline: Timeline) -> Edges:
    """Start and end of each container of the Pod, by the node's own record."""
    found: Edges = {}
    for item in observations:
        if item.get("source") == "node" and item.get("pod_uid") == timeline.uid:
            at = parse_s(item.get("at"))
            what = {"start": "start", "exit": "end"}.get(str(item.get("event")))
            if at is not None and what:
                found[timeline.name, str(item["container_id"]).rpartition("/")[2], what] = at - timeline.zero
    return found


def judge(header: Mapping[str, Any], observations: Sequence[Observation]) -> dict[str, Coverage]:
    """One coverage per view, over all Pods of a recording."""
    found = {name: Coverage() for name in VIEWS}
    for pod in Timeline.pods(observations):
        whole = Timeline.from_observations(header, observations, pod)
        truth = truths(observations, whole)
        for name, allowed in VIEWS.items():
            timeline = Timeline.from_observations(header, [o for o in observations if allowed(o)], pod)
            for lane in timeline.lanes:
                for run in lane.runs:
                    _judge_run(found[name], timeline, lane, run, truth)
    return found


def _judge_run(coverage: Coverage, timeline: Timeline, lane: Lane, run: Run, truth: Edges) -> None:
    for what, at in (("start", run.start), ("end", run.end)):
        real = truth.get((timeline.name, run.container_id, what))
        if at is not None and real is not None:
            coverage.add(at, real, f"{timeline.name}/{lane.name} {what}")


def recordings(paths: Iterable[Path]) -> None:
    """Judge recordings and print the sums."""
    from podlab.observe import Recording

    sums = {name: Coverage() for name in VIEWS}
    for path in paths:
        recording = Recording.read(path)
        for name, coverage in judge(recording.header, list(recording.observations)).items():
            sums[name].widths += coverage.widths
            sums[name].missed += coverage.missed
    base = None
    for name, coverage in sums.items():
        print(coverage.line(name, base))
        finite = [w for w in coverage.widths if w < 1e6]
        base = base or (statistics.mean(finite) if finite else None)
        for text in coverage.missed[:5]:
            print(f"    missed: {text}")


# ------------------------------------------------------------------------------------------------ simulated


def simulated(lives: int) -> None:
    """Judge simulated lives under planted faults."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "unit" / "timeline"))
    from simulated_pods import Faults, life, misses, widths
    from test_coverage import PLANTED

    for fault, settings in PLANTED.items():
        coverage = Coverage()
        for seed in range(lives):
            found = life(seed, Faults(**settings))
            if not Timeline.pods(found.observations):
                continue
            timeline = Timeline.from_observations(found.header, found.observations)
            coverage.widths += widths(timeline)
            coverage.missed += misses(found, timeline)
        print(coverage.line(fault, None))
        for text in coverage.missed[:5]:
            print(f"    missed: {text}")


# ------------------------------------------------------------------------------------------------ a cluster


LENGTHS = (0, 0.02, 0.1, 0.3, 0.7, 1.2, 2.5, 4.0)


def manifest(number: int) -> dict[str, Any]:
    """A Pod of two regular init containers, a sidecar and two app containers, of mixed length."""

    def container(name: str, seconds: float, code: int = 0) -> dict[str, Any]:
        script = f"echo begin; sleep {seconds}; echo end; exit {code}"
        return {"name": name, "image": "busybox:1.36", "command": ["sh", "-c", script]}

    pick = [LENGTHS[(number * 3 + i * 5) % len(LENGTHS)] for i in range(4)]
    term = "trap 'echo told; exit 0' TERM; echo begin; while :; do sleep 0.1; done"
    side = {"name": "side", "image": "busybox:1.36", "restartPolicy": "Always", "command": ["sh", "-c", term]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"life-{number}"},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 3,
            "initContainers": [container("one", pick[0]), side, container("two", pick[1])],
            "containers": [container("app", pick[2]), container("other", pick[3], number % 3)],
        },
    }


def _ended(pods: list[dict[str, Any]]) -> bool:
    return any(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in pods)


def on_cluster(name: str, pods: int, out: Path) -> list[Path]:
    """Record *pods* Pods (five containers each) one after another; returns the recordings."""
    from podlab import drivers, observe

    cluster = drivers.need(name)
    client, namespace = cluster.client(), cluster.namespace
    made = []
    for number in range(pods):
        path = out / f"life-{number}.jsonl"
        kind = {"driver": cluster.driver}
        observe.record(
            client,
            manifest(number),
            namespace=namespace,
            until=_ended,
            deadline_s=90,
            out=path,
            header=kind,
            ask=True,  # as a recorder does that has no access to the node
        )
        client.delete(f"/api/v1/namespaces/{namespace}/pods/life-{number}", gracePeriodSeconds=0)
        made.append(path)
        print(f"recorded {number + 1} of {pods}", file=sys.stderr)
    return made


def main() -> None:
    """Print coverage and widths."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", nargs="*", type=Path)
    parser.add_argument("--cluster", metavar="NAME")
    parser.add_argument("--pods", type=int, default=40, help="with --cluster: five containers each")
    parser.add_argument("--out", type=Path, help="with --cluster: where recordings are kept")
    parser.add_argument("--lives", type=int, default=200, help="simulated lives per fault")
    options = parser.parse_args()
    if options.cluster:
        out = options.out or Path(tempfile.mkdtemp(prefix="podlab-coverage-"))
        out.mkdir(parents=True, exist_ok=True)
        recordings(on_cluster(options.cluster, options.pods, out))
    elif options.recordings:
        recordings(options.recordings)
    else:
        simulated(options.lives)


if __name__ == "__main__":
    main()
