"""Scenarios run on a cluster show what a real kubelet of v1.36.3 showed.

On the embedded cluster all of them run, on kind a sample that CI has the time for: there they guard against drift of
the recordings. ``PODLAB_CONFORMANCE=all`` or ``=sample`` chooses.

Two recordings of one real cluster differ in about three scenarios of a hundred: a race is decided the other way. So a
scenario that differs is recorded once more, and only what differs both times is a difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import comparator
import corpus
import pytest
import run

from podlab.drivers import Cluster

NAMES = [s.name for s in corpus.load_all()]
SAMPLE = [n for n in NAMES if not {"offline", "cgroups"} & set(corpus.load_all([n])[0].needs)][::8]
AT_ONCE = {"embedded": 10, "kind": 6}  # more would distort the timing: a real node does more for each Pod
MOST_RACES = 12  # more differences than that are no races, and are not recorded again


def chosen(driver: str) -> list[str]:
    """The scenarios to run on a driver's cluster."""
    which = os.environ.get("PODLAB_CONFORMANCE") or ("all" if driver == "embedded" else "sample")
    return NAMES if which == "all" else SAMPLE


def differences(cluster: Cluster, names: list[str], out: Path) -> dict[str, list[str]]:
    """Record scenarios and hold them against the corpus: differences by scenario, empty where there are none."""
    run.record(names, str(cluster.kubeconfig), out, AT_ONCE[cluster.driver], set())
    return comparator.compare_folders(corpus.EXPECTED, out / "json", names, set())


@pytest.mark.timeout(1800)
def test_what_the_cluster_shows_agrees_with_the_recordings(cluster: Cluster, tmp_path: Path) -> None:
    """Every lasting difference of the embedded cluster is explained in DIFFERENCES.md; kind has none."""
    results = differences(cluster, chosen(cluster.driver), tmp_path / "first")
    known = run.known_differences() if cluster.driver == "embedded" else {}
    again = [name for name, lines in results.items() if lines and name not in known]

    if again and len(again) <= MOST_RACES:
        print(f"once more: {', '.join(again)}")
        results |= differences(cluster, again, tmp_path / "second")

    assert run.report(results, known, verbose=False) == 0
