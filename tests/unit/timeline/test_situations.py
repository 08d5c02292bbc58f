"""``podlab explain`` names the true cause: in recorded and written situations, and for every word that nodes use."""

from __future__ import annotations

import re
from typing import Any

import podlab_traces as traces
import pytest
from situation_data import catalogue, judged

from podlab.timeline import explain, situations
from podlab.timeline.situations import creating, finished, images, standing

REASONS_OF_A_WAIT = [
    # pkg/kubelet/images/types.go and kuberuntime/kuberuntime_container.go of v1.36.3
    "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
    "RegistryUnavailable", "SignatureValidationFailed", "CreateContainerConfigError", "CreateContainerError",
    "RunContainerError", "PostStartHookError", "CrashLoopBackOff",
]  # fmt: skip
REASONS_OF_AN_END = [
    # pkg/kubelet: lifecycle/predicate.go, eviction, preemption, nodeshutdown, active_deadline.go, kubelet.go of v1.36.3
    "Evicted", "DeadlineExceeded", "Preempting", "Terminated", "NodeShutdown", "NodeAffinity", "NodeName", "NodePorts",
    "TaintToleration", "OutOfcpu", "OutOfmemory", "OutOfpods", "OutOfephemeral-storage", "SysctlForbidden", "AppArmor",
    "PodOSNotSupported", "PodOSSelectorNodeLabelDoesNotMatch", "UnexpectedAdmissionError", "TopologyAffinityError",
    "InitContainerRestartPolicyForbidden", "NodeLost",
]  # fmt: skip


@pytest.mark.parametrize("name", catalogue())
def test_the_true_cause_is_named(name: str) -> None:
    """What, why and what to try, each with the words that tell this cause from others."""
    right, found = judged(catalogue()[name])
    assert right, str(found)
    assert 1 <= len(found.lines()) <= 3


def test_there_are_situations_of_many_kinds() -> None:
    """At least sixty; those without steps for a recording say why; nearly every row of the tables is met by one."""
    rows = catalogue().values()
    met = {judged(row)[1].situation for row in rows}
    assert len(rows) >= 60
    assert [
        row["name"]
        for row in rows
        if "objects" in row and not row.get("unrecorded", row.get("manifest") is not None)
    ] == []
    assert sorted(set(situations.names()) - met) == [
        "Failed for no stated reason",
        "a container that has ended beside others",
        "a container that waits for another reason",
        "an init container that was not started yet",
    ]


def test_every_row_on_cronjobs_and_budgets_is_met() -> None:
    """All but two of their situations were provoked on a cluster."""
    met = {judged(row)[1].situation for row in catalogue().values()}
    assert {row.name for row in (*standing.CRONJOBS, standing.WAITING, *standing.BUDGETS)} <= met


@pytest.mark.parametrize("reason", REASONS_OF_A_WAIT)
def test_every_reason_of_a_container_has_advice_of_its_own(reason: str) -> None:
    """Not only "look at the Events"."""
    ended = {
        "exitCode": 1,
        "reason": "Error",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:00:01Z",
    }
    status = {"name": "app", "restartCount": 1, "state": {"waiting": {"reason": reason, "message": "m"}},
              "lastState": {"terminated": ended}}  # fmt: skip
    found = explain(a_pod({"phase": "Pending", "containerStatuses": [status]}))
    assert reason in found.what
    assert found.hint
    assert "podlab events" not in found.hint
    assert reason in images.REASONS | creating.REASONS | {
        "RunContainerError",
        "PostStartHookError",
        "CrashLoopBackOff",
    }


@pytest.mark.parametrize("reason", REASONS_OF_AN_END)
def test_every_reason_of_a_failed_pod_has_advice_of_its_own(reason: str) -> None:
    """The node's word is in the answer, and what to do about it."""
    found = explain(a_pod({"phase": "Failed", "reason": reason, "message": "m"}))
    assert reason in found.why
    assert "podlab events" not in found.hint
    assert len(found.hint) > 20


@pytest.mark.parametrize("reason", finished._DISRUPTIONS)
def test_every_reason_to_make_a_pod_give_way_has_advice(reason: str) -> None:
    """The condition DisruptionTarget says who took the Pod away."""
    target = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "m"}
    found = explain(a_pod({"phase": "Failed", "conditions": [target]}))
    assert reason in found.why
    assert "podlab events" not in found.hint


def test_ended_is_said_only_of_what_is_terminated() -> None:
    """In every state of every real Pod: what is said to have ended has a terminated state, now or before."""
    for name in traces.NAMES:
        _, observations = traces.observations(name)
        events = [o["object"] for o in observations if o.get("resource") == "events"]
        for pod in (o["object"] for o in observations if o.get("resource") == "pods"):
            told = str(explain(pod, events))
            said = re.search(
                r"\bhas ended|have ended[^,]|\bended(?! the| when| and the)", told.replace("when it ends", "")
            )
            assert not said or terminated(pod), f"{name}: {told}"


def terminated(pod: dict[str, Any]) -> bool:
    """Whether any container of it is, or was, terminated."""
    statuses = [
        s for key in ("initContainerStatuses", "containerStatuses") for s in pod["status"].get(key) or []
    ]
    return any("terminated" in (s.get(key) or {}) for s in statuses for key in ("state", "lastState"))


def a_pod(status: dict[str, Any]) -> dict[str, Any]:
    """A Pod on a node with one container, app."""
    meta = {"name": "p", "uid": "u"}
    ready = [
        {"type": "PodReadyToStartContainers", "status": "True"},
        {"type": "Initialized", "status": "True"},
    ]
    conditions = [*(status.pop("conditions", None) or []), *ready]
    return {"metadata": meta, "spec": {"nodeName": "n", "containers": [{"name": "app", "image": "i"}]},
            "status": {**status, "conditions": conditions}}  # fmt: skip
