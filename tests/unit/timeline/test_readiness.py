"""When a Pod became Ready: not before its containers had started, and drawn as an interval where that is wide."""

from __future__ import annotations

from typing import Any

from podlab.timeline import Timeline
from podlab.views._layout import scene_of
from podlab.views._strip_layout import FLAG_PX


def a_pod(ready: str, app: dict[str, Any], phase: str, reason: str = "") -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:03Z"}
    row = {"name": "app", "restartCount": 0, "containerID": "c://1", "ready": ready == "True", "state": app}
    return {
        "metadata": metadata,
        "spec": {"nodeName": "node", "containers": [{"name": "app", "image": "i"}]},
        "status": {
            "phase": phase,
            "conditions": [{**condition, "reason": reason}],
            "containerStatuses": [row],
        },
    }


def seen(t: float, pod: dict[str, Any]) -> dict[str, Any]:
    return {"t": t, "source": "watch", "resource": "pods", "type": "MODIFIED", "object": pod}


def log(t: float, at: str) -> dict[str, Any]:
    fixed = {"source": "log", "pod": "web", "pod_uid": "u", "container": "app", "restart": 0, "line": "x"}
    return {"t": t, "at": at, **fixed}


RUNNING = {"running": {"startedAt": "2026-01-01T00:00:03Z"}}
WAITING = {"waiting": {"reason": "ContainerCreating"}}


def started_at(exact: str) -> Timeline:
    """Return a Pod whose app was started at an instant that the node's own clock knows."""
    node = {
        "t": 3.9,
        "source": "node",
        "clock": "embedded",
        "event": "start",
        "pod": "web",
        "pod_uid": "u",
        "container": "app",
        "container_id": "c://1",
        "attempt": 0,
        "at": exact,
    }
    rows = [seen(0.1, a_pod("False", WAITING, "Pending")), node, seen(4.2, a_pod("True", RUNNING, "Running"))]
    header = {"driver": "embedded", "started_at": "2026-01-01T00:00:00Z", "namespace": "n", "manifest": None}
    return Timeline.from_observations(header, rows)


def test_a_pod_is_not_ready_before_its_last_container_has_started() -> None:
    """lastTransitionTime is a whole second; the start lies in its second half, and so does Ready."""
    timeline = started_at("2026-01-01T00:00:03.700000Z")
    [ready] = [one for one in timeline.markers if one.label == "Ready"]
    start = timeline.lane("app").first_start

    assert start is not None
    assert start.lo >= 3.6
    assert ready.at.lo >= start.lo
    assert ready.at.hi <= 4.0


def test_a_wide_moment_is_an_interval_and_a_narrow_one_a_line() -> None:
    """A sharp line in the middle of a second would show what nobody knows."""
    wide = scene_of(started_at("2026-01-01T00:00:03.000000Z"), width=900)
    narrow = scene_of(started_at("2026-01-01T00:00:03.990000Z"), width=900)

    assert [hover for *_, hover in wide.lines if hover.startswith("Ready")] == []
    assert any(height == FLAG_PX for *_, height in wide.doubts)
    assert len([hover for *_, hover in narrow.lines if hover.startswith("Ready")]) == 1


def test_a_pod_is_ready_until_a_container_has_ended() -> None:
    """Nothing else can make it not Ready where there is no readiness probe and no deletion."""
    exit_at = "2026-01-01T00:00:03.800000Z"
    ended = {
        "terminated": {
            "exitCode": 0,
            "startedAt": "2026-01-01T00:00:03Z",
            "finishedAt": "2026-01-01T00:00:03Z",
        }
    }
    ended["terminated"]["containerID"] = "c://1"
    fixed = {"source": "node", "clock": "embedded", "pod": "web", "pod_uid": "u", "container": "app"}
    fixed |= {"container_id": "c://1", "attempt": 0}
    rows = [
        seen(0.1, a_pod("False", WAITING, "Pending")),
        {"t": 3.2, "event": "start", "at": "2026-01-01T00:00:03.100000Z", **fixed},
        seen(3.3, a_pod("True", RUNNING, "Running")),
        {"t": 3.8, "event": "exit", "at": exit_at, "exit_code": 0, **fixed},
        seen(4.2, a_pod("False", ended, "Running", "ContainersNotReady")),
    ]
    header = {"driver": "embedded", "started_at": "2026-01-01T00:00:00Z", "namespace": "n", "manifest": None}
    timeline = Timeline.from_observations(header, rows)
    [unready] = [one for one in timeline.markers if one.label == "not Ready"]
    end = timeline.lane("app").last_end

    assert end is not None
    assert end.lo > 3.7
    assert unready.at.lo == end.lo
