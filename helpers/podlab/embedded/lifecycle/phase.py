"""The phase of a Pod, counted from its container statuses."""

from __future__ import annotations

from collections.abc import Mapping

from podlab.embedded.lifecycle import restartall, spec
from podlab.pods import roles
from podlab.pods.raw import RawObject


class _Counts:
    """How many containers are where. ``init`` ones are regular init containers."""

    def __init__(self) -> None:
        self.init_pending = self.sidecars_pending = 0
        self.init_failed = False
        self.unknown = self.waiting = self.running = self.stopped = self.succeeded = 0
        self.final = 0  # stopped, and not to be started again


def get_phase(pod: RawObject, by_name: Mapping[str, RawObject], *, terminal: bool, app_started: bool) -> str:
    """
    Return the phase of a Pod.

    Args:
        by_name: The statuses of init and regular containers.
        terminal: Nothing will be started any more, under any policy.
        app_started: A regular container was started in the present sandbox, so a restarting sidecar does not
            make the Pod Pending again.

    Source: getPhase in pkg/kubelet/kubelet_pods.go, read at v1.36.3.
    """
    counts = _count(pod, by_name)
    if counts.init_failed:
        return "Failed"
    initialising = counts.init_pending or (counts.sidecars_pending and not app_started)
    if initialising or counts.waiting:
        return "Pending"
    if counts.unknown:
        return "Pending"
    if counts.running:
        return "Running"
    if not counts.stopped:
        return "Pending"
    return _of_stopped(counts, terminal)


def _of_stopped(counts: _Counts, terminal: bool) -> str:
    if not terminal and counts.final < counts.stopped:
        return "Running"  # something is about to be started again
    return "Succeeded" if counts.succeeded == counts.stopped else "Failed"


def _count(pod: RawObject, by_name: Mapping[str, RawObject]) -> _Counts:
    counts = _Counts()
    for container in roles.group(pod, roles.INIT):
        status = by_name.get(container["name"])
        if roles.is_sidecar(container):
            _count_sidecar(status, counts)
        else:
            _count_init(pod, container, status, counts)
    for container in roles.group(pod, roles.APP):
        _count_app(pod, container, by_name.get(container["name"]), counts)
    return counts


def last_end(status: RawObject | None) -> RawObject | None:
    """Return how the container last ended: its terminated state, or for a waiting one its lastState."""
    if not status:
        return None
    state = status.get("state") or {}
    if state.get("terminated"):
        return dict(state["terminated"])
    if "waiting" in state:
        return (status.get("lastState") or {}).get("terminated")
    return None


def _count_init(pod: RawObject, container: RawObject, status: RawObject | None, counts: _Counts) -> None:
    ended = last_end(status)
    if ended is None:
        counts.init_pending += 1
    elif ended["exitCode"] != 0 and not _again(pod, container, ended):
        counts.init_failed = True


def _count_sidecar(status: RawObject | None, counts: _Counts) -> None:
    if status is None:
        counts.unknown += 1
    elif "running" in status["state"]:
        counts.running += 1
        counts.sidecars_pending += not status.get("started")
    elif last_end(status) is None:
        counts.waiting += 1
        counts.sidecars_pending += 1


def _count_app(pod: RawObject, container: RawObject, status: RawObject | None, counts: _Counts) -> None:
    if status is None:
        counts.unknown += 1
        return
    if "running" in status["state"]:
        counts.running += 1
        return
    ended = last_end(status)
    if ended is None:
        counts.waiting += 1
        return
    counts.stopped += 1
    counts.final += not _again(pod, container, ended)
    if "terminated" in status["state"]:
        counts.succeeded += ended["exitCode"] == 0


def _again(pod: RawObject, container: RawObject, ended: RawObject) -> bool:
    """Return whether a container that ended so is started again: by its own exit code, or with all the others."""
    return ended.get("reason") == restartall.REASON or spec.container_should_restart(
        pod, container, ended["exitCode"]
    )
