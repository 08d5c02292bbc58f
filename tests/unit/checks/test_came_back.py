"""The question of e14: was a container started again because the play killed it?"""

from __future__ import annotations

from typing import Any

import pytest

from podlab.checks import Act, Life
from podlab.checks.vocabulary import starts_again
from podlab.simulation.simulate import simulate

SHIPPER = {"name": "shipper", "image": "podlab", "restartPolicy": "Always"}
PROBE = {"exec": {"command": ["false"]}, "initialDelaySeconds": 10, "periodSeconds": 1, "failureThreshold": 1}


def life(*, probe: bool = False, app: bool = False) -> Any:
    """Return the recording of a sidecar (or app) whose runs last for ten seconds, then end or fail their probe."""
    shipper = {**SHIPPER, "livenessProbe": PROBE} if probe else dict(SHIPPER)
    if app:
        del shipper["restartPolicy"]
    shop = {"name": "shop", "image": "podlab"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shop"},
        "spec": {"restartPolicy": "OnFailure", "containers": [shop, shipper]}
        if app
        else {"initContainers": [shipper], "containers": [shop]},
    }
    shipped = {"on_term": 3.0, "fails_after_s": 0.5} if probe else {"runs_s": 10}
    return simulate(pod, {"shipper": shipped}, until_s=60)


def came_back(recording: Any, second: float, *, met: int = 0) -> bool:
    """The answer where the play killed shipper so long after its first start, and its status showed *met* restarts."""
    timeline = recording.timeline("shop")
    first = timeline.lane("shipper").runs[0].start
    at = int(timeline.zero + first.lo + second)
    kill = Act("kill", "kill", "shipper", True, at=at, restarts={"shipper": met}, output=str(at), pod="shop")
    return Life(recording, [kill], answered=["shop"]).came_back("kill", "shipper")


def test_a_run_that_ends_after_the_kill_was_struck_by_it() -> None:
    """The first run ends in the tenth second."""
    assert came_back(life(), 9)


def test_a_restart_from_before_the_kill_does_not_count() -> None:
    """The last run of the recording was struck, and no run follows it."""
    recording = life()
    runs = recording.timeline("shop").lane("shipper").runs

    assert not came_back(recording, runs[-1].start.lo - runs[0].start.lo + 2)


def test_a_run_that_a_probe_had_ended_was_not_struck() -> None:
    """The kubelet's Killing Event comes first: it would have started the container again anyway."""
    assert not came_back(life(probe=True), 11)


def test_a_probe_that_fails_after_the_kill_takes_nothing_away() -> None:
    """A server that leaves does not answer its probe."""
    assert came_back(life(probe=True), 5)


def test_a_restart_that_the_policy_does_not_explain_is_not_the_kills() -> None:
    """A killed shipper leaves with 0, which OnFailure leaves at that: here a probe has it started again."""
    recording = life(probe=True, app=True)

    assert recording.timeline("shop").restarts("shipper")
    assert not came_back(recording, 5)


@pytest.mark.parametrize(
    ("pod", "own", "code", "again"),
    [
        ("OnFailure", None, 0, False),
        ("OnFailure", None, 143, True),
        ("OnFailure", None, None, True),
        ("Never", None, 143, False),
        ("Always", None, 0, True),
        ("Always", "OnFailure", 0, False),
    ],
)
def test_the_exit_code_tells_whether_a_policy_starts_a_container_again(
    pod: str, own: str | None, code: int | None, again: bool
) -> None:
    """A restart that no policy explains has another cause, such as a probe."""
    container = {"name": "shipper", **({"restartPolicy": own} if own else {})}

    assert starts_again({"spec": {"restartPolicy": pod, "containers": [container]}}, "shipper", code) is again
    assert starts_again({"spec": {"restartPolicy": pod, "initContainers": [SHIPPER]}}, "shipper", code)
