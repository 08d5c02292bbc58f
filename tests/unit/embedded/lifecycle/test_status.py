"""Phases, conditions and container states; cases of kubelet-rules 1.8 to 1.10 and 1.20."""

from __future__ import annotations

from typing import Any

import pytest
from pods import SECOND, T0, container, pod, record, sidecar, states, view

from podlab.embedded.lifecycle import podstatus
from podlab.embedded.lifecycle.containers import StartFailure
from podlab.embedded.lifecycle.probes import READINESS, STARTUP, ProbeResults, Result
from podlab.embedded.lifecycle.view import PodView

Json = dict[str, Any]


def status_of(
    of: Json,
    seen: PodView,
    *,
    old: Json | None = None,
    probes: ProbeResults | None = None,
    failures: dict[str, StartFailure] | None = None,
    terminal: bool = False,
    now: int = T0,
) -> Json:
    """The generated status."""
    observed = podstatus.StatusInputs(
        view=seen, probes=probes or ProbeResults(), old=old or {}, now=now, failures=failures or {}
    )
    return podstatus.generate_api_pod_status(of, observed, terminal=terminal)


def text_of(status: Json, kind: str) -> str:
    """``False Reason: message`` of a condition."""
    found = next(c for c in status["conditions"] if c["type"] == kind)
    text = " ".join(filter(None, (found["status"], found.get("reason"))))
    return text + (f": {found['message']}" if found.get("message") else "")


S, I = (sidecar("s"),), ("i",)  # noqa: E741

PHASES: list[tuple[str, tuple[Any, ...], tuple[Any, ...], str, bool, str]] = [
    # policy, inits, apps, records, terminal, phase
    ("Always", (), ("a", "b"), "", False, "Pending"),
    ("Always", (), ("a", "b"), "a:running", False, "Pending"),
    ("Always", (), ("a", "b"), "a:running b:running", False, "Running"),
    ("Always", (), ("a", "b"), "a:0 b:running", False, "Running"),
    ("Always", (), ("a", "b"), "a:0 b:1", False, "Running"),
    ("Always", (), ("a", "b"), "a:0 b:1", True, "Failed"),
    ("Always", (), ("a", "b"), "a:0 b:0", True, "Succeeded"),
    ("OnFailure", (), ("a", "b"), "a:0 b:1", False, "Running"),
    ("OnFailure", (), ("a", "b"), "a:0 b:0", False, "Succeeded"),
    ("OnFailure", (), ("a", "b"), "a:0 b:1", True, "Failed"),
    ("Never", (), ("a", "b"), "a:0 b:1", False, "Failed"),
    ("Never", (), ("a", "b"), "a:0 b:0", False, "Succeeded"),
    ("Never", (), ("a", "b"), "a:1 b:running", False, "Running"),
    # regular init containers
    ("Always", I, ("a",), "", False, "Pending"),
    ("Always", I, ("a",), "i:running", False, "Pending"),
    ("Always", I, ("a",), "i:0", False, "Pending"),
    ("Always", I, ("a",), "i:1", False, "Pending"),
    ("OnFailure", I, ("a",), "i:1", False, "Pending"),
    ("Never", I, ("a",), "i:1", False, "Failed"),
    ("Never", I, ("a",), "i:0 a:running", False, "Running"),
    ("Never", I, ("a",), "i:0 a:0", False, "Succeeded"),
    # sidecars
    ("Never", S, ("a",), "s:running", False, "Pending"),
    ("Never", S, ("a",), "s:running a:running", False, "Running"),
    ("Never", S, ("a",), "s:running a:0", False, "Running"),
    ("Never", S, ("a",), "s:0 a:0", False, "Succeeded"),
    ("Never", S, ("a",), "s:137 a:0", False, "Succeeded"),
    ("Never", S, ("a",), "s:0 a:4", False, "Failed"),
    ("Always", S, ("a",), "s:1 a:running", False, "Running"),
    ("Always", S, ("a",), "s:1", False, "Pending"),
]


