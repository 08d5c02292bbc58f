"""The conditions that the node owns: what each says, with reason and message, and when it last changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podlab.embedded.lifecycle import restartall
from podlab.pods import roles
from podlab.pods.raw import RawObject

RESIZES = ("PodResizePending", "PodResizeInProgress")
OWNED = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    restartall.CONDITION,
    *RESIZES,
)

Verdict = tuple[str, str, str]  # status, reason, message
TRUE: Verdict = ("True", "", "")


def owned(
    pod: RawObject,
    by_name: Mapping[str, RawObject],
    phase: str,
    *,
    sandbox_ready: bool,
    others: Iterable[RawObject],
    before: Iterable[RawObject] = (),
    restarting: Verdict | None = None,
) -> list[RawObject]:
    """
    Return the node's conditions in the order of the API, still without times.

    Args:
        by_name: Statuses of init and regular containers.
        others: Conditions that somebody else set: readiness gates look into them.
        before: The conditions generated last: once a Pod was initialised, it stays so.
        restarting: Of a Pod whose containers may all be restarted in place, how far that is.
    """
    containers = containers_ready(pod, by_name, phase)
    verdicts = {
        "PodReadyToStartContainers": TRUE if sandbox_ready else ("False", "", ""),
        "Initialized": initialized(pod, by_name, phase, before),
        "Ready": ready(pod, containers, others),
        "ContainersReady": containers,
        "PodScheduled": TRUE,
    }
    if restarting:
        verdicts[restartall.CONDITION] = restarting
    return [_condition(kind, verdict) for kind, verdict in verdicts.items()]


def _condition(kind: str, verdict: Verdict) -> RawObject:
    status, reason, message = verdict
    condition: RawObject = {"type": kind, "status": status, "lastProbeTime": None}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def verdict_of(listed: Iterable[RawObject], kind: str) -> Verdict | None:
    """Return the status of one condition of a list; None if it is missing."""
    found = next((c for c in listed if c["type"] == kind), None)
    return (found["status"], found.get("reason", ""), found.get("message", "")) if found else None


def initialized(
    pod: RawObject, by_name: Mapping[str, RawObject], phase: str, before: Iterable[RawObject] = ()
) -> Verdict:
    """Initialized: every regular init container has succeeded, every sidecar has started, now or before."""
    containers = roles.group(pod, roles.INIT)
    if containers and not by_name:
        return "False", "UnknownContainerStatuses", ""
    unknown = [c["name"] for c in containers if c["name"] not in by_name]
    incomplete = [
        c["name"] for c in containers if c["name"] in by_name and not _complete(c, by_name[c["name"]])
    ]
    if phase == "Succeeded" and not unknown:
        return "True", "PodCompleted", ""
    if any(_has_run(by_name.get(c["name"])) for c in roles.group(pod, roles.APP)):
        return TRUE
    if any(c["type"] == "Initialized" and c["status"] == "True" for c in before):
        return TRUE
    return _verdict("ContainersNotInitialized", unknown=unknown, incomplete=incomplete)


def _complete(container: RawObject, status: RawObject) -> bool:
    return bool(status.get("started") if roles.is_sidecar(container) else status.get("ready"))


def _has_run(status: RawObject | None) -> bool:
    state = (status or {}).get("state") or {}
    return "running" in state or "terminated" in state


def containers_ready(pod: RawObject, by_name: Mapping[str, RawObject], phase: str) -> Verdict:
    """ContainersReady: every sidecar and every regular container is ready."""
    if not by_name:
        return "False", "UnknownContainerStatuses", ""
    names = [c["name"] for c in roles.group(pod, roles.INIT) if roles.is_sidecar(c)]
    names += [c["name"] for c in roles.group(pod, roles.APP)]
    unknown = [n for n in names if n not in by_name]
    unready = [n for n in names if n in by_name and not by_name[n].get("ready")]
    if phase == "Succeeded" and not unknown:
        return "False", "PodCompleted", ""
    if phase == "Failed":
        return "False", "PodFailed", ""
    return _verdict("ContainersNotReady", unknown=unknown, unready=unready)


def _verdict(reason: str, **lists: list[str]) -> Verdict:
    parts = [f"containers with {what} status: [{' '.join(names)}]" for what, names in lists.items() if names]
    return ("False", reason, ", ".join(parts)) if parts else TRUE


def ready(pod: RawObject, containers: Verdict, others: Iterable[RawObject]) -> Verdict:
    """Ready: ContainersReady, and every readiness gate True."""
    if containers[0] != "True":
        return containers
    known = {c["type"]: c["status"] for c in others}
    faults = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in known:
            faults.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif known[kind] != "True":
            faults.append(f'the status of pod readiness gate "{kind}" is not "True", but {known[kind]}')
    return ("False", "ReadinessGatesNotReady", ", ".join(faults)) if faults else TRUE


def merge(new: Iterable[RawObject], old: Iterable[RawObject], now: str, generation: int) -> list[RawObject]:
    """
    Return the list to write: foreign conditions first, then the node's own.

    ``lastTransitionTime`` moves only when the status of a condition flips.
    """
    before, ours = {c["type"]: c for c in old}, list(new)
    replaced = {*OWNED, *(c["type"] for c in ours)}
    result = [dict(c) for c in before.values() if c["type"] not in replaced]
    for condition in ours:
        known = before.get(condition["type"])
        same = known is not None and known["status"] == condition["status"]
        since = known["lastTransitionTime"] if known and same and known.get("lastTransitionTime") else now
        result.append({"observedGeneration": generation, **condition, "lastTransitionTime": since})
    return result
