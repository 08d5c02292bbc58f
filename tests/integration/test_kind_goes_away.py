"""
``podlab grade`` by a kubeconfig file, on a kind cluster whose node goes away while answers run.

The command ends with one error, no answer loses a point, and once the node is back the same command grades the rest.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import own
from grading_command import begin, grading, hand_in_right, run, whole

from podlab.client import waiting
from podlab.drivers import Cluster
from podlab.drivers.kind import PREFIX
from podlab.errors import PodlabError, WaitTimeoutError

pytestmark = [pytest.mark.kind, pytest.mark.timeout(2400)]

ANSWERS = 10
MOST_RUNS = 5  # of the same command: on a busy machine lost points stay open, which the test is not about
AWAY = {"pause": "unpause", "stop": "start"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of this module's own: its node goes away."""
    with own("kind", "away") as made:
        yield made


def docker(verb: str, cluster: Cluster) -> None:
    """Do something to the cluster's one node."""
    node = f"{PREFIX}{cluster.name}-control-plane"
    subprocess.run(["docker", verb, node], check=True, capture_output=True)


def results(folder: Path) -> list[dict[str, Any]]:
    """Every stored result of e14."""
    return [json.loads(path.read_text()) for path in folder.glob("results/*/e14.json")]


def await_server(cluster: Cluster) -> None:
    """Wait until the API server says that its one node is ready."""
    client = cluster.client()

    def ready() -> bool:
        try:
            (node,) = client.get("/api/v1/nodes", timeout_s=10)["items"]
        except PodlabError:
            return False
        return ("Ready", "True") in {(each["type"], each["status"]) for each in node["status"]["conditions"]}

    waiting.until(
        ready, deadline_s=600, late=lambda: WaitTimeoutError("the node did not come back"), every_s=1.0
    )


@pytest.mark.parametrize("away", AWAY)
def test_a_node_that_goes_away_takes_no_point(away: str, term: Path, cluster: Cluster) -> None:
    """Paused, it answers nothing; stopped, it refuses. Ten right answers: some are graded, none is a zero."""
    given, out = hand_in_right(term, ANSWERS), term.parent / "grades"
    words = [*grading(term, given), "--on", "context", "--kubeconfig", str(cluster.kubeconfig)]
    begun = begin(words, out, 300)

    docker(away, cluster)
    try:
        told, _ = begun.communicate()
    finally:
        docker(AWAY[away], cluster)

    assert "Traceback" not in told, told[-3000:]
    assert begun.returncode == 5, told[-3000:]
    assert told.count("ConnectionLostError: ") == 1
    assert "the cluster has not answered for 60 s" in told
    assert None in {each["earned"] for each in results(out)}
    assert {each["earned"] for each in results(out)} <= {None, *(each["points"] for each in results(out))}

    await_server(cluster)
    for _ in range(MOST_RUNS):
        again = run(words)
        assert {each["earned"] for each in results(out)} <= {None, *(each["points"] for each in results(out))}
        if again.returncode == 0:
            break
    assert set(whole(out).values()) == {"answered"}, again.stdout
    assert [each["earned"] for each in results(out)] == [each["points"] for each in results(out)]
    assert len(results(out)) == ANSWERS
