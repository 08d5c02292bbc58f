"""e14 on a cluster: right, nearly right and wrong answers, each judged by the life of its Pod."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podlab.checks.verdict import Report
from podlab.client import Client
from podlab.grading import Place, grade

FOLDER = Path(__file__).parents[2] / "labs/e14-convert-shipper"
# what the API server itself takes depends on its version: 1.34 drops `always`, later ones refuse it; 0 either way
EXPECTED = {
    "solution/moved": 5,
    "solution/with-startup-probe": 5,
    "solution/after-an-init": 5,
    "solution/two-sidecars": 5,
    "mistakes/moved-without-the-field": 0,
    "mistakes/on-failure": 0,
    "mistakes/small-letters": 0,
    "mistakes/policy-of-the-pod": 0,
    "mistakes/in-both-lists": 0,
    "mistakes/first-in-containers": 1,
}
AT_ONCE = 4  # each answer is two small processes that mostly wait; more would distort each other on two cores


@pytest.fixture(scope="module")
def reports(client: Client) -> Iterator[dict[str, Report]]:
    """All answers, judged side by side, each in a namespace of its own."""
    run, made = uuid.uuid4().hex[:6], []

    def judge(name: str) -> Report:
        namespace = f"e14-{run}-{name.rpartition('/')[2]}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        client.create("/api/v1/namespaces", body)
        made.append(namespace)
        return grade("e14", (FOLDER / f"{name}.yaml").read_text(), Place(client, namespace, {}))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(EXPECTED, pool.map(judge, EXPECTED), strict=True))
    yield found
    for namespace in made:
        client.delete(f"/api/v1/namespaces/{namespace}")


@pytest.mark.parametrize("name", EXPECTED)
def test_an_answer_gets_what_its_pod_earned(name: str, reports: dict[str, Report]) -> None:
    """Each file gets its points, nothing stays undecided, and what falls short says what to do next."""
    report = reports[name]

    assert report.score == EXPECTED[name], str(report)
    assert not report.undecided, str(report)
    assert report.score == report.points or report.refused or "%hint e14" in str(report)


def test_no_time_address_or_name_of_a_machine_stands_in_a_verdict(reports: dict[str, Report]) -> None:
    """The same life gives the same words, on every run and cluster."""
    said = str(reports["mistakes/first-in-containers"])

    assert said.splitlines()[:5] == [
        "e14 convert-shipper: 1 of 5",
        "  + the Pod ended by itself, phase Succeeded             1",
        "  - shipper started before shop                          0",
        "      expected  shop starts once shipper has started, every time",
        "      found     start order (shipper shop)",
    ]


def test_the_folder_holds_what_is_tested() -> None:
    """Every answer that is kept is judged here, or beside the fence in the unit tests."""
    on_disk = {str(p.relative_to(FOLDER))[:-5] for p in FOLDER.glob("[sm][oi]*/*.yaml")}

    assert on_disk - set(EXPECTED) == {
        "mistakes/field-on-the-shop"
    }  # refused before 1.35, hangs from then on
