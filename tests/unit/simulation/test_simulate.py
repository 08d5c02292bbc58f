"""Whole lives of Pods on simulated time: what a learner would be shown, second by second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import pytest

import podlab
from podlab.errors import ManifestError
from podlab.simulation.loop import SimulatedLoop
from podlab.simulation.simulate import SimulatedRecording, simulate

Json = dict[str, Any]


def pod(inits: list[Json], apps: list[Json], policy: str = "Never", **spec: Any) -> Json:
    """A manifest."""
    containers = [[{"image": "busybox:1.36", **c} for c in group] for group in (inits, apps)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "restartPolicy": policy,
            "initContainers": containers[0],
            "containers": containers[1],
            **spec,
        },
    }


SIDECAR = {"name": "proxy", "restartPolicy": "Always"}
JOB = pod([{"name": "fetch"}, SIDECAR], [{"name": "app"}])
SCRIPT = {"fetch": {"runs_s": 2}, "proxy": {"on_term": 0.5}, "app": {"runs_s": 10}}


def node_events(run: SimulatedRecording) -> list[str]:
    """``2.0 exit fetch``: starts, ends and signals, to the tenth of a second."""
    lines = (
        o for o in run.observations if o["source"] == "node" and o["event"] in ("start", "exit", "signal")
    )
    return [f"{o['t']:.1f} {o['event']} {o['container']}" for o in lines]


def test_init_sidecar_and_app_live_in_their_order() -> None:
    """The sidecar starts before the app and ends after it."""
    assert node_events(simulate(JOB, SCRIPT)) == [
        "0.0 start fetch",
        "2.0 exit fetch",
        "2.0 start proxy",
        "2.1 start app",
        "12.1 exit app",
        "12.1 signal proxy",
        "12.6 exit proxy",
    ]


def test_the_timeline_of_a_simulation_answers_questions() -> None:
    """It is read like that of a real cluster."""
    timeline = simulate(JOB, SCRIPT).timeline()

    assert timeline.outlived("proxy", "app").value is True
    assert timeline.before("fetch", "proxy").value is True


def test_a_crash_loop_waits_longer_each_time() -> None:
    """0, 10, 20, 40 and 80 s after the end."""
    run = simulate(pod([], [{"name": "app"}], "Always"), {"app": {"runs_s": 1, "exit_code": 1}}, until_s=160)

    starts = [float(line.split()[0]) for line in node_events(run) if "start" in line]
    waits = [round(later - sooner - 1) for sooner, later in pairwise(starts)]

    assert waits == [0, 10, 20, 40, 80]


def test_at_the_pace_of_a_kubelet_the_waits_are_longer() -> None:
    """It tries on a grid of 10 to 15 s."""
    crashing = pod([], [{"name": "app"}], "Always")

    prompt = simulate(crashing, {"app": {"runs_s": 1, "exit_code": 1}}, until_s=60)
    slow = simulate(crashing, {"app": {"runs_s": 1, "exit_code": 1}}, until_s=60, pace="kubelet")

    third = [float([e for e in node_events(r) if "start" in e][2].split()[0]) for r in (prompt, slow)]
    assert third[1] - third[0] >= 0.5


def test_deletion_orders_the_end() -> None:
    """The app ignores SIGTERM and uses the grace; the sidecar gets two seconds."""
    run = simulate(JOB, {"fetch": {"runs_s": 0}}, delete_after_s=5, grace_s=4)

    assert run.end_reason == "gone"
    assert node_events(run)[-6:] == [
        "5.0 signal app",
        "9.0 signal app",
        "9.0 signal proxy",
        "9.0 exit app",
        "11.0 signal proxy",
        "11.0 exit proxy",
    ]


def test_a_readiness_probe_holds_back_ready() -> None:
    """The container runs at once and is ready when it answers."""
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1}
    web = pod([], [{"name": "app", "readinessProbe": probe}], "Always")

    run = simulate(web, {"app": {"answers_after_s": 5}}, until_s=20)

    ready = [o["t"] for o in run.observations if o.get("resource") == "pods" and _is_ready(o["object"])]
    assert 5 <= ready[0] <= 7


def _is_ready(found: Json) -> bool:
    conditions = found.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def test_a_liveness_probe_kills_and_restarts() -> None:
    """Three failures in a row after it stopped answering."""
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 2}
    web = pod([], [{"name": "app", "livenessProbe": probe}], "Always")

    run = simulate(web, {"app": {"fails_after_s": 10, "on_term": 1}}, until_s=30)

    assert run.last()["status"]["containerStatuses"][0]["restartCount"] == 1


def test_an_image_that_cannot_be_had_keeps_the_pod_pending() -> None:
    """ErrImagePull and ImagePullBackOff take turns."""
    run = simulate(pod([], [{"name": "app"}]), {"app": {"pull_error": "no such host"}}, until_s=60)

    states = [o["object"]["status"] for o in run.observations if o.get("resource") == "pods"]
    reasons = [
        s["containerStatuses"][0]["state"]["waiting"]["reason"] for s in states if "containerStatuses" in s
    ]
    assert run.end_reason == "deadline"
    assert list(dict.fromkeys(reasons)) == ["ContainerCreating", "ErrImagePull", "ImagePullBackOff"]


def test_a_config_map_that_comes_late_lets_the_pod_start() -> None:
    """It waits without a sandbox until then."""
    volumes = [{"name": "v", "configMap": {"name": "late"}}]
    web = pod([], [{"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}], volumes=volumes)
    made = {"metadata": {"name": "late", "namespace": "simulated", "uid": "c1"}, "data": {}}

    run = simulate(web, {"app": {"runs_s": 1}}, steps=[(4, lambda s: s.store.create("configmaps", made))])

    assert node_events(run)[0] == "4.0 start app"
    reasons = {o["object"]["reason"] for o in run.observations if o.get("resource") == "events"}
    assert "FailedMount" in reasons


def test_the_same_seed_gives_the_same_bytes() -> None:
    """In another process, too, where strings hash differently."""
    code = (
        "import json, sys; from podlab.simulation.simulate import simulate; "
        "m, s = json.load(sys.stdin); sys.stdout.write(simulate(m, s, seed=7, pace='kubelet').dumps())"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps([JOB, SCRIPT]),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]

    assert answers[0] == answers[1] == simulate(JOB, SCRIPT, seed=7, pace="kubelet").dumps()
    assert answers[0] != simulate(JOB, SCRIPT, seed=8, pace="kubelet").dumps()


def test_simulated_time_costs_no_time() -> None:
    """Ten minutes pass well within the ten seconds that a slow machine is given."""
    begun = time.monotonic()

    simulate(pod([], [{"name": "app"}], "Always"), until_s=600)

    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("manifest", "script", "words"),
    [
        ({"kind": "Service"}, {}, "needs exactly one Pod, this has 0"),
        ("just text", {}, "manifest"),
        ([JOB, JOB], {}, "needs exactly one Pod, this has 2"),
        (JOB, {"ap": {}}, "names container 'ap'"),
        (JOB, {"app": {"run_s": 1}}, "unknown key 'run_s'"),
        ({**JOB, "spec": {"containers": "none"}}, {}, "the Pod is refused"),
    ],
)
def test_what_cannot_be_simulated_is_refused(manifest: Any, script: Json, words: str) -> None:
    """With the place of the fault."""
    with pytest.raises(ManifestError, match=words):
        simulate(manifest, script)


def test_simulate_is_a_public_name() -> None:
    """And takes the text of a manifest."""
    assert podlab.simulate(json.dumps(JOB), SCRIPT).end_reason == "Succeeded"


def test_a_config_map_may_stand_beside_the_pod() -> None:
    """In one text, as it would be applied."""
    env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "k"}}}]
    conf = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"k": "v"}}
    text = json.dumps(pod([], [{"name": "app", "env": env}])) + "\n---\n" + json.dumps(conf)

    assert simulate(text, {"app": {"runs_s": 1}}).end_reason == "Succeeded"


def test_no_timer_of_a_simulation_runs_before_its_time() -> None:
    """asyncio lets a timer run up to 1 ns early; who then waits for the same time again would do so for ever."""
    loop = SimulatedLoop()
    seen: list[tuple[float, float]] = []

    async def wait_until(when: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(when):
                await asyncio.Event().wait()
        seen.append((when, loop.time()))

    async def both() -> None:
        await asyncio.gather(*(wait_until(when) for when in (7.9999999999999964, 8.0, 8.000000000000002)))

    loop.run_until_complete(both())
    loop.close()
    assert [now >= when for when, now in seen] == [True, True, True], seen
