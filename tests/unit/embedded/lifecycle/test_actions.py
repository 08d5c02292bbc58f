"""What is started and killed next, by what the runtime shows; cases of kubelet-rules 1.2 to 1.5."""

from __future__ import annotations

from typing import Any

import pytest
from pods import container, pod, record, sidecar, states, view

from podlab.embedded.lifecycle.actions import Actions
from podlab.embedded.lifecycle.actions import compute_pod_actions as actions_of
from podlab.embedded.lifecycle.probes import LIVENESS, STARTUP, ProbeResults, Result
from podlab.embedded.lifecycle.view import PodView

NOTHING = ProbeResults()


def summary(actions: Actions) -> str:
    """``init 0, app 0 1, kill pod, kill a``: what there is to do, in order."""
    parts = []
    if actions.kill_pod and not actions.create_sandbox:
        parts.append("kill pod")
    parts += [f"kill {k.record.name}" for k in actions.kills]
    if actions.create_sandbox:
        parts.append("sandbox")
    if actions.init:
        parts.append("init " + " ".join(map(str, actions.init)))
    if actions.regular:
        parts.append("app " + " ".join(map(str, actions.regular)))
    return ", ".join(parts) or "nothing"


INITS = ("i1", "i2")
WITH_SIDECAR = (sidecar("s"), container("i"))

CASES: list[tuple[str, str, tuple[Any, ...], tuple[Any, ...], str, str]] = [
    # policy, what it tells, init containers, app containers, records, expected
    ("Always", "all apps at once", (), ("a", "b"), "", "app 0 1"),
    ("Always", "the first init container alone", INITS, ("app",), "", "init 0"),
    ("Always", "the second after the first succeeded", INITS, ("app",), "i1:0", "init 1"),
    ("Always", "wait for a running init container", INITS, ("app",), "i1:running", "nothing"),
    ("Always", "apps after the last init container", INITS, ("app",), "i1:0 i2:0", "app 0"),
    ("Always", "a failed init container again", INITS, ("app",), "i1:1", "init 0"),
    ("OnFailure", "a failed init container again", INITS, ("app",), "i1:0 i2:1", "init 1"),
    ("Never", "a failed init container ends the Pod", INITS, ("app",), "i1:1", "kill pod"),
    ("Never", "the record of the first may be gone", INITS, ("app",), "i2:0", "app 0"),
    ("Always", "a created init container is started", INITS, ("app",), "i1:created", "init 0"),
    ("Always", "inits are forgotten once an app runs", INITS, ("app",), "i1:1 i2:1 app:running", "nothing"),
    ("Always", "an app that ended comes back", (), ("a", "b"), "a:0 b:running", "app 0"),
    ("OnFailure", "but not after success", (), ("a", "b"), "a:0 b:running", "nothing"),
    ("OnFailure", "after failure it does", (), ("a", "b"), "a:3 b:running", "app 0"),
    ("Never", "and never under Never", (), ("a", "b"), "a:3 b:running", "nothing"),
    ("Never", "all ended: the Pod is over", (), ("a", "b"), "a:3 b:0", "kill pod"),
    ("OnFailure", "all succeeded: the Pod is over", (), ("a", "b"), "a:0 b:0", "kill pod"),
    ("Always", "an unknown app is started again", (), ("a",), "a:unknown", "app 0"),
    # sidecars
    ("Always", "a running sidecar lets the next start", WITH_SIDECAR, ("app",), "s:running", "init 1"),
    ("Always", "a dead one is started first", WITH_SIDECAR, ("app",), "s:0", "init 0"),
    ("Always", "it is kept alive while an init runs", WITH_SIDECAR, ("app",), "s:1 i:running", "init 0"),
    ("Never", "even under Never", WITH_SIDECAR, ("app",), "s:1 i:running", "init 0"),
    ("Never", "and beside the app", WITH_SIDECAR, ("app",), "s:0 i:0 app:running", "init 0"),
    ("Always", "its record may be gone", WITH_SIDECAR, ("app",), "i:0 app:running", "init 0"),
    ("Never", "the app is over: sidecars stop", WITH_SIDECAR, ("app",), "s:running i:0 app:0", "kill pod"),
    ("Never", "and are not started again", WITH_SIDECAR, ("app",), "s:1 i:0 app:0", "kill pod"),
    ("Always", "dead sidecar, dead app: both", WITH_SIDECAR, ("app",), "s:1 i:0 app:1", "init 0, app 0"),
    # Upstream too leaves a dead app alone until a dead last sidecar runs again: to it the Pod is initialising.
    ("Always", "a dead last sidecar first", (container("i"), sidecar("s")), ("app",), "i:0 s:1 app:1", "init 1"),
    ("Always", "then its app", (container("i"), sidecar("s")), ("app",), "i:0 s:running app:1", "app 0"),
    ("Always", "and at once where an app runs", (sidecar("s"),), ("a", "b"), "s:1 a:1 b:running", "init 0, app 0"),
    ("Never", "a failing init ends the sidecar too", WITH_SIDECAR, ("app",), "s:running i:1", "kill pod"),
    ("OnFailure", "or is tried again beside it", WITH_SIDECAR, ("app",), "s:running i:1", "init 1"),
    ("Always", "a last sidecar ends the initialisation", (container("i"), sidecar("s")), ("app",),
     "i:0 s:running", "app 0"),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "tells", "inits", "apps", "records", "expected"), CASES)
