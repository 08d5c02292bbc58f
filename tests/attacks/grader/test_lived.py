"""Answers that run: none gains a point for the goal, none harms an honest answer that is graded beside it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from attack_corpus import Attack, attacks, right
from clusters import cluster  # noqa: F401  (a fixture)

from podlab.drivers import Cluster
from podlab.grading import Place, Report, grade

LIVED = [attack for attack in attacks() if not attack.refused]


@pytest.fixture(scope="session")
def reports(cluster: Cluster) -> Iterator[dict[str, Future[Report]]]:  # noqa: F811
    """All attacks and two honest answers, graded side by side, in a second try too: they are to meet."""
    place = Place(cluster.client(), cluster.namespace)
    with ThreadPoolExecutor(5) as pool:
        found = {a.id: pool.submit(grade, a.exercise, a.text, place) for a in LIVED}
        found |= {f"honest-{name}": pool.submit(grade, name, right(name), place) for name in ("e14", "e06")}
        yield found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("attack", LIVED, ids=lambda attack: attack.id)
def test_an_attack_gains_nothing(attack: Attack, reports: dict[str, Future[Report]]) -> None:
    """At most the points that the unchanged part of the answer earns anyway."""
    report = reports[attack.id].result()

    assert report.state in ("answered", "refused"), str(report)
    assert report.score <= attack.most, str(report)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["e14", "e06"])
def test_an_honest_answer_beside_them_loses_nothing(name: str, reports: dict[str, Future[Report]]) -> None:
    """Full marks, while the others flood."""
    report = reports[f"honest-{name}"].result()

    assert report.score == report.points, str(report)
