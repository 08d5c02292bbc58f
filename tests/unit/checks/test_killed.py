"""The question of e18 and e23: which containers did SIGKILL end?"""

from __future__ import annotations

from typing import Any

from podlab.checks import Life
from podlab.simulation.simulate import simulate


def killed(*, app_obeys: bool, sidecar_obeys: bool) -> list[str]:
    """The answer for a Pod with a sidecar that is deleted while both its containers run."""
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shop"},
        "spec": {
            "terminationGracePeriodSeconds": 3,
            "initContainers": [{"name": "proxy", "image": "podlab", "restartPolicy": "Always"}],
            "containers": [{"name": "shop", "image": "podlab"}],
        },
    }
    script = {
        "shop": {"on_term": 0.5 if app_obeys else "ignore"},
        "proxy": {"on_term": 0.5 if sidecar_obeys else "ignore"},
    }
    recording: Any = simulate(pod, script, delete_after_s=5)
    return Life(recording, answered=["shop"]).killed()


def test_an_app_that_uses_up_the_grace_is_named_and_its_sidecar_is_not() -> None:
    """The sidecar had no time left: its end is the app's doing."""
    assert killed(app_obeys=False, sidecar_obeys=False) == ["shop"]


def test_a_sidecar_that_does_not_stop_is_named_where_the_app_did() -> None:
    """Then nobody else used the time up."""
    assert killed(app_obeys=True, sidecar_obeys=False) == ["proxy"]


def test_a_pod_that_stops_in_time_was_not_killed() -> None:
    """Both end on SIGTERM."""
    assert killed(app_obeys=True, sidecar_obeys=True) == []