def test_what_comes_next(
    policy: str, tells: str, inits: tuple[Any, ...], apps: tuple[Any, ...], records: str, expected: str
) -> None:
    """One row: a Pod, what the runtime shows of it, and what is done."""
    assert (
        summary(actions_of(pod(policy, inits=inits, apps=apps), view(*states(records)), NOTHING)) == expected
    ), tells


def test_without_a_sandbox_everything_begins() -> None:
    """The first sync makes a sandbox and starts the first init container."""
    assert summary(actions_of(pod("Always", inits=INITS), PodView(), NOTHING)) == "sandbox, init 0"
    assert summary(actions_of(pod("Always", apps=("a", "b")), PodView(), NOTHING)) == "sandbox, app 0 1"


@pytest.mark.parametrize(
    ("policy", "records", "expected"),
    [
        ("Always", "i1:0 i2:0 app:0", "sandbox, init 0"),
        ("OnFailure", "i1:0 i2:0 app:1", "sandbox, init 0"),
        ("OnFailure", "i1:0 i2:0 app:0", "kill pod"),
        ("Never", "i1:0 i2:0 app:1", "kill pod"),
    ],
)
def test_a_dead_sandbox_is_replaced_while_there_is_something_to_run(
    policy: str, records: str, expected: str
) -> None:
    """And regular init containers run again, from the first."""
    assert (
        summary(actions_of(pod(policy, inits=INITS), view(*states(records), ready=False), NOTHING))
        == expected
    )


def _probed(kind: str, result: Result, identity: str) -> ProbeResults:
    return ProbeResults({(kind, identity): result})


@pytest.mark.parametrize(
    ("policy", "kind", "message", "again"),
    [
        ("Always", LIVENESS, "Container app failed liveness probe, will be restarted", [0]),
        ("OnFailure", STARTUP, "Container app failed startup probe, will be restarted", [0]),
        ("Never", LIVENESS, "Container app failed liveness probe", []),
    ],
)
def test_a_failed_probe_kills_and_the_policy_says_whether_it_comes_back(
    policy: str, kind: str, message: str, again: list[int]
) -> None:
    """The message tells both; a second container keeps the Pod going."""
    actions = actions_of(
        pod(policy, apps=("app", "other")),
        view(*states("app:running other:running")),
        _probed(kind, Result.FAILURE, "app-0"),
    )

    assert [(k.message, k.cause) for k in actions.kills] == [(message, kind)]
    assert actions.regular == again
    assert not actions.kill_pod


def test_under_never_the_last_container_that_fails_its_probe_ends_the_pod() -> None:
    """Then the whole Pod is killed, and the container's own message is not used."""
    actions = actions_of(
        pod("Never"), view(*states("app:running")), _probed(LIVENESS, Result.FAILURE, "app-0")
    )

    assert actions.kill_pod


