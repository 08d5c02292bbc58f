"""How slow a cluster is, from the Pods that it started."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.grading.pace import MOST, is_unplaced, is_untouched, pace, start_s


def pod(started: str | None, *, restarts: int = 0, shop: str | None = None) -> dict[str, Any]:
    """Return a Pod of 12:00:00 whose init container started at *started* and whose app at *shop*."""
    state = {"running": {"startedAt": started}} if started else {"waiting": {"reason": "PodInitializing"}}
    apps = [{"name": "shop", "restartCount": 0, "state": {"running": {"startedAt": shop}}}] if shop else []
    return {
        "metadata": {"name": "a", "creationTimestamp": "2026-11-30T12:00:00Z"},
        "status": {
            "initContainerStatuses": [{"name": "fetch", "restartCount": restarts, "state": state}],
            "containerStatuses": apps,
        },
    }


@pytest.mark.parametrize(
    ("pods", "slower"),
    [
        ([], 1.0),
        ([pod(None)], 1.0),
        ([pod("2026-11-30T12:00:02Z")], 1.0),
        ([pod("2026-11-30T12:00:10Z")], 2.5),
        ([pod("2026-11-30T12:00:02Z"), pod("2026-11-30T12:00:10Z")], 2.5),
        ([pod("2026-11-30T12:05:00Z")], MOST),
    ],
)
def test_the_slowest_start_says_how_slow_a_cluster_is(pods: list[dict[str, Any]], slower: float) -> None:
    """Four seconds are usual; nothing seen and quick starts stretch no deadline."""
    assert pace(pods) == slower


def test_a_pod_that_is_kept_waiting_by_its_init_container_is_not_slow() -> None:
    """The app of a Pod whose init container was tried again starts late for a reason of its own."""
    assert start_s(pod("2026-11-30T12:00:40Z", restarts=2, shop="2026-11-30T12:00:41Z")) == 0.0


@pytest.mark.parametrize(
    ("node", "rows", "untouched"),
    [
        ({"nodeName": "node"}, [], True),
        ({}, [], False),
        ({"nodeName": "node"}, [{"name": "shop", "state": {"waiting": {}}}], False),
    ],
)
def test_a_kubelet_that_has_shown_no_container_yet_is_slow(
    node: dict[str, str], rows: list[dict[str, Any]], untouched: bool
) -> None:
    """A Pod without a node may ask for too much: that is the manifest's doing."""
    body = {
        "metadata": {"name": "a"},
        "spec": node,
        "status": {"phase": "Pending", "containerStatuses": rows},
    }

    assert is_untouched(body) is untouched


UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


@pytest.mark.parametrize(
    ("spec", "status", "unplaced"),
    [
        ({"schedulerName": "default-scheduler"}, {"phase": "Pending"}, True),
        ({"nodeName": "node"}, {"phase": "Pending"}, False),
        ({}, UNSCHEDULABLE, False),
        ({"schedulerName": "mine"}, {"phase": "Pending"}, False),
        ({"schedulingGates": [{"name": "wait"}]}, {"phase": "Pending"}, False),
    ],
)
def test_a_pod_that_no_scheduler_has_looked_at_is_the_clusters_doing(
    spec: dict[str, Any], status: dict[str, Any], unplaced: bool
) -> None:
    """One that asks for too much, for another scheduler or for a gate is the manifest's."""
    assert is_unplaced({"metadata": {"name": "a"}, "spec": spec, "status": status}) is unplaced
