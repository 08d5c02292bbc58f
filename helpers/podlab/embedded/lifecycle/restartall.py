"""
Restarting all containers of a Pod in place: a rule of one container, asked when that container exits.

The Pod keeps its sandbox, its address and its volumes. Every container is killed and its record removed, init
containers too, and the Pod begins again; the condition ``AllContainersRestarting`` is True from the exit that
asked for it until nothing is left.

Source: kuberuntime_manager.go, container/helpers.go and status/generate.go at v1.36.3.
"""

from __future__ import annotations

from typing import NamedTuple

from podlab.embedded.lifecycle import spec
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.pods import roles
from podlab.pods.raw import RawObject

CONDITION = "AllContainersRestarting"
REASON = "RestartingAllContainers"  # of the waiting state, and of the end that it leaves in lastState
MESSAGE = "The container is removed because RestartAllContainers in place"


class Reset(NamedTuple):
    """One record to remove; what still runs is killed first."""

    record: ContainerRecord
    kill: bool


def possible(pod: RawObject) -> bool:
    """Return whether some rule of the Pod could restart all containers."""
    rules = (r for _, c in _inits_and_apps(pod) for r in c.get("restartPolicyRules") or ())
    return any(rule.get("action") == spec.RESTART_ALL for rule in rules)


def wanted(pod: RawObject, view: PodView, old: RawObject) -> bool:
    """True if a restart of all was asked for and is not over: the condition says so, or an exit code asks for it."""
    if not possible(pod):
        return False
    if under_way(old):
        return True
    statuses = {
        s["name"]: s for s in (*_listed(old, "initContainerStatuses"), *_listed(old, "containerStatuses"))
    }
    for _, container in _inits_and_apps(pod):
        record = view.latest(container["name"])
        if record is None or record.state is not ContainerState.EXITED:
            continue
        ended = (statuses.get(container["name"], {}).get("state") or {}).get("terminated") or {}
        codes = (record.exit_code or 0, ended.get("exitCode"))
        if any(code is not None and _asks(container, code) for code in codes):
            return True
    return False


def under_way(status: RawObject) -> bool:
    """True while the condition is True."""
    return any(c["type"] == CONDITION and c["status"] == "True" for c in status.get("conditions") or ())


def verdict(pod: RawObject, view: PodView, old: RawObject, phase: str) -> tuple[str, str, str]:
    """Status, reason and message of the condition."""
    if phase in ("Succeeded", "Failed"):
        return "False", "PodCompleted" if phase == "Succeeded" else "PodFailed", ""
    if not wanted(pod, view, old) or not any(view.of(c["name"]) for _, c in _inits_and_apps(pod)):
        return "False", "", ""
    return "True", "RestartAllContainersStarted", "container exited with restart policy rule"


def resets(pod: RawObject, view: PodView) -> list[Reset]:
    """All records in the order of their removal: the victims before those whose exit asked for it, apps first."""
    victims: list[Reset] = []
    sources: list[Reset] = []
    for key in (roles.APP, roles.INIT):
        for container in roles.group(pod, key):
            for record in view.of(container["name"]):
                exited = record.state is ContainerState.EXITED
                asked = exited and _asks(container, record.exit_code or 0)
                (sources if asked else victims).append(Reset(record, kill=not exited))
    return victims + sources


def _asks(container: RawObject, exit_code: int) -> bool:
    rule = spec.matching_rule(container, exit_code)
    return rule is not None and rule.get("action") == spec.RESTART_ALL


def _inits_and_apps(pod: RawObject) -> list[tuple[str, RawObject]]:
    return [(key, c) for key in (roles.INIT, roles.APP) for c in roles.group(pod, key)]


def _listed(status: RawObject, key: str) -> list[RawObject]:
    return status.get(key) or []