def test_a_changed_image_restarts_one_container_even_under_never() -> None:
    """Others go on."""
    changed = pod("Never", apps=(container("app", image="busybox:1.37"), "other"))

    actions = actions_of(changed, view(*states("app:running other:running")), NOTHING)

    assert [k.message for k in actions.kills] == ["Container app definition changed, will be restarted"]
    assert actions.regular == [0]


@pytest.mark.parametrize("state", ["i:running", "i:0"])
def test_a_changed_image_of_an_init_container_changes_nothing(state: str) -> None:
    """Whether it runs or is done."""
    changed = pod("Always", inits=(container("i", image="busybox:1.37"),))

    actions = actions_of(changed, view(*states(state)), NOTHING)

    assert not actions.kills
    assert actions.init == []


@pytest.mark.parametrize(
    ("result", "init", "kills"),
    [
        (None, [], []),
        (Result.UNKNOWN, [], []),
        (Result.SUCCESS, [1], []),
        (Result.FAILURE, [0], ["Init container s failed startup probe"]),
    ],
)
def test_a_startup_probe_of_a_sidecar_holds_back_the_next(
    result: Result | None, init: list[int], kills: list[str]
) -> None:
    """Until it has passed; if it fails, the sidecar alone is restarted."""
    watched = pod("Always", inits=(sidecar("s", startupProbe={"exec": {}}), "i"))
    probes = ProbeResults({(STARTUP, "s-0"): result} if result else {}, {(STARTUP, "s")})

    actions = actions_of(watched, view(*states("s:running")), probes)

    assert (actions.init, [k.message for k in actions.kills]) == (init, kills)


def test_liveness_of_a_sidecar_does_not_hold_back_the_next() -> None:
    """It is killed and restarted, and the next one still starts."""
    watched = pod("Always", inits=(sidecar("s", livenessProbe={"exec": {}}), "i"))

    actions = actions_of(watched, view(*states("s:running")), _probed(LIVENESS, Result.FAILURE, "s-0"))

    assert actions.init == [0, 1]
    assert [k.message for k in actions.kills] == ["Init container s failed liveness probe"]


@pytest.mark.parametrize(
    ("policy", "own", "rules", "code", "expected"),
    [
        ("Always", "Never", [], 3, "kill pod"),
        ("Never", "Always", [], 0, "app 0"),
        ("Never", "OnFailure", [], 0, "kill pod"),
        (
            "Never",
            "Never",
            [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}],
            42,
            "app 0",
        ),
        (
            "Never",
            "Never",
            [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}],
            1,
            "kill pod",
        ),
        (
            "Never",
            "Never",
            [{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [0]}}],
            7,
            "app 0",
        ),
    ],
)
def test_a_container_may_have_a_policy_and_rules_of_its_own(
    policy: str, own: str, rules: list[dict[str, Any]], code: int, expected: str
) -> None:
    """Rules beat the container's policy, which beats the Pod's."""
    app = container("app", restartPolicy=own, restartPolicyRules=rules)

    assert (
        summary(actions_of(pod(policy, apps=(app,)), view(record("app", "exited", code=code)), NOTHING))
        == expected
    )


def test_an_init_container_with_a_policy_of_its_own_is_no_sidecar() -> None:
    """Under the Pod's Never an init container with OnFailure is tried again."""
    stubborn = pod("Never", inits=(container("i", restartPolicy="OnFailure"),))

    assert summary(actions_of(stubborn, view(*states("i:1")), NOTHING)) == "init 0"
    assert summary(actions_of(stubborn, view(*states("i:running")), NOTHING)) == "nothing"


def test_a_deleted_pod_starts_nothing() -> None:
    """Its containers are not brought back."""
    leaving = pod("Always")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert actions_of(leaving, view(*states("app:1")), NOTHING).regular == []


def test_ephemeral_containers_start_once_and_never_again() -> None:
    """Also while the Pod still initialises."""
    debugged = pod("Always", inits=INITS)
    debugged["spec"]["ephemeralContainers"] = [container("debug")]

    assert actions_of(debugged, view(*states("i1:running")), NOTHING).ephemeral == [0]
    assert actions_of(debugged, view(*states("i1:running debug:0")), NOTHING).ephemeral == []
