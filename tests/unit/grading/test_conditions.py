"""What a play can wait for, asked of Pods as the API server shows them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from podlab.checks.lives import Act
from podlab.grading.player import Player
from podlab.grading.waitconditions import PART, WaitCondition, is_settled, newest


def pod(phase: str, *, waits: str = "", reason: str = "CrashLoopBackOff") -> dict[str, Any]:
    """Return a Pod with an init container, a sidecar and an app; the container *waits* does so for *reason*."""
    names = {"initContainers": ("fetch", "proxy"), "containers": ("shop",)}
    state = {name: {"waiting": {"reason": reason}} if name == waits else {"running": {}} for name in
             (*names["initContainers"], *names["containers"])}  # fmt: skip
    spec = {key: [{"name": name} for name in listed] for key, listed in names.items()}
    spec["initContainers"][1]["restartPolicy"] = "Always"
    status = {
        "phase": phase,
        "initContainerStatuses": [{"name": name, "state": state[name]} for name in names["initContainers"]],
        "containerStatuses": [{"name": name, "state": state[name]} for name in names["containers"]],
    }
    return {"metadata": {"name": "a"}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("body", "settled"),
    [
        (pod("Succeeded"), True),
        (pod("Failed"), True),
        (pod("Running"), False),
        (pod("Running", waits="shop"), True),
        (pod("Pending", waits="fetch"), True),
        (pod("Running", waits="proxy"), False),
        (pod("Pending", waits="shop", reason="PodInitializing"), False),
    ],
)
def test_a_pod_is_settled_once_its_phase_will_not_change(body: dict[str, Any], settled: bool) -> None:
    """A sidecar in back-off does not count: the Pod ends without it."""
    assert is_settled(body) is settled


def begun(*rows: dict[str, Any]) -> dict[str, Any]:
    """A Pod of the answer with these rows of initContainerStatuses."""
    return {
        "metadata": {"name": "answer", "labels": {"podlab/part": "answer"}},
        "status": {"phase": "Pending", "initContainerStatuses": list(rows)},
    }


WAITS = {"name": "wait", "state": {"waiting": {"reason": "PodInitializing"}}}
RUNS = {"name": "wait", "state": {"running": {}}}
FAILED_ONCE = {"name": "wait", "state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}


@pytest.mark.parametrize(
    ("pods", "holds"),
    [
        ([], False),
        ([begun()], False),
        ([begun(WAITS)], False),
        ([begun(WAITS, RUNS)], True),
        ([begun(FAILED_ONCE)], True),
    ],
)
def test_a_pod_has_begun_with_the_first_start_of_whichever_container(
    pods: list[dict[str, Any]], holds: bool
) -> None:
    """The names of a learner's containers are not known to the play."""
    began = WaitCondition({"began": True}, cast(Player, None))

    assert began(pods) is holds


def test_the_newest_pod_that_has_the_container_is_meant():
    """A Job beside a Deployment: its Pod may be the newer one, and has no shop."""
    old, shop = pod("Running"), pod("Running")
    job = {"metadata": {"name": "job"}, "spec": {"containers": [{"name": "migrate"}]}}

    assert newest([old, shop, job], ["shop"]) is shop
    assert newest([old, shop, job], ["nobody"]) is job
    assert newest([], ["shop"]) is None


def test_pods_need_not_be_in_back_off_at_the_same_moment() -> None:
    """Each runs now and then; what was settled once stays so."""
    settled = WaitCondition({"settled": True}, None)  # type: ignore[arg-type]
    one, two = pod("Running", waits="shop"), pod("Running")
    for name, body in (("one", one), ("two", two)):
        body["metadata"] = {"name": name, "labels": {PART: "answer"}}

    assert not settled([one, two])
    one["status"]["containerStatuses"], two["status"]["phase"] = [], "Failed"
    assert settled([one, two])


def test_a_pod_is_still_so_long_after_the_last_change_that_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start, an end and a container that is prepared restart the count: a late node makes it longer alone."""
    now = [0.0]
    monkeypatch.setattr("podlab.grading.waitconditions.time.monotonic", lambda: now[0])
    still = WaitCondition({"still_s": 12}, cast(Player, None))
    naps, ended = begun(RUNS), begun({"name": "wait", "state": {"terminated": {"exitCode": 0}}})
    prepared = begun({"name": "wait", "state": {"waiting": {"reason": "PodInitializing"}}})
    prepared["spec"] = {"nodeName": "n", "initContainers": [{"name": "wait"}]}

    def at(second: float, *pods: dict[str, Any]) -> bool:
        now[0] = second
        return still(list(pods))

    assert [at(20), at(40, prepared), at(60, prepared)] == [False, False, False]
    assert [at(61, naps), at(72, naps), at(73, naps)] == [False, False, True]
    assert [at(74, ended), at(85, ended), at(86, ended)] == [False, False, True]


def test_a_container_is_back_when_it_runs_again_after_the_step_that_met_it() -> None:
    """A start before the step is none: a right shipper that found no sink at first has one already."""
    player = cast(Player, SimpleNamespace(acts=[Act("crash", "kill", restarts={"shop": 1})]))
    back = WaitCondition({"back": {"crash": "shop"}}, player)
    met, waits, again = pod("Running"), pod("Running", waits="shop"), pod("Running")
    for body, count in ((met, 1), (waits, 1), (again, 2)):
        body["metadata"] = {"name": "answer", "labels": {PART: "answer"}}
        body["status"]["containerStatuses"][0]["restartCount"] = count

    assert [back([body]) for body in (met, waits, again)] == [False, False, True]
    assert not WaitCondition({"back": {"never": "shop"}}, player)([again])


def test_pods_are_away_once_all_that_a_step_met_are_gone() -> None:
    """A rollout's new Pods are none of them; a step that met nobody, or was never done, is not enough."""
    acts = [Act("rollout", "rollout", output=["old-1", "old-2"]), Act("look", "look")]
    player = cast(Player, SimpleNamespace(acts=acts))
    old, new = ({"metadata": {"name": name}} for name in ("old-2", "new-1"))

    assert not WaitCondition({"away": "rollout"}, player)([old, new])
    assert WaitCondition({"away": "rollout"}, player)([new])
    assert not WaitCondition({"away": "look"}, player)([new])
    assert not WaitCondition({"away": "never"}, player)([])


def test_a_pod_that_has_ended_is_not_waited_for_to_be_ready() -> None:
    """The Pod of a Job beside a Deployment never gets Ready again."""
    ready = WaitCondition({"ready": True}, cast(Player, None))
    serving, done = pod("Running"), pod("Succeeded")
    for name, body in (("shop", serving), ("job", done)):
        body["metadata"] = {"name": name, "labels": {PART: "answer"}}
    serving["status"]["conditions"] = [{"type": "Ready", "status": "True"}]

    assert ready([serving, done])
    assert not ready([done])
    serving["status"]["conditions"][0]["status"] = "False"
    assert not ready([serving, done])
