"""What a helpful colleague would say first, where the status alone says nothing or the wrong thing."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.timeline import explain

AT = "2026-01-01T10:00:0{}Z"


def event(
    reason: str, message: str, second: int = 1, *, container: str = "", normal: bool = False
) -> dict[str, Any]:
    """An Event about the Pod ``p``."""
    about = {
        "kind": "Pod",
        "name": "p",
        "uid": "u",
        "fieldPath": f"spec.containers{{{container}}}" if container else "",
    }
    kind = "Normal" if normal else "Warning"
    return {
        "reason": reason,
        "message": message,
        "type": kind,
        "involvedObject": about,
        "lastTimestamp": AT.format(second),
    }


def pod(*containers: dict[str, Any], phase: str = "Pending", **more: Any) -> dict[str, Any]:
    """A Pod on a node; *containers* are (spec, state) of its app containers, both in one."""
    specs = [{k: v for k, v in c.items() if k != "state"} for c in containers]
    statuses = [{"name": c["name"], "state": c["state"]} for c in containers if "state" in c]
    meta = {"name": "p", "uid": "u", **more.pop("metadata", {})}
    ready = {"type": "PodReadyToStartContainers", "status": "True"}
    status = {"phase": phase, "containerStatuses": statuses, "conditions": [ready], **more.pop("status", {})}
    return {"metadata": meta, "spec": {"nodeName": "n", "containers": specs, **more}, "status": status}


CREATING = {"waiting": {"reason": "ContainerCreating"}}
PULLING = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "r/team/app:2"'}}
HOOKED = {
    "name": "proxy",
    "lifecycle": {"postStart": {"exec": {"command": ["sleep", "60"]}}},
    "state": CREATING,
}
WAITS = {"name": "app", "state": CREATING}
STARTED = event("Started", "Container started", 5, container="proxy", normal=True)
DELETED = {"deletionTimestamp": AT.format(8), "deletionGracePeriodSeconds": 3}
SECRET = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
ENDED = {"terminated": {"exitCode": 0}}
EVICTED = {"reason": "Evicted", "message": 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". '}

CASES = {
    "a missing pull secret comes before the image's name": (
        pod({"name": "app", "image": "r/team/app:2", "state": PULLING}),
        [event("FailedToRetrieveImagePullSecret", SECRET)],
        ("ImagePullBackOff", "image pull secrets (regcred)", "create the Secret regcred in this namespace, then"),
    ),
    "a postStart hook that hangs": (
        pod(HOOKED, WAITS), [STARTED],
        ("waits for the postStart hook of proxy", "started at 2026-01-01T10:00:05Z", "lifecycle.postStart of proxy"),
    ),
    "a delete while a postStart hook hangs": (
        pod(HOOKED, WAITS, metadata=DELETED), [STARTED],
        ("is terminating", "nothing is stopped before that ends", "lifecycle.postStart of proxy"),
    ),
    "a deleted Pod of which nothing runs yet": (
        pod(WAITS, metadata=DELETED), [],
        ("is terminating", "no container of it runs", "killed 3 s after"),
    ),
    "a finished Pod that a finalizer holds": (
        pod({"name": "app", "state": ENDED}, phase="Succeeded", metadata={**DELETED, "finalizers": ["a/b"]}), [],
        ("is terminating", "finalizers hold it: a/b", "take them away"),
    ),
    "a scheduler that is not there": (
        pod({"name": "app"}, nodeName=None, schedulerName="my-scheduler"), [],
        ("has no node yet", "no scheduler of the name my-scheduler", "take spec.schedulerName away"),
    ),
    "a node that is not there": (
        pod({"name": "app"}, nodeName="node-7"), [],
        ("has not started yet", "on the node node-7 (spec.nodeName)", "take spec.nodeName away"),
    ),
    "an emptyDir beyond its limit": (
        pod({"name": "app"}, phase="Failed", status=EVICTED), [],
        ("is Failed", 'EmptyDir volume "cache"', "raise sizeLimit of the volume cache"),
    ),
    "a Warning that no step knows": (
        pod(WAITS), [event("NotGranted", "container app asks for NET_ADMIN")],
        ("has not started yet", "asks for NET_ADMIN", "events"),
    ),
    "a Warning that no step knows, beside a known cause": (
        pod({"name": "app", "image": "i", "state": PULLING}), [event("NotGranted", "asks for NET_ADMIN")],
        ("ImagePullBackOff", "another warning: NotGranted: asks for NET_ADMIN", "check the image"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_true_cause_is_said_first(name: str) -> None:
    of, events, (what, why, hint) = CASES[name]
    found = explain(of, events)
    assert (what in found.what, why in found.why, hint in found.hint, found.well) == (
        True,
        True,
        True,
        False,
    ), str(found)


def test_a_hook_of_an_earlier_run_is_over() -> None:
    """Back-off after a failed hook: the Started Event is older than the last end."""
    ended = {"terminated": {"exitCode": 137, "finishedAt": AT.format(7)}}
    of = pod({**HOOKED, "state": CREATING})
    of["status"]["containerStatuses"][0]["lastState"] = ended
    assert "postStart hook" not in explain(of, [STARTED]).what


def test_an_init_container_that_runs_on_may_have_been_meant_as_a_sidecar() -> None:
    of = pod({"name": "app"})
    of["spec"]["initContainers"] = [{"name": "proxy"}]
    running = {"running": {"startedAt": AT.format(1)}}
    of["status"] |= {"initContainerStatuses": [{"name": "proxy", "state": running}], "phase": "Pending"}
    found = explain(of)
    assert (found.what, "restartPolicy: Always" in found.hint) == (
        "Pod p waits for init container proxy",
        True,
    )
