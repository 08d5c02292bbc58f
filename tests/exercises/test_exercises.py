"""
Every exercise against its own answers, on a cluster: right ones, mistakes, shortcuts, the starter, the empty cell.

All folders on the embedded cluster; a sample on kind, where a life takes longer, and of large exercises: see
``answers_chosen``.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from answers_chosen import ALL, is_large, key

from podlab.drivers import Cluster
from podlab.grading import Place
from podlab.grading.prove import Proof, prove

AT_ONCE = {"embedded": 10, "kind": 4}  # answers mostly wait; more would distort each other on two cores


@pytest.fixture(scope="session")
def proofs(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Proof]]]:
    """What this run of the tests asks for, judged side by side: a second try of one test grades one answer."""
    place = Place.on(cluster)
    asked = {item.callspec.params["name"] for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(AT_ONCE[cluster.driver]) as pool, ThreadPoolExecutor(1) as large:
        yield {
            key(sample): (large if is_large(sample) else pool).submit(prove, sample, place)
            for sample in ALL if key(sample) in asked
        }  # fmt: skip
        for each in (pool, large):
            each.shutdown(cancel_futures=True)


@pytest.mark.timeout(1800)  # the first test waits in the queue of all
@pytest.mark.parametrize("name", [key(sample) for sample in ALL])
def test_an_answer_gets_what_its_first_line_promises(name: str, proofs: dict[str, Future[Proof]]) -> None:
    """Points, words and hint are those that the answer file announces, and no check stays undecided."""
    proof = proofs[name].result()

    assert not proof.faults, f"{proof}\n{proof.report}"
