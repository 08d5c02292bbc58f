"""The next actions for a Pod: a pure function of its spec, the runtime's view and its probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from podlab.embedded.lifecycle import initialising, restartall, spec
from podlab.embedded.lifecycle.probes import LIVENESS, STARTUP, ProbeResults, Result
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods import roles
from podlab.pods.raw import RawObject


class Kill(NamedTuple):
    """One container to stop. ``message`` is the text of the Killing Event; ``cause`` names a probe that failed."""

    record: ContainerRecord
    message: str
    cause: str = ""


class Actions:
    """
    The actions of one sync, in this order: kill (the Pod or single containers), make a sandbox, start
    ephemeral containers, start init containers, start regular ones. Starts are indexes into the spec's lists.
    """

    def __init__(
        self,
        *,
        kill_pod: bool = False,
        create_sandbox: bool = False,
        attempt: int = 0,
        resets: Sequence[restartall.Reset] = (),
    ) -> None:
        self.kill_pod, self.create_sandbox, self.attempt = kill_pod, create_sandbox, attempt
        self.ephemeral: list[int] = []
        self.init: list[int] = []
        self.regular: list[int] = []
        self.kills: list[Kill] = []
        self.resets = resets

    def __bool__(self) -> bool:
        return bool(
            self.kill_pod
            or self.create_sandbox
            or self.ephemeral
            or self.init
            or self.regular
            or self.kills
            or self.resets
        )


def compute_pod_actions(
    pod: RawObject,
    view: PodView,
    probes: ProbeResults,
    *,
    restart_all: bool = False,
    resized: frozenset[str] = frozenset(),
) -> Actions:
    """
    Return what the next sync of this Pod does.

    Source: computePodActions in pkg/kubelet/kuberuntime/kuberuntime_manager.go, read at v1.36.3.

    Args:
        restart_all: All containers must start again in place.
        resized: Ids of the running containers that have to be restarted for other resources.
    """
    if restart_all:
        return Actions(resets=restartall.resets(pod, view))
    needed, attempt = pod_sandbox_changed(pod, view)
    actions = Actions(kill_pod=needed, create_sandbox=needed, attempt=attempt)
    if needed:
        _from_the_start(pod, view, actions)
        return actions
    actions.ephemeral = [
        i for i, c in enumerate(roles.group(pod, roles.EPHEMERAL)) if view.latest(c["name"]) is None
    ]
    plan = initialising.compute_init_container_actions(pod, view, probes, resized)
    actions.init, actions.kills, actions.kill_pod = (
        plan.start,
        [Kill(*k) for k in plan.kills],
        plan.fails_the_pod,
    )
    if plan.initialised and not plan.fails_the_pod:
        _keep_regular(pod, view, probes, actions, resized)
    return actions


def pod_sandbox_changed(pod: RawObject, view: PodView) -> tuple[bool, int]:
    """
    Return whether a new sandbox has to be made, and its attempt number.

    Source: PodSandboxChanged in pkg/kubelet/kuberuntime/util/util.go, read at v1.36.3.
    """
    if not view.sandboxes:
        return True, 0
    newest = view.sandboxes[0]
    ready = [s for s in view.sandboxes if s.ready]
    without_address = not newest.ip and not pod["spec"].get("hostNetwork")
    if len(ready) > 1 or not newest.ready or without_address:
        return True, newest.attempt + 1
    return False, newest.attempt


def _from_the_start(pod: RawObject, view: PodView, actions: Actions) -> None:
    """Everything begins again in a new sandbox, unless the Pod is at its end."""
    policy = spec.pod_policy(pod)
    if policy == "Never" and actions.attempt != 0 and view.containers and not _any_may_restart(pod):
        actions.create_sandbox = False
        return
    wanted = [
        i
        for i, c in enumerate(roles.group(pod, roles.APP))
        if not (policy == "OnFailure" and _succeeded(view.latest(c["name"])))
    ]
    if not wanted:
        actions.create_sandbox = False
        return
    if roles.group(pod, roles.INIT):
        actions.init = [0]
    else:
        actions.regular = wanted


def _any_may_restart(pod: RawObject) -> bool:
    """Under the Pod policy Never: whether some container's own policy or rules would bring it back."""
    return any(
        c.get("restartPolicyRules") or (c.get("restartPolicy") or "Never") != "Never"
        for c in roles.group(pod, roles.APP)
    )


def _succeeded(record: ContainerRecord | None) -> bool:
    return record is not None and record.state is ContainerState.EXITED and record.exit_code == 0


def should_container_be_restarted(pod: RawObject, container: RawObject, view: PodView) -> bool:
    """
    Return whether the next sync starts a container that is missing or has ended.

    Source: ShouldContainerBeRestarted in pkg/kubelet/container/helpers.go, read at v1.36.3.
    """
    if pod["metadata"].get("deletionTimestamp"):
        return False
    record = view.latest(container["name"])
    if record is None:
        return True
    if record.state is ContainerState.RUNNING:
        return False
    if record.state is not ContainerState.EXITED:
        return True
    return spec.container_should_restart(pod, container, record.exit_code or 0)


def _keep_regular(
    pod: RawObject, view: PodView, probes: ProbeResults, actions: Actions, resized: frozenset[str]
) -> None:
    kept = 0
    for index, container in enumerate(roles.group(pod, roles.APP)):
        record = view.latest(container["name"])
        if record is None or record.state is not ContainerState.RUNNING:
            if should_container_be_restarted(pod, container, view):
                actions.regular.append(index)
            continue
        message, cause, again = _why_kill(pod, container, record, probes)
        if not message and record.id in resized:
            actions.regular.append(index)
            actions.kills.append(Kill(record, f"Container {container['name']} resize requires restart"))
            continue
        if not message:
            kept += 1
            continue
        if again:
            message += ", will be restarted"
            actions.regular.append(index)
        actions.kills.append(Kill(record, message, cause))
    if not kept and not actions.regular:
        # Nothing is left to run: sidecars must not keep the Pod alive, and must not be started again.
        actions.kill_pod, actions.init = True, []


def _why_kill(
    pod: RawObject, container: RawObject, record: ContainerRecord, probes: ProbeResults
) -> tuple[str, str, bool]:
    """Message, cause and whether it comes back; an empty message means: leave it running."""
    name = container["name"]
    if record.image != container["image"]:
        return f"Container {name} definition changed", "", True
    for kind in (LIVENESS, STARTUP):
        if probes.get(kind, record.id) is Result.FAILURE:
            return f"Container {name} failed {kind} probe", kind, spec.comes_back(pod, container)
    return "", "", False


def names(containers: Sequence[RawObject]) -> list[str]:
    """Their names, in order."""
    return [c["name"] for c in containers]
