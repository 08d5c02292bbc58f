"""Scenarios run on a cluster show what a real kubelet of v1.36.3 showed.

On the embedded cluster all of them run, on kind a sample that CI has the time for: there they guard against drift of
the recordings. ``PODLAB_CONFORMANCE=all`` or ``=sample`` chooses.
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


def chosen(driver: str) -> list[str]:
    """The scenarios to run on a driver's cluster."""
    which = os.environ.get("PODLAB_CONFORMANCE") or ("all" if driver == "embedded" else "sample")
    return NAMES if which == "all" else SAMPLE


@pytest.mark.timeout(1500)
def test_what_the_cluster_shows_agrees_with_the_recordings(cluster: Cluster, tmp_path: Path) -> None:
    """Every difference is explained in DIFFERENCES.md; kind shares the image and the races listed there."""
    names = chosen(cluster.driver)
    run.record(names, str(cluster.kubeconfig), tmp_path, 6, set())

    results = comparator.compare_folders(corpus.EXPECTED, tmp_path / "json", names, set())

    known = run.known_differences()
    unexplained = {name: lines for name, lines in results.items() if lines and name not in known}
    run.report(results, known, verbose=False)
    # Two recordings of one real cluster differ in about one scenario of a hundred.
    assert len(unexplained) <= max(1, len(names) // 50), unexplained
