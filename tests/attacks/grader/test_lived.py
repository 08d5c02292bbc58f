"""Answers that run: none gains a point for the goal, none harms an honest answer that is graded beside it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from attack_corpus import Attack, right
from attack_live import ELSEWHERE, attacks, wrong
from clusters import cluster  # noqa: F401  (a fixture)

from podlab.drivers import Cluster
from podlab.grading import Place, Report, grade

LIVED = attacks()


@pytest.fixture(scope="session")
def reports(cluster: Cluster) -> Iterator[dict[str, Future[Report]]]:  # noqa: F811
    """All attacks and two honest answers, graded side by side, in a second try too: they are to meet."""
    place = Place(cluster.client(), cluster.namespace)
    with ThreadPoolExecutor(10) as pool:
        found = {a.id: pool.submit(grade, a.exercise, a.text, place) for a in LIVED}
        found |= {f"honest-{name}": pool.submit(grade, name, right(name), place) for name in ("e14", "e06")}
        yield found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("attack", LIVED, ids=lambda attack: attack.id)
def test_an_attack_gains_nothing(attack: Attack, reports: dict[str, Future[Report]]) -> None:
    """At most the points that the unchanged part of the answer earns anyway; honest ones get all of theirs."""
    assert wrong(attack, reports[attack.id].result()) == ""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["e14", "e06"])
def test_an_honest_answer_beside_them_loses_nothing(name: str, reports: dict[str, Future[Report]]) -> None:
    """Full marks, while the others flood."""
    report = reports[f"honest-{name}"].result()

    assert report.score == report.points, str(report)


@pytest.mark.timeout(900)
def test_no_answer_reached_out_of_its_namespace(reports: dict[str, Future[Report]], cluster: Cluster) -> None:  # noqa: F811
    """The objects that some answers ask the API server for exist nowhere."""
    for report in reports.values():
        report.result()
    pods = cluster.client().get("/api/v1/pods")["items"]

    assert [pod["metadata"]["name"] for pod in pods if pod["metadata"]["name"] == ELSEWHERE] == []
