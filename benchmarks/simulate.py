"""
Simulated Pods per second, and simulated time per real time.

    python benchmarks/simulate.py [--pods 200]

Three Pods are simulated in turn (interleaved): the lesson's init, sidecar and app; one that crashes for ten minutes;
one with probes that is deleted. The reference in the same run is a bare asyncio loop that sleeps and wakes as often
as a simulation sees something happen: what is beyond it is the kubelet's own work. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from podlab.simulation.simulate import simulate

Json = dict[str, Any]


def pod(inits: list[Json], apps: list[Json], policy: str) -> Json:
    """A manifest."""
    groups = [[{"image": "busybox:1.36", **c} for c in group] for group in (inits, apps)]
    fields = {"restartPolicy": policy, "initContainers": groups[0], "containers": groups[1]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": fields}


PROBE = {"httpGet": {"port": 80}, "periodSeconds": 5}
CASES: dict[str, Callable[[int], Any]] = {
    "init, sidecar, app": lambda seed: simulate(
        pod([{"name": "fetch"}, {"name": "proxy", "restartPolicy": "Always"}], [{"name": "app"}], "Never"),
        {"fetch": {"runs_s": 3}, "proxy": {"on_term": 0.5}, "app": {"runs_s": 30}},
        seed=seed,
    ),
    "crash loop, ten minutes": lambda seed: simulate(
        pod([], [{"name": "app"}], "Always"), {"app": {"runs_s": 1, "exit_code": 1}}, until_s=600, seed=seed
    ),
    "probes, two minutes, deleted": lambda seed: simulate(
        pod([], [{"name": "app", "readinessProbe": PROBE, "livenessProbe": PROBE}], "Always"),
        {"app": {"answers_after_s": 3, "on_term": 2}},
        delete_after_s=120,
        until_s=180,
        seed=seed,
    ),
}


def bare_loop(wakes: int) -> float:
    """Seconds that an asyncio loop needs to wake *wakes* times."""

    async def run() -> None:
        for _ in range(wakes):
            await asyncio.sleep(0)

    begun = time.perf_counter()
    asyncio.run(run())
    return time.perf_counter() - begun


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pods", type=int, default=200, help="simulations of each kind")
    count = parser.parse_args().pods
    took: dict[str, list[float]] = {name: [] for name in CASES}
    reference: dict[str, list[float]] = {name: [] for name in CASES}
    simulated_s: dict[str, float] = {}
    for round_ in range(count):
        for name, case in CASES.items():
            begun = time.perf_counter()
            recording = case(round_)
            took[name].append(time.perf_counter() - begun)
            simulated_s[name] = recording.observations[-1]["t"]
            reference[name].append(bare_loop(len(recording.observations)))
    print(f"{'Pod':30} {'ms':>7} {'Pods/s':>8} {'simulated/real':>15} {'bare loop':>10}")
    for name, times in took.items():
        median, bare = statistics.median(times), statistics.median(reference[name])
        ratio = f"{simulated_s[name] / median:,.0f}"
        print(f"{name:30} {median * 1e3:7.2f} {1 / median:8.0f} {ratio:>15} {median / bare:9.1f}x")
    overall = statistics.median(t for times in took.values() for t in times)
    print(f"median of all: {1 / overall:.0f} Pods per second")


if __name__ == "__main__":
    main()
