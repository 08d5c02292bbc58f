"""Three lines from live state: on real Pods at a moment when something was wrong."""

from __future__ import annotations

import podlab_traces as traces
import pytest

from podlab.timeline import explain


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


CASES = {
    "backoff-first-waits": (waiting("CrashLoopBackOff"), "CrashLoopBackOff", "next try from", "--previous"),
    "image-pull-fails-onfailure": (waiting("ErrImagePull"), "ErrImagePull", "registry.invalid", "check the image name"),
    "config-key-missing": (waiting("CreateContainerConfigError"), "ConfigError", "couldn't find key", "create"),
    "sched-memory": (lambda p: p["status"].get("conditions"), "cannot be scheduled", "Insufficient memory", "requests"),
    "init-command-missing-always": (waiting("RunContainerError"), "init container broken", "no such file", "logs"),
    "readiness-gate": (lambda p: p["status"]["phase"] == "Running", "not Ready", "readiness gate", "events"),
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


def test_an_empty_object_is_explained_too():
    """Nothing is known, nothing breaks."""
    assert "no node" in explain({"metadata": {"name": "x"}}).what
