"""How slow a cluster is, from the Pods that it started."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.grading.pace import MOST, is_obstacle, is_unplaced, is_unstarted, pace, start_s


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


def test_a_node_that_is_late_with_the_next_container_is_slow() -> None:
    """The first start is not the only one that a node may be late with: here 12 s lie between an end and a start."""
    body = pod("2026-11-30T12:00:01Z", shop="2026-11-30T12:00:14Z")
    body["status"]["initContainerStatuses"][0]["state"] = {
        "terminated": {
            "exitCode": 0,
            "startedAt": "2026-11-30T12:00:01Z",
            "finishedAt": "2026-11-30T12:00:02Z",
        }
    }

    assert pace([body]) == 3.0


def test_a_pod_that_is_kept_waiting_by_its_init_container_is_not_slow() -> None:
    """The app of a Pod whose init container was tried again starts late for a reason of its own."""
    assert start_s(pod("2026-11-30T12:00:40Z", restarts=2, shop="2026-11-30T12:00:41Z")) == 0.0


@pytest.mark.parametrize(
    ("node", "row", "unstarted"),
    [
        ({"nodeName": "node"}, None, True),
        ({"nodeName": "node"}, {"state": {"waiting": {"reason": "ContainerCreating"}}}, True),
        ({}, None, False),
        ({"nodeName": "node"}, {"state": {"waiting": {"reason": "ErrImagePull"}}}, False),
        ({"nodeName": "node"}, {"state": {"running": {}}}, False),
        ({"nodeName": "node"}, {"state": {"waiting": {}}, "lastState": {"terminated": {}}}, False),
    ],
)
def test_a_node_that_still_prepares_the_first_process_is_slow(
    node: dict[str, str], row: dict[str, Any] | None, unstarted: bool
) -> None:
    """A Pod without a node may ask for too much, and a reason names an obstacle: both are the manifest's doing."""
    rows = [{"name": "shop", **row}] if row else []
    body = {
        "metadata": {"name": "a"},
        "spec": node,
        "status": {"phase": "Pending", "containerStatuses": rows},
    }

    assert is_unstarted(body) is unstarted


WAITS = {"waiting": {"reason": "PodInitializing"}}
RUNS: dict[str, Any] = {"running": {}}
DONE = {"terminated": {"exitCode": 0}}


@pytest.mark.parametrize(
    ("fetch", "proxy", "shop", "hook", "unstarted"),
    [
        ({"state": DONE}, {"state": WAITS}, WAITS, "", True),
        ({"state": DONE}, {"state": RUNS, "started": True}, WAITS, "", True),
        ({"state": DONE}, {"state": RUNS, "started": False}, WAITS, "", False),
        ({"state": DONE}, {"state": RUNS, "started": True}, WAITS, "proxy", False),
        ({"state": RUNS}, {"state": WAITS}, WAITS, "", False),
        ({"state": {"terminated": {"exitCode": 1}}}, {"state": WAITS}, WAITS, "", False),
        ({"state": DONE}, {"state": RUNS, "started": True}, RUNS, "", False),
    ],
)
def test_a_node_owes_the_next_container_once_nothing_holds_it_back(
    fetch: dict[str, Any], proxy: dict[str, Any], shop: dict[str, Any], hook: str, unstarted: bool
) -> None:
    """An init container that works or fails, a startup probe and a postStart hook are the manifest's doing."""
    inits: list[dict[str, Any]] = [{"name": "fetch"}, {"name": "proxy", "restartPolicy": "Always"}]
    for row in inits:
        if row["name"] == hook:
            row["lifecycle"] = {"postStart": {"exec": {"command": ["sleep", "60"]}}}
    body = {
        "metadata": {"name": "a"},
        "spec": {"nodeName": "node", "initContainers": inits, "containers": [{"name": "shop"}]},
        "status": {
            "phase": "Pending",
            "initContainerStatuses": [{"name": "fetch", **fetch}, {"name": "proxy", **proxy}],
            "containerStatuses": [{"name": "shop", "state": shop}],
        },
    }

    assert is_unstarted(body) is unstarted


@pytest.mark.parametrize(
    ("event", "obstacle"),
    [
        ({"type": "Normal", "reason": "Scheduled"}, False),
        ({"type": "Normal", "reason": "Pulling"}, True),
        ({"type": "Warning", "reason": "FailedMount", "message": 'configmap "numbers" not found'}, True),
        ({"type": "Warning", "reason": "FailedMount", "message": '"kube-root-ca.crt" not registered'}, False),
    ],
)
def test_a_warning_about_an_object_or_a_download_is_an_obstacle(
    event: dict[str, str], obstacle: bool
) -> None:
    """A kubelet that is late to learn of an object warns too."""
    assert is_obstacle(event) is obstacle


UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


@pytest.mark.parametrize(
    ("spec", "status", "unplaced"),
    [
        ({"schedulerName": "default-scheduler"}, {"phase": "Pending"}, True),
        ({"nodeName": "node"}, {"phase": "Pending"}, False),
        ({}, UNSCHEDULABLE, False),
        ({"schedulerName": "mine"}, {"phase": "Pending"}, False),
        ({"schedulingGates": [{"name": "wait"}]}, {"phase": "Pending"}, False),
        (
            {"resourceClaims": [{"name": "gpu", "resourceClaimName": "nobody"}]},
            {"phase": "Pending"},
            False,
        ),
    ],
)
def test_a_pod_that_no_scheduler_has_looked_at_is_the_clusters_doing(
    spec: dict[str, Any], status: dict[str, Any], unplaced: bool
) -> None:
    """One that asks for too much, for another scheduler, a gate or a claim is the manifest's."""
    assert is_unplaced({"metadata": {"name": "a"}, "spec": spec, "status": status}) is unplaced