@pytest.mark.parametrize(("policy", "inits", "apps", "records", "terminal", "expected"), PHASES)
def test_phase(
    policy: str, inits: tuple[Any, ...], apps: tuple[Any, ...], records: str, terminal: bool, expected: str
) -> None:
    """One row: a Pod, its records, and its phase."""
    status = status_of(pod(policy, inits=inits, apps=apps), view(*states(records)), terminal=terminal)

    assert status["phase"] == expected


def test_a_container_that_waits_and_never_ran_keeps_the_pod_pending() -> None:
    """Even with the other running and ready; one that ran before does not."""
    failures = {"b": StartFailure("ImagePullBackOff", "Back-off pulling image")}
    two = pod("Always", apps=("a", "b"))

    never = status_of(two, view(*states("a:running")), failures=failures)
    again = status_of(two, view(*states("b:1 a:running")), failures=failures)

    assert (never["phase"], again["phase"]) == ("Pending", "Running")
    assert text_of(never, "ContainersReady") == (
        "False ContainersNotReady: containers with unready status: [b]"
    )


def test_a_sidecar_that_has_not_started_makes_a_pod_pending_only_until_an_app_ran() -> None:
    """Afterwards a restarting sidecar leaves the phase alone."""
    watched = pod("Always", inits=(sidecar("s", startupProbe={"exec": {}}),))
    probes = ProbeResults({(STARTUP, "s-0"): Result.UNKNOWN}, {(STARTUP, "s")})

    assert status_of(watched, view(*states("s:running")), probes=probes)["phase"] == "Pending"
    assert status_of(watched, view(*states("s:running app:running")), probes=probes)["phase"] == "Running"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_terminal_phase_is_final(phase: str) -> None:
    """Whatever the records say later."""
    assert status_of(pod("Always"), view(*states("app:running")), old={"phase": phase})["phase"] == phase


CONDITIONS: list[tuple[str, tuple[Any, ...], str, str, str]] = [
    # policy, inits, records, Initialized, Ready
    ("Always", ("i1", "i2"), "", "False ContainersNotInitialized: containers with incomplete status: [i1 i2]",
     "False ContainersNotReady: containers with unready status: [app]"),
    ("Always", ("i1", "i2"), "i1:0", "False ContainersNotInitialized: containers with incomplete status: [i2]",
     "False ContainersNotReady: containers with unready status: [app]"),
    ("Always", ("i1", "i2"), "i1:0 i2:0 app:running", "True", "True"),
    ("Always", (), "", "True", "False ContainersNotReady: containers with unready status: [app]"),
    ("Always", (sidecar("s"), "i"), "", "False ContainersNotInitialized: containers with incomplete status: [s i]",
     "False ContainersNotReady: containers with unready status: [s app]"),
    ("Always", (sidecar("s"),), "s:running", "True",
     "False ContainersNotReady: containers with unready status: [app]"),
    ("Always", (sidecar("s"),), "s:1 app:running", "True",
     "False ContainersNotReady: containers with unready status: [s]"),
    ("Never", ("i",), "i:1", "False ContainersNotInitialized: containers with incomplete status: [i]",
     "False PodFailed"),
    ("Never", ("i",), "i:0 app:0", "True PodCompleted", "False PodCompleted"),
    ("Never", (), "app:1", "True", "False PodFailed"),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "inits", "records", "initialized", "ready"), CONDITIONS)
def test_conditions(policy: str, inits: tuple[Any, ...], records: str, initialized: str, ready: str) -> None:
    """One row: a Pod, its records, and what two conditions say; ContainersReady says what Ready says."""
    status = status_of(pod(policy, inits=inits), view(*states(records)))

    assert text_of(status, "Initialized") == initialized
    assert text_of(status, "Ready") == text_of(status, "ContainersReady") == ready


def test_a_sidecar_that_is_not_ready_holds_back_ready_and_not_initialized() -> None:
    """Started is enough for what comes after it."""
    watched = pod("Always", inits=(sidecar("s", readinessProbe={}),))
    probes = ProbeResults({(READINESS, "s-0"): Result.FAILURE}, {(READINESS, "s")})

    status = status_of(watched, view(*states("s:running app:running")), probes=probes)
    before = status_of(watched, view(*states("s:running")), probes=probes)

    assert text_of(before, "Initialized") == text_of(status, "Initialized") == "True"
    assert text_of(status, "Ready") == "False ContainersNotReady: containers with unready status: [s]"


