"""
A picture never shows an effect before its cause: over all stored recordings, whole and cut short, and simulated lives.

What counts as a cause stands in ``drawn_causes``, apart from the package's own rules.

    python tests/unit/timeline/test_causality.py    # how many were tried, and what is drawn before its cause
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import podlab_traces as traces
import pytest
from drawn_causes import violations
from simulated_pods import Faults, life
from test_coverage import PLANTED

from podlab import simulate
from podlab.timeline import Instant, Timeline
from podlab.timeline.causality import after, in_order, inside_a_run
from podlab.timeline.model import Run, Span

ROOT = Path(__file__).resolve().parents[3]
API = frozenset({"status", "arrival", "events", "logs"})
VERSIONS = sorted(path.name for path in (traces.CORPUS / "traces").iterdir() if path.is_dir())
SEEDS_OF_FAULTS = 12
SEEDS = (*range(60), 681)  # 681: the Pod of a probe whose ticks fall due a hair early ends all the same
Recorded = tuple[dict[str, Any], list[dict[str, Any]]]


def wrong(header: dict[str, Any], observations: list[dict[str, Any]]) -> list[str]:
    """What is drawn too early of any Pod: with all clocks, without the node's record, and as a live view sees it."""
    found: list[str] = []
    for pod in Timeline.pods(observations):
        for clocks in (None, API):
            found += violations(Timeline.from_observations(header, observations, pod, clocks=clocks))
    for size in range(len(observations) // 4, len(observations), max(1, len(observations) // 4)):
        for pod in Timeline.pods(observations[:size]):
            found += violations(Timeline.from_observations(header, observations[:size], pod, clocks=API))
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_drawn_before_its_cause_in_what_a_kubelet_did(version):
    """All recordings of a real kubelet."""
    assert len(traces.names(version)) > 100
    for name in traces.names(version):
        assert wrong(*traces.observations(name, version=version)) == [], name


def stored() -> Iterator[tuple[str, Recorded]]:
    """The other recordings of this repository: those with the node's record, and those of the pages."""
    for path in sorted((Path(__file__).parent / "data").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                one = json.loads(line)
                yield path.name, (one["header"], one["observations"])
    for path in sorted((ROOT / "notebooks").rglob("*.jsonl")):
        header, *observations = map(json.loads, path.read_text().splitlines())
        yield path.name, (header, observations)


def test_nothing_is_drawn_before_its_cause_in_any_stored_recording():
    recordings = list(stored())

    assert len(recordings) > 100
    assert [(name, w) for name, recorded in recordings if (w := wrong(*recorded))] == []


@pytest.mark.parametrize("fault", PLANTED)
def test_nothing_is_drawn_before_its_cause_whatever_goes_wrong(fault):
    """Lives seen through clocks that are late, shifted or silent."""
    for seed in range(SEEDS_OF_FAULTS):
        found = life(seed, Faults(**PLANTED[fault]))
        if Timeline.pods(found.observations):
            assert wrong(found.header, found.observations) == [], f"seed {seed}"


def drawn_by_lot(seed: int) -> Recorded:
    """A Pod with inits, sidecars, apps, hooks and probes drawn by lot, deleted or not, on the simulated node."""
    lot = random.Random(seed)
    inits, apps, script = [], [], {}
    for number in range(lot.randint(0, 4)):
        sidecar = lot.random() < 0.6
        name = f"{'side' if sidecar else 'init'}{number}"
        inits.append({"name": name, "image": "i", **({"restartPolicy": "Always"} if sidecar else {})})
        script[name] = (
            {"on_term": lot.choice([0.1, 1.5, "ignore"])} if sidecar else {"runs_s": lot.choice([0.01, 2.3])}
        )
    for number in range(lot.randint(1, 2)):
        probe = {"exec": {"command": ["x"]}, "periodSeconds": 1}
        hook = {"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}
        extra = lot.choice([{}, {"readinessProbe": probe}, {"livenessProbe": probe}, hook])
        apps.append({"name": f"app{number}", "image": "i", **extra})
        lasts = lot.choice([0.01, 3.4, None])
        script[f"app{number}"] = {
            "runs_s": lasts, "exit_code": lot.choice([0, 0, 1]), "on_term": lot.choice([0.2, 2.5, "ignore"]),
            "answers_after_s": lot.choice([0.0, 2.2]), "pre_stop_s": 1.2,
        }  # fmt: skip
    spec = {"restartPolicy": lot.choice(["Always", "Never"]), "initContainers": inits, "containers": apps}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    spec["terminationGracePeriodSeconds"] = lot.choice([2, 30])
    deleted = lot.choice([None, 1.7, 6.3])
    run = simulate(
        pod, script, until_s=25, delete_after_s=deleted, seed=seed, pace=lot.choice(["prompt", "kubelet"])
    )
    return run.header, run.observations


def test_nothing_is_drawn_before_its_cause_on_the_simulated_node():
    stops = 0
    for seed in SEEDS:
        header, observations = drawn_by_lot(seed)
        assert wrong(header, observations) == [], f"seed {seed}"
        timeline = Timeline.from_observations(header, observations, clocks=API)
        stops += any(s.state == "terminating" for lane in timeline.lanes for s in lane.spans)
    assert stops > 20


# ------------------------------------------------------------------------------------------- the rules alone


def test_the_check_finds_a_stop_before_the_end_of_the_apps(monkeypatch):
    """Planted: a sidecar that is told to stop when it is announced, and not in its turn."""
    monkeypatch.setattr("podlab.timeline.spans.told_at", lambda run, announced, for_good, turn: announced)
    monkeypatch.setattr("podlab.timeline.build.gated", tuple)

    assert any(
        "told to stop of two" in one for one in wrong(*traces.observations("sidecar-reverse-at-completion"))
    )


def test_an_interval_begins_no_earlier_than_its_cause():
    assert after(Instant(1, 5), Instant(2, 3), "rule").lo == 2
    assert after(Instant(1, 5, best=1.5), Instant(2, 3), "rule").best == 3


def test_a_cause_beyond_the_interval_changes_nothing():
    """Then a clock is wrong, and nobody knows which."""
    assert after(Instant(1, 5), Instant(6, 7), "rule") == Instant(1, 5)


def test_the_end_of_a_stopped_run_is_drawn_after_its_signal():
    spans = [
        Span("running", "ready", Instant(0, 0), Instant(4.8, 4.8)),
        Span("terminating", "Killing", Instant(4.8, 4.8), Instant(4.5, 5.0)),
    ]

    assert in_order(spans)[1].end == Instant(4.8, 5.0)


def test_a_failed_probe_known_to_the_second_is_drawn_within_a_run():
    """Its middle lies between two runs; it cannot have failed there."""
    runs = [Run(0, Instant(1, 1), Instant(3, 3)), Run(1, Instant(5.8, 5.8), None)]

    assert inside_a_run(Instant(5, 6), runs).mid == 5.8
    assert inside_a_run(Instant(2, 3), runs).mid == 2.5


# ---------------------------------------------------------------------------------------------------- the figures


def tried() -> Iterator[tuple[str, Recorded]]:
    """All that the tests above look at, each with its kind."""
    for version in VERSIONS:
        yield from (
            ("recordings of kubelets", traces.observations(name, version=version))
            for name in traces.names(version)
        )
    yield from (("other recordings", recorded) for _, recorded in stored())
    for faults in PLANTED.values():
        found = [life(seed, Faults(**faults)) for seed in range(SEEDS_OF_FAULTS)]
        yield from (("simulated lives, faulty clocks", (one.header, one.observations)) for one in found)
    yield from (("simulated lives, Pods by lot", drawn_by_lot(seed)) for seed in SEEDS)


def main() -> int:
    """Print the figures; 1 where anything is drawn before its cause."""
    counts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for kind, (header, observations) in tried():
        counts[kind] += 1
        if Timeline.pods(observations):
            faults[kind] += len(wrong(header, observations))
    for kind, count in counts.items():
        print(f"{kind}: {count} tried, whole and cut short; drawn before their cause: {faults[kind]}")
    print(f"all: {counts.total()} tried; drawn before their cause: {faults.total()}")
    return int(faults.total() > 0)


if __name__ == "__main__":
    sys.exit(main())
