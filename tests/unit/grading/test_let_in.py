"""e06: who let shop in before the database answered did not wait for it, however late the node started shop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podlab import grading
from podlab.checks import Act, Answer, Case, Finding, Life
from podlab.simulation.simulate import simulate
from podlab.timeline.clocks import parse_s

OPENS_S = {"early": 5.0, "late": 15.0}
LATE_NODE_S = {"early": 8.0, "late": 25.0}  # later than each database, and not by the same time: no pause
SHOP = {"name": "shop", "image": "podlab"}
WAIT = {"name": "wait", "image": "busybox"}
SIDECAR = {**WAIT, "restartPolicy": "Always"}
PROBE = {"exec": {"command": ["asks"]}, "periodSeconds": 1, "failureThreshold": 300}
HOOK = {"postStart": {"exec": {"command": ["asks"]}}}


def life(spec: dict[str, Any], script: dict[str, Any], opens_s: float) -> Life:
    """Return a simulated life beside a database that listens *opens_s* after the Pod's creation."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": spec}
    recording: Any = simulate(body, script, until_s=60)
    created = recording.last("shop")["metadata"]["creationTimestamp"]
    at = (parse_s(created) or 0.0) + opens_s
    line = {
        "source": "log",
        "pod": "db",
        "line": json.dumps({"event": "listening"}),
        "at": at,
        "container": "db",
    }
    recording.observations.append(line)
    return Life(recording, answered=["shop"], acts=[Act("started", "wait", done=True)])


def early(spec: dict[str, Any], scripts: dict[str, dict[str, Any]]) -> Finding:
    """Return the finding of the check ``early`` on the lives of both days."""
    exercise = grading.find("e06")
    lives = {run: life(spec, scripts[run], opens_s) for run, opens_s in OPENS_S.items()}
    row = next(each for each in exercise.checks if each.id == "early")
    return exercise.judge(row, Case(Answer(""), lives=lives))


def after(name: str, key: str, **shop: Any) -> dict[str, dict[str, Any]]:
    """Return scripts in which *key* of a container lets shop in a second after each database."""
    return {run: {name: {key: opens_s + 1}, "shop": shop} for run, opens_s in OPENS_S.items()}


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [SHOP, WAIT]},
        {"containers": [WAIT, SHOP]},
        {"initContainers": [SIDECAR], "containers": [SHOP]},
        {"initContainers": [{**SIDECAR, "startupProbe": PROBE}], "containers": [SHOP]},
        {"initContainers": [WAIT], "containers": [SHOP]},
    ],
    ids=[
        "beside",
        "before in the list",
        "sidecar",
        "sidecar whose probe asks nobody",
        "init that asks nobody",
    ],
)
def test_a_late_node_proves_no_wait(spec: dict[str, Any]) -> None:
    """Shop starts long after the database answers, for its image is slow; nothing in the Pod held it back."""
    init = {"wait": {"runs_s": 1}} if spec.get("initContainers") == [WAIT] else {}
    scripts = {run: {"shop": {"pull_s": late_s}, **init} for run, late_s in LATE_NODE_S.items()}

    found = early(spec, scripts)

    assert (found.holds, found.found) == (False, "shop started before the database answered")


@pytest.mark.parametrize(
    ("spec", "scripts"),
    [
        ({"initContainers": [WAIT], "containers": [SHOP]}, after("wait", "runs_s")),
        ({"initContainers": [WAIT], "containers": [SHOP]}, after("wait", "runs_s", pull_s=9.0)),
        (
            {"initContainers": [{**SIDECAR, "startupProbe": PROBE}], "containers": [SHOP]},
            after("wait", "answers_after_s"),
        ),
        (
            {"initContainers": [{**SIDECAR, "lifecycle": HOOK}], "containers": [SHOP]},
            after("wait", "post_start_s"),
        ),
        ({"containers": [{**WAIT, "lifecycle": HOOK}, SHOP]}, after("wait", "post_start_s")),
    ],
    ids=[
        "init",
        "init and a late node",
        "startup probe",
        "hook of a sidecar",
        "hook of a container before shop",
    ],
)
def test_who_lets_shop_in_after_the_database_waits(
    spec: dict[str, Any], scripts: dict[str, dict[str, Any]]
) -> None:
    """Whatever holds shop back until the database answers."""
    assert early(spec, scripts).holds is True