def test_readiness_gates_hold_back_ready_alone() -> None:
    """Each missing or false gate is named."""
    gated = pod("Always", readinessGates=[{"conditionType": "a.b/x"}, {"conditionType": "a.b/y"}])
    gated["status"]["conditions"] = [{"type": "a.b/y", "status": "False"}]

    status = status_of(gated, view(*states("app:running")))

    assert text_of(status, "ContainersReady") == "True"
    assert text_of(status, "Ready") == (
        'False ReadinessGatesNotReady: corresponding condition of pod readiness gate "a.b/x" does not exist., '
        'the status of pod readiness gate "a.b/y" is not "True", but False'
    )


def test_times_of_conditions_move_only_when_they_flip() -> None:
    """Foreign conditions come first and are kept as they are."""
    known = pod("Always")
    first = podstatus.merge_pod_status(known, status_of(known, view()), may_run=True, now=T0)
    foreign = {"type": "a.b/x", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    known["status"] = {**first, "conditions": [*first["conditions"], foreign]}

    second = podstatus.merge_pod_status(
        known, status_of(known, view(*states("app:running"))), may_run=True, now=T0 + 9 * SECOND
    )

    flips = {c["type"]: c["lastTransitionTime"] for c in second["conditions"]}
    assert second["conditions"][0]["type"] == "a.b/x"
    assert flips["Initialized"] == "2023-11-14T22:13:20Z"
    assert flips["Ready"] == "2023-11-14T22:13:29Z"


def _state(status: Json, name: str = "app") -> Json:
    listed = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return next(s for s in listed if s["name"] == name)


def test_before_anything_runs_containers_wait() -> None:
    """With init containers the word is another."""
    assert _state(status_of(pod("Always"), PodView()))["state"] == {
        "waiting": {"reason": "ContainerCreating"}
    }
    waiting = status_of(pod("Always", inits=I), PodView())
    assert (
        _state(waiting)["state"]
        == _state(waiting, "i")["state"]
        == {"waiting": {"reason": "PodInitializing"}}
    )


def test_a_failed_start_moves_the_last_end_to_last_state() -> None:
    """And its reason is what the container waits for."""
    failures = {"app": StartFailure("CrashLoopBackOff", "back-off 10s")}

    shown = _state(status_of(pod("Always"), view(*states("app:7")), failures=failures))

    assert shown["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert shown["lastState"]["terminated"]["exitCode"] == 7


@pytest.mark.parametrize("inits", [I, (sidecar("i"),)])
def test_an_init_container_that_exited_0_never_waits(inits: tuple[Any, ...]) -> None:
    """Nor does a sidecar in its back-off."""
    failures = {"i": StartFailure("CrashLoopBackOff", "back-off 10s")}

    shown = _state(status_of(pod("Always", inits=inits), view(*states("i:0")), failures=failures), "i")

    assert shown["state"]["terminated"]["reason"] == "Completed"


def test_a_container_that_will_not_run_again_keeps_its_end() -> None:
    """A start that failed under Never is Terminated, not Waiting."""
    failed = record("app", "exited", code=128, reason="StartError", message="no such file")
    failures = {"app": StartFailure("RunContainerError", "no such file")}

    shown = _state(status_of(pod("Never"), view(failed), failures=failures))

    assert shown["state"]["terminated"]["reason"] == "StartError"


def test_last_state_is_the_run_before() -> None:
    """And the restart count is the number of the run."""
    runs = (record("app", "exited", code=2), record("app", "running", attempt=1))

    shown = _state(status_of(pod("Always"), view(*runs)))

    assert shown["state"] == {"running": {"startedAt": "2023-11-14T22:13:21Z"}}
    assert (shown["lastState"]["terminated"]["exitCode"], shown["restartCount"]) == (2, 1)


def test_a_lost_record_of_a_running_container_counts_as_a_restart() -> None:
    """The Pod does not fall back to Pending for it."""
    before = status_of(pod("Always"), view(*states("app:running")))

    shown = _state(status_of(pod("Always"), view(), old=before))

    assert shown["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert shown["lastState"]["terminated"]["exitCode"] == 137
    assert shown["restartCount"] == 1


def test_ready_needs_started() -> None:
    """A readiness that passed counts nothing before the startup probe did."""
    watched = pod("Always", apps=(container("app", startupProbe={}, readinessProbe={}),))
    workers = {(STARTUP, "app"), (READINESS, "app")}
    results = {(STARTUP, "app-0"): Result.UNKNOWN, (READINESS, "app-0"): Result.SUCCESS}
    probes = ProbeResults(results, workers)

    held = _state(status_of(watched, view(*states("app:running")), probes=probes))
    results[STARTUP, "app-0"] = Result.SUCCESS
    let_go = _state(status_of(watched, view(*states("app:running")), probes=probes))

    assert (held["started"], held["ready"]) == (False, False)
    assert (let_go["started"], let_go["ready"]) == (True, True)


def test_a_regular_init_container_is_ready_once_it_succeeded() -> None:
    """It is started while it runs, and ready only afterwards."""
    runs = _state(status_of(pod("Always", inits=I), view(*states("i:running"))), "i")
    done = _state(status_of(pod("Always", inits=I), view(*states("i:0"))), "i")
    failed = _state(status_of(pod("Always", inits=I), view(*states("i:1"))), "i")

    assert [(s["started"], s["ready"]) for s in (runs, done, failed)] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_messages_of_one_pod_share_12_kilobytes() -> None:
    """Four containers with 4096 bytes each get 3072."""
    names = ("a", "b", "c", "d")
    seen = view(*states("a:0 b:0 c:0 d:0"))._replace(messages={f"{n}-0": "x" * 4096 for n in names})

    status = status_of(pod("Never", apps=names), seen)

    lengths = {len(s["state"]["terminated"]["message"]) for s in status["containerStatuses"]}
    assert lengths == {3072}


# ---------------------------------------------------------------------------------- deadline, merge, the last word


def test_a_deadline_fails_the_pod_whatever_runs() -> None:
    """It counts from the start time, and says why."""
    hurried = pod("Always", activeDeadlineSeconds=5)
    old = {"phase": "Running", "startTime": "2023-11-14T22:13:20Z"}

    before = status_of(hurried, view(*states("app:running")), old=old, now=T0 + 4 * SECOND)
    after = status_of(hurried, view(*states("app:running")), old=old, now=T0 + 5 * SECOND)

    assert before["phase"] == "Running"
    assert (after["phase"], after["reason"]) == ("Failed", "DeadlineExceeded")
    assert after["message"] == "Pod was active on the node longer than the specified deadline"


def test_no_terminal_phase_is_written_while_a_container_may_run() -> None:
    """The conditions may say already what is coming."""
    running = pod("Never")
    running["status"] = {"phase": "Running"}
    ended = status_of(running, view(*states("app:0")))

    held = podstatus.merge_pod_status(running, ended, may_run=True, now=T0)
    written = podstatus.merge_pod_status(running, ended, may_run=False, now=T0)

    assert (held["phase"], written["phase"]) == ("Running", "Succeeded")


def test_at_the_end_what_never_ran_is_told_as_lost() -> None:
    """A Pod without init containers counts as initialised."""
    waiting = status_of(pod("Always"), PodView())

    last = podstatus.final(pod("Always"), waiting, waiting)

    assert last["phase"] == "Failed"
    assert _state(last)["state"]["terminated"]["reason"] == "ContainerStatusUnknown"


def test_what_waits_for_init_containers_at_the_end_goes_on_waiting() -> None:
    """Only the init container that was under way is told as lost."""
    waiting = status_of(pod("Always", inits=("i1", "i2")), view(*states("i1:created")))

    last = podstatus.final(pod("Always", inits=("i1", "i2")), waiting, waiting)

    assert "terminated" in _state(last, "i1")["state"]
    assert "waiting" in _state(last, "i2")["state"]
    assert "waiting" in _state(last)["state"]
