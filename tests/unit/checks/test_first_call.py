"""The question of e15 and e24: was the first call of an app answered through its sidecar?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from podlab.checks import Life
from podlab.simulation.simulate import simulate

SLOW_S = 5.0
REQUEST = {"event": "request", "path": "/prices.json"}


def pod(gate: bool) -> dict[str, Any]:
    """A Pod whose proxy listens after ``SLOW_S``, with or without a startup probe that waits for it."""
    probe = {"tcpSocket": {"port": 9000}, "periodSeconds": 1, "failureThreshold": 30}
    proxy = {"name": "proxy", "image": "podlab", "restartPolicy": "Always"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shop"},
        "spec": {
            "restartPolicy": "Never",
            "initContainers": [proxy | ({"startupProbe": probe} if gate else {})],
            "containers": [{"name": "shop", "image": "podlab"}],
        },
    }


def answered(*, gate: bool = True, exit_code: int = 0, logged: bool = True) -> bool | None:
    """What the question says of one simulated life."""
    script = {"proxy": {"answers_after_s": SLOW_S}, "shop": {"runs_s": 1, "exit_code": exit_code}}
    recording: Any = simulate(pod(gate), script)
    if logged:
        line = {"source": "log", "pod": "prices", "container": "prices", "line": json.dumps(REQUEST)}
        recording.observations.append(line)
    life = Life(recording, answered=["shop"])
    return life.first_call_answered("shop", "proxy", "prices", path="/prices.json", listens_after_s=SLOW_S)


def test_a_call_behind_a_gate_is_answered() -> None:
    """The app started after the proxy listened, ended with 0, and the server noted its request."""
    assert answered() is True


@pytest.mark.parametrize("fault", [{"gate": False}, {"exit_code": 1}, {"logged": False}])
def test_one_missing_piece_of_evidence_is_enough_to_deny_it(fault: dict[str, Any]) -> None:
    """Called too early; ended with 1; no request reached the server."""
    assert answered(**fault) is False
