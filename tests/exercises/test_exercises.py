"""
Every exercise against its own answers, on a cluster: right ones, mistakes, shortcuts, the starter, the empty cell.

All folders on the embedded cluster. On kind, where a life takes longer, a sample: each exercise's first right answer,
and of all others as many as ``PODLAB_KIND_ANSWERS`` says (default 24), drawn by the commit, so that every commit draws
others; ``PODLAB_KIND_ANSWERS=all`` proves all.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from podlab.drivers import Cluster
from podlab.grading import Place, find, ids
from podlab.grading.prove import Proof, Sample, prove, samples

ROOT = Path(__file__).parents[2]
AT_ONCE = {"embedded": 10, "kind": 6}  # answers mostly wait; more would distort each other on two cores
ALL = [sample for name in ids() for sample in samples(find(name))]


def key(sample: Sample) -> str:
    """The name of a test."""
    return f"{sample.exercise.id}-{sample.kind}-{sample.name}"


def chosen(driver: str) -> list[Sample]:
    """The answers that are proved on this kind of cluster."""
    wanted = os.environ.get("PODLAB_KIND_ANSWERS", "24")
    if driver == "embedded" or wanted == "all":
        return ALL
    first = {sample.exercise.id: sample for sample in reversed(ALL) if sample.kind == "right"}
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    others = [sample for sample in ALL if sample not in first.values()]
    drawn = random.Random(commit.stdout).sample(others, min(int(wanted), len(others)))
    return [*first.values(), *drawn]


@pytest.fixture(scope="session")
def proofs(cluster: Cluster) -> Iterator[dict[str, Future[Proof]]]:
    """All chosen answers, judged side by side."""
    place = Place.on(cluster)
    with ThreadPoolExecutor(AT_ONCE[cluster.driver]) as pool:
        yield {key(sample): pool.submit(prove, sample, place) for sample in chosen(cluster.driver)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(1800)  # the first test waits in the queue of all
@pytest.mark.parametrize("name", [key(sample) for sample in ALL])
def test_an_answer_gets_what_its_first_line_promises(
    name: str, proofs: dict[str, Future[Proof]], cluster: Cluster
) -> None:
    """Points, words and hint are those that the answer file announces, and no check stays undecided."""
    if name not in proofs:
        pytest.skip("not in this commit's sample on kind: PODLAB_KIND_ANSWERS=all proves all")

    proof = proofs[name].result()

    assert not proof.faults, f"{proof}\n{proof.report}"
