"""Lab 08's Istio part: how counters are read, and that the page says what the stored recordings hold."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import podlab
from podlab import manifests

LAB = Path(__file__).parents[2] / "labs/08-service-mesh/istio"
STORED = LAB / "recordings"
STATS = """\
cluster.outbound|8080||stock.x.svc.cluster.local;.upstream_rq_total: 7
cluster.outbound|8080||stock.x.svc.cluster.local;.ssl.handshake: 2
cluster.outbound|443||other.x.svc.cluster.local;.upstream_rq_total: 5
cluster.outbound|8080||stock.x.svc.cluster.local;.upstream_rq_time: P0(nan,1.0) P25(nan,1.02)
"""


@pytest.fixture(scope="module")
def rounds() -> Iterator[ModuleType]:
    """The lab's own program, which is no package."""
    sys.path.insert(0, str(LAB))
    yield importlib.import_module("rounds")
    sys.path.remove(str(LAB))


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """What the stored run printed."""
    found: dict[str, Any] = json.loads((STORED / "figures.json").read_text("utf-8"))
    return found


def test_counters_are_summed_by_the_service_they_are_of(rounds: ModuleType) -> None:
    """Another service's requests, and times, are left out."""
    stats = rounds.traffic.parse(STATS)

    assert rounds.traffic.total(stats, "cluster.outbound|8080||stock.", ".upstream_rq_total") == 7
    assert rounds.traffic.total(stats, "cluster.outbound|8080||stock.", ".ssl.handshake") == 2
    assert rounds.traffic.total(stats, "cluster.inbound|", ".upstream_rq_total") == 0


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ({"name": "migrate", "lastState": {"terminated": {"exitCode": 1}}}, True),
        ({"name": "migrate", "state": {"terminated": {"exitCode": 0}}}, False),
        ({"name": "istio-init", "state": {"terminated": {"exitCode": 1}}}, False),
    ],
)
def test_only_an_error_of_migrate_counts(rounds: ModuleType, status: dict[str, Any], failed: bool) -> None:
    """The last round ends with it."""
    assert rounds.migrate_failed([{"status": {"initContainerStatuses": [status]}}]) is failed


def test_a_request_counts_only_if_all_three_saw_it(rounds: ModuleType) -> None:
    """Both proxies and the stock; the smallest of the three is the figure."""
    shop = {"requests": 100, "sent_out": 100, "came_in": 99, "with_certificate": 98}

    assert rounds.sentence({"mutual_tls": {"shop": shop}}).endswith(": 98 / 100")


@pytest.mark.parametrize("path", sorted((LAB / "manifests").glob("[s]*.yaml")), ids=lambda path: path.name)
def test_the_learners_manifests_do_not_mention_istio(path: Path) -> None:
    """The mesh comes by the namespace's label; only what is about the mesh itself names it."""
    loaded = manifests.load(path)
    text = json.dumps([one.object for one in loaded])

    assert loaded
    assert ("istio" in text) == (path.stem in {"strict", "stranger"})


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ("native", ["istio-init", "istio-proxy", "migrate", "app"]),
        ("classic", ["migrate", "istio-init", "app", "istio-proxy"]),
    ],
)
def test_the_stored_lives_start_in_the_order_that_the_page_names(form: str, order: list[str]) -> None:
    """Read from the recordings, as `podlab show` reads them."""
    kept = podlab.read_recording(STORED / f"{form}.jsonl")
    starts: dict[str, str] = {}
    for one in kept.observations:
        reason, involved = (one.get("object", {}).get(name) for name in ("reason", "involvedObject"))
        if reason == "Started" and involved:
            starts.setdefault(involved["fieldPath"].partition("{")[2].rstrip("}"), "")

    assert list(starts) == order
    assert kept.end_reason == "gone"


def test_a_changed_recipe_is_noticed(
    rounds: ModuleType, figures: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Continuous integration compiles Istio for an hour only then."""
    (tmp_path / "figures.json").write_text(json.dumps(figures))
    assert rounds.is_stored(tmp_path)

    known = rounds.control.images.load()
    agent = replace(known.parts["pilot-agent"], version="1.32.0")
    other = replace(known, parts=known.parts | {"pilot-agent": agent})
    monkeypatch.setattr(rounds.control.images, "load", lambda: other)
    assert not rounds.is_stored(tmp_path)


def test_the_page_names_the_stored_figure(rounds: ModuleType, figures: dict[str, Any]) -> None:
    """And where the run was made that it comes from."""
    page = (LAB / "README.md").read_text("utf-8")

    assert rounds.sentence(figures) in page
    assert figures["server"] in page
    assert f"{figures['driver']} cluster" in page
