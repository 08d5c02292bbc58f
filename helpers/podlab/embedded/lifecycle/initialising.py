"""
Which init containers to start or kill: regular ones take turns, sidecars are kept alive.

The list is walked from its end, because the last init container with any record tells how far the Pod has come:
earlier records may have been removed since.
"""

from __future__ import annotations

from podlab.embedded.lifecycle import spec
from podlab.embedded.lifecycle.probes import LIVENESS, STARTUP, ProbeResults, Result
from podlab.embedded.lifecycle.view import PodView, failed
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods import roles
from podlab.pods.raw import RawObject


class InitActions:
    """The actions for init containers; ``kills`` are (record, message, cause)."""

    def __init__(self, *, initialised: bool) -> None:
        self.initialised = initialised
        self.fails_the_pod = False
        self.start: list[int] = []
        self.kills: list[tuple[ContainerRecord, str, str]] = []


def compute_init_container_actions(
    pod: RawObject, view: PodView, probes: ProbeResults, resized: frozenset[str] = frozenset()
) -> InitActions:
    """
    Return what the next sync does about the init containers of a Pod whose sandbox is ready.

    Source: computeInitContainerActions in pkg/kubelet/kuberuntime/kuberuntime_container.go, read at v1.36.3.
    """
    containers = roles.group(pod, roles.INIT)
    plan = InitActions(initialised=not containers or _app_is_up(pod, view))
    if not containers:
        return plan
    walk = _Walk(pod, probes, plan, resized, past_it=plan.initialised, last=len(containers) - 1)
    for index in range(len(containers) - 1, -1, -1):
        walk.look_at(index, containers[index], view.latest(containers[index]["name"]))
        if plan.fails_the_pod:
            plan.start, plan.initialised = [], False
            return plan
    if not walk.past_it:
        plan.start.append(0)
    plan.start.reverse()
    return plan


def _app_is_up(pod: RawObject, view: PodView) -> bool:
    """Return whether a regular container was created or runs: then initialisation is over, even without records."""
    records = [view.latest(c["name"]) for c in roles.group(pod, roles.APP)]
    return any(r is not None and r.state in (ContainerState.CREATED, ContainerState.RUNNING) for r in records)


class _Walk:
    """From the last init container to the first. ``past_it``: something later than this one has begun."""

    def __init__(
        self,
        pod: RawObject,
        probes: ProbeResults,
        plan: InitActions,
        resized: frozenset[str],
        *,
        past_it: bool,
        last: int,
    ) -> None:
        self._pod, self._probes, self._plan, self._resized = pod, probes, plan, resized
        self.past_it, self._last = past_it, last

    def look_at(self, index: int, container: RawObject, record: ContainerRecord | None) -> None:
        """Decide about one init container."""
        sidecar = roles.is_sidecar(container)
        if record is None:
            if self.past_it and sidecar:
                self._plan.start.append(index)
            return
        if self.past_it and not sidecar:
            return
        if sidecar:
            self._sidecar(index, container, record)
        else:
            self._regular(index, container, record)
        self.past_it = True

    def _regular(self, index: int, container: RawObject, record: ContainerRecord) -> None:
        if record.state is ContainerState.RUNNING:
            return
        if record.state is ContainerState.CREATED:
            self._plan.start.append(index)
        elif not failed(record):
            self._done(index)
        elif not self._comes_back(container, record):
            self._plan.fails_the_pod = True
        else:
            if record.state is ContainerState.UNKNOWN:
                self._kill(record, container, "is in unknown state, try killing it before restart", "")
            self._plan.start.append(index)

    def _comes_back(self, container: RawObject, record: ContainerRecord) -> bool:
        # An OOM kill counts as a failure even with exit code 0.
        return spec.container_should_restart(self._pod, container, record.exit_code or 1)

    def _sidecar(self, index: int, container: RawObject, record: ContainerRecord) -> None:
        if record.state is not ContainerState.RUNNING:
            self._plan.start.append(index)
            return
        if container.get("startupProbe"):
            startup = self._probes.get(STARTUP, record.id)
            if startup is Result.FAILURE:
                self._restart(index, record, container, "failed startup probe", STARTUP)
            if startup is not Result.SUCCESS:
                return
        self._done(index)
        if record.image != container["image"]:
            self._restart(index, record, container, "definition changed", "")
        elif self._probes.get(LIVENESS, record.id) is Result.FAILURE:
            self._restart(index, record, container, "failed liveness probe", LIVENESS)
        elif record.id in self._resized:
            message = f"Container {container['name']} resize requires restart"
            self._plan.kills.append((record, message, ""))
            self._plan.start.append(index)

    def _done(self, index: int) -> None:
        """This one lets the next begin; the last one ends the initialisation."""
        if index == self._last:
            self._plan.initialised = True
        elif not self.past_it:
            self._plan.start.append(index + 1)

    def _restart(
        self, index: int, record: ContainerRecord, container: RawObject, why: str, cause: str
    ) -> None:
        self._kill(record, container, why, cause)
        self._plan.start.append(index)

    def _kill(self, record: ContainerRecord, container: RawObject, why: str, cause: str) -> None:
        self._plan.kills.append((record, f"Init container {container['name']} {why}", cause))
