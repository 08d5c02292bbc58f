"""
Right answers in variants that students draw: each exercise with a seed that every commit draws anew, on a cluster.

A release prints the first right answer for each student's variant, so it must earn full marks with every seed.
``PODLAB_VARIANTS_OF_EXERCISES`` says how many seeds are drawn.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from answers_chosen import commit, is_large

from podlab.drivers import Cluster
from podlab.grading import Place, find, ids
from podlab.grading.prove import Proof, Sample, prove, samples

COUNT = int(os.environ.get("PODLAB_VARIANTS_OF_EXERCISES", "1"))
_CHANCE = random.Random(commit())
SEEDS = [_CHANCE.randrange(1, 10**6) for _ in range(COUNT)]


def first_right(name: str, seed: int) -> Sample:
    """The answer that a release prints."""
    return next(each for each in samples(find(name), seed) if each.kind == "right")


CHOSEN = {
    f"{name}-{seed}": first_right(name, seed)
    for name in ids() if find(name).rules for seed in SEEDS if not is_large(first_right(name, seed))
}  # fmt: skip


@pytest.fixture(scope="session")
def variants(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Proof]]]:
    """What this run of the tests asks for, judged side by side."""
    place = Place.on(cluster)
    asked = {
        item.callspec.params.get("variant") for item in request.session.items if hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(10 if cluster.driver == "embedded" else 4) as pool:
        yield {key: pool.submit(prove, sample, place) for key, sample in CHOSEN.items() if key in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("variant", CHOSEN)
def test_the_printed_solution_of_a_variant_earns_full_marks(
    variant: str, variants: dict[str, Future[Proof]]
) -> None:
    """With the values that the seed draws."""
    proof = variants[variant].result()

    assert proof.report.score == proof.report.points, f"{proof}\n{proof.report}"
