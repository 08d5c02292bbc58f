"""Three lines from live state: on real Pods at a moment when something was wrong."""

from __future__ import annotations

import podlab_traces as traces
import pytest

from podlab.timeline import Timeline, explain


def state(name: str, wanted) -> tuple[dict, list[dict]]:
    """The first state of the Pod that *wanted* accepts, and the Events that had come by two seconds later."""
    _, observations = traces.observations(name)
    pods = [
        o for o in observations if o.get("resource") == "pods" and o["object"]["metadata"]["name"] == "web"
    ]
    chosen = next(o for o in pods if wanted(o["object"]))
    events = {
        o["object"]["metadata"]["name"]: o["object"]
        for o in observations
        if o.get("resource") == "events" and o["t"] <= chosen["t"] + 2
    }
    return chosen["object"], list(events.values())


def waiting(reason: str):
    def accepts(pod: dict) -> bool:
        status = pod.get("status", {})
        both = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        return any((s["state"].get("waiting") or {}).get("reason") == reason for s in both)

    return accepts


LOOP = "CrashLoopBackOff"
CASES = {
    "backoff-first-waits": (waiting(LOOP), LOOP, "next try from", "--previous"),
    "image-pull-fails-onfailure": (waiting("ErrImagePull"), "ErrImagePull", "registry.invalid", "check the image name"),
    "config-key-missing": (waiting("CreateContainerConfigError"), "ConfigError", "couldn't find key", "create"),
    "sched-memory": (lambda p: p["status"].get("conditions"), "cannot be scheduled", "Insufficient memory", "requests"),
    "init-command-missing-always": (waiting("RunContainerError"), "container broken", "no such file", "check command"),
    "readiness-gate": (lambda p: p["status"]["phase"] == "Running", "not Ready", "readiness gate", "events"),
    "liveness-tcp-refused": (waiting(LOOP), LOOP, "liveness probe failed: dial", "livenessProbe"),
    "startup-tcp-always-restarts": (waiting(LOOP), LOOP, "startup probe failed: dial", "startupProbe"),
    "poststart-httpget-refused": (waiting("PostStartHookError"), "PostStart", "failed: Get \"http", "postStart"),
    "cmd-missing-always": (waiting(LOOP), LOOP, "started: exec: \"frobnicate\"", "check command"),
    "sec-non-root-refused": (waiting("CreateContainerConfigError"), "ConfigError", "runAsNonRoot", "runAsUser"),
    "backoff-after-exit-zero": (waiting(LOOP), LOOP, "exit code 0, and restartPolicy Always", "OnFailure"),
    "deadline-lowered": (lambda p: p["status"]["phase"] == "Failed", "is Failed", "DeadlineExceeded", "activeDeadline"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_named(name):
    """What, why and what to try, each with the word that a learner needs."""
    wanted, what, why, hint = CASES[name]
    found = explain(*state(name, wanted))
    assert len(found.lines()) == 3
    assert not found.well
    assert what in found.what
    assert why in found.why
    assert hint in found.hint


def test_every_state_of_every_real_pod_has_an_explanation():
    """Never more than three lines, never an error, and a Ready Pod is well."""
    for name in traces.NAMES:
        _, observations = traces.observations(name)
        events = [o["object"] for o in observations if o.get("resource") == "events"]
        for item in observations:
            if item.get("resource") != "pods":
                continue
            pod = item["object"]
            found = explain(pod, events)
            assert 1 <= len(found.lines()) <= 3
            ready = any(
                c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or []
            )
            if ready and pod["status"]["phase"] == "Running" and not pod["metadata"].get("deletionTimestamp"):
                assert found.well, f"{name}: {found}"


def test_who_ended_a_run_is_said_of_that_run_only():
    """A probe that failed in an earlier run is not the cause of what ended the last one."""
    pod, events = state("liveness-tcp-refused", waiting("CrashLoopBackOff"))
    for event in events:
        if event["reason"] == "Killing":
            event["lastTimestamp"] = "2026-11-22T11:00:00Z"
    found = explain(pod, events)
    assert "it ended with exit code 0" in found.why
    assert "probe" not in found.why


def test_an_event_that_was_repeated_in_the_next_run_still_counts():
    """On a real node the Event's last time is ahead of the status by a run; its first is what the run holds."""
    pod, events = state("liveness-tcp-refused", waiting("CrashLoopBackOff"))
    for event in events:
        if event["reason"] == "Killing":
            event |= {"lastTimestamp": "2026-11-22T23:00:00Z", "count": 2}
    assert "its liveness probe failed" in explain(pod, events).why


def test_the_log_of_a_run_that_has_just_ended_is_not_the_previous_one():
    """Between an end and the back-off the present run is the one that ended; the claim that is missing is named."""
    at = "2026-11-22T12:47:21Z"
    ended = {"exitCode": 3, "reason": "Error", "startedAt": at, "finishedAt": at}
    pod = {
        "metadata": {"name": "web"},
        "spec": {"nodeName": "n", "containers": [{"name": "app"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "app", "restartCount": 3, "state": {"terminated": ended}}],
        },
    }
    assert explain(pod).hint == "podlab logs web -c app"

    ended["exitCode"] = 0
    found = explain(pod)
    assert "restartPolicy Always starts app again" in found.why
    assert "OnFailure" in found.hint

    del pod["spec"]["nodeName"]
    message = '0/1 nodes are available: persistentvolumeclaim "data" not found. not found'
    scheduled = {"type": "PodScheduled", "status": "False", "message": message}
    pod["status"] = {"phase": "Pending", "conditions": [scheduled]}
    assert "create the PersistentVolumeClaim" in explain(pod).hint


def test_out_of_memory_and_a_run_that_stays_ended_are_told_as_such():
    """The limit is named; with restartPolicy Never there is no count of restarts, but that there will be none."""
    at = "2026-11-22T12:47:21Z"
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": at, "finishedAt": at}
    app = {"name": "app", "resources": {"limits": {"memory": "16Mi"}}}
    other = {"name": "app", "restartCount": 0, "state": {"terminated": ended}}
    pod = {
        "metadata": {"name": "web"},
        "spec": {"nodeName": "n", "restartPolicy": "Never", "containers": [app, {"name": "helper"}]},
        "status": {"phase": "Running", "containerStatuses": [other]},
    }
    found = explain(pod)
    assert "its limit of 16Mi: exit code 137 (SIGKILL), OOMKilled; restartPolicy Never" in found.why
    assert "raise resources.limits.memory of app" in found.hint


def test_a_recording_knows_of_the_probe_too():
    """The question to a timeline is answered with the Events that the recording holds."""
    header, observations = traces.observations("liveness-tcp-refused")
    crashed = next(
        n
        for n, o in enumerate(observations)
        if o.get("resource") == "pods" and waiting("CrashLoopBackOff")(o["object"])
    )
    answer = Timeline.from_observations(header, observations[: crashed + 1]).why_not_running()
    assert answer.value is True
    assert any("its liveness probe failed" in e.text for e in answer.evidence)


def test_an_empty_object_is_explained_too():
    """Nothing is known, nothing breaks."""
    assert "no node" in explain({"metadata": {"name": "x"}}).what
