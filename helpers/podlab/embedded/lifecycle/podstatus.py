"""The status of a Pod: at the beginning of a sync, the part that may be written, and at the end."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from podlab.embedded.lifecycle import conditions, containers, restartall
from podlab.embedded.lifecycle.actions import pod_sandbox_changed
from podlab.embedded.lifecycle.containers import StartFailure, rfc3339
from podlab.embedded.lifecycle.phase import get_phase
from podlab.embedded.lifecycle.probes import ProbeResults
from podlab.embedded.lifecycle.view import PodView
from podlab.pods import roles
from podlab.pods.phase import ENDED
from podlab.pods.raw import RawObject

DEADLINE = "Pod was active on the node longer than the specified deadline"


class StatusInputs(NamedTuple):
    """All that a status is made of, besides the Pod: nothing else is looked at."""

    view: PodView
    probes: ProbeResults
    old: RawObject  # the status generated before, or the one in the API
    now: int
    node_ip: str = ""
    failures: Mapping[str, StartFailure] = MappingProxyType({})
    resizes: Sequence[RawObject] = ()  # conditions of a resize


def generate_api_pod_status(pod: RawObject, seen: StatusInputs, *, terminal: bool = False) -> RawObject:
    """
    Return the status of a Pod as its node sees it.

    Args:
        terminal: The containers have been stopped for good: the phase follows from their exit codes.

    Source: generateAPIPodStatus in pkg/kubelet/kubelet_pods.go, read at v1.36.3.
    """
    status: RawObject = {}
    for key, status_key in roles.STATUS_LISTS.items():
        status[status_key] = _listed(pod, key, status_key, seen)
    by_name = {s["name"]: s for key in (roles.INIT, roles.APP) for s in status[roles.STATUS_LISTS[key]]}
    containers.shorten_messages(list(by_name.values()))
    status["phase"] = _phase(pod, seen, by_name, terminal)
    _keep_reason(pod, seen, status)
    status = {k: v for k, v in status.items() if v or k not in roles.STATUS_LISTS.values()}
    _add_addresses(pod, seen, status)
    needed, _ = pod_sandbox_changed(pod, seen.view)
    status["conditions"] = [] if status["phase"] in ENDED else list(seen.resizes)
    status["conditions"] += conditions.owned(
        pod,
        by_name,
        status["phase"],
        sandbox_ready=not needed,
        others=(pod.get("status") or {}).get("conditions") or (),
        before=seen.old.get("conditions") or (),
        restarting=restarting(pod, seen, status["phase"]),
    )
    return status


def restarting(pod: RawObject, seen: StatusInputs, phase: str) -> conditions.Verdict | None:
    """Return the condition of a restart of all containers, where the Pod has a rule that may ask for one."""
    return restartall.verdict(pod, seen.view, seen.old, phase) if restartall.possible(pod) else None


def _listed(pod: RawObject, key: str, status_key: str, seen: StatusInputs) -> list[RawObject]:
    old = {s["name"]: s for s in seen.old.get(status_key) or ()}
    again = restartall.wanted(pod, seen.view, seen.old)
    listed = containers.statuses(pod, key, seen.view, old, seen.failures, restarting=again)
    containers.mark_ready(pod, key, listed, seen.probes)
    return listed


def _phase(pod: RawObject, seen: StatusInputs, by_name: Mapping[str, RawObject], terminal: bool) -> str:
    app_started = any(seen.view.started_in_active_sandbox(c["name"]) for c in roles.group(pod, roles.APP))
    new = get_phase(pod, by_name, terminal=terminal, app_started=app_started)
    written = str((pod.get("status") or {}).get("phase") or "")
    if written in ENDED:
        return written  # the end is final
    # A Pod that was put out is only called Failed for as long as its containers do not say how it ended.
    before = str(seen.old.get("phase") or "")
    return before if before in ENDED and new not in ENDED else new


def _keep_reason(pod: RawObject, seen: StatusInputs, status: RawObject) -> None:
    """Reason and message belong to a phase; the deadline sets all three."""
    if status["phase"] == seen.old.get("phase"):
        status |= {k: seen.old[k] for k in ("reason", "message") if seen.old.get(k)}
    if deadline_passed(pod, seen.old, seen.now):
        status |= {"phase": "Failed", "reason": "DeadlineExceeded", "message": DEADLINE}


def deadline_at(pod: RawObject, status: RawObject) -> int | None:
    """Return the instant (ns) at which activeDeadlineSeconds ends, None without one or before the first status."""
    seconds, start = pod["spec"].get("activeDeadlineSeconds"), status.get("startTime")
    if seconds is None or not start:
        return None
    return parse_time(start) + int(seconds) * 1_000_000_000


def parse_time(text: str) -> int:
    """Return an API time of whole seconds as nanoseconds since the epoch."""
    return int(datetime.fromisoformat(text[:19] + "+00:00").timestamp()) * 1_000_000_000


def deadline_passed(pod: RawObject, status: RawObject, now: int) -> bool:
    """True once the Pod has been active longer than it may, and has not ended by itself."""
    ends = deadline_at(pod, status)
    ended = status.get("phase") in ENDED and status.get("reason") != "DeadlineExceeded"
    return ends is not None and now >= ends and not ended


def _add_addresses(pod: RawObject, seen: StatusInputs, status: RawObject) -> None:
    status["startTime"] = seen.old.get("startTime") or rfc3339(seen.now)
    if seen.node_ip:
        status |= {"hostIP": seen.node_ip, "hostIPs": [{"ip": seen.node_ip}]}
    sandbox = seen.view.sandboxes[0] if seen.view.sandboxes else None
    address = sandbox.ip if sandbox and sandbox.ip else str(seen.old.get("podIP") or "")
    if pod["spec"].get("hostNetwork"):
        address = seen.node_ip
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}


def mark_evicted(status: RawObject, message: str) -> None:
    """Turn a generated status into that of a Pod which its node puts out, for what the Pod itself took."""
    status |= {"phase": "Failed", "reason": "Evicted", "message": message}


def merge_pod_status(pod: RawObject, new: RawObject, *, may_run: bool, now: int) -> RawObject:
    """
    Return the status to write: conditions of others are kept, and the phase stays while a container may still run.

    Args:
        pod: The object as stored.
        new: What ``generate_api_pod_status`` returned.
        may_run: The containers are not known to be stopped for good.

    Source: mergePodStatus in pkg/kubelet/status/status_manager.go, read at v1.36.3.
    """
    old = pod.get("status") or {}
    merged = dict(new)
    if new["phase"] in ENDED and old.get("phase") not in ENDED and may_run:
        merged["phase"] = old.get("phase") or "Pending"
        for key in ("reason", "message"):
            merged.pop(key, None)
            if old.get(key):
                merged[key] = old[key]
    generation = int(pod["metadata"].get("generation") or 1)
    merged["conditions"] = conditions.merge(
        new["conditions"], old.get("conditions") or (), rfc3339(now), generation
    )
    merged["observedGeneration"] = generation
    for key in ("qosClass", "nominatedNodeName", "resize", "resources"):
        if key in old:
            merged[key] = old[key]
    if merged["phase"] in ENDED:
        _not_ready(merged, rfc3339(now))
    return merged


def _not_ready(status: RawObject, now: str) -> None:
    """Make the conditions of an ended Pod not ready, whatever its last probe reported."""
    reason = "PodCompleted" if status["phase"] == "Succeeded" else "PodFailed"
    for condition in status["conditions"]:
        if condition["type"] in ("Ready", "ContainersReady") and condition["status"] == "True":
            condition |= {"status": "False", "reason": reason, "lastTransitionTime": now}
            condition.pop("message", None)


def final(pod: RawObject, status: RawObject, before: RawObject) -> RawObject:
    """
    Return the last status of a Pod: what never got a record is told as lost, and the phase is a terminal one.

    Once a Pod was initialised every regular container must show an end; of the init containers those that
    were started, and the first one always.

    Args:
        before: The status with which the Pod began to end. Upstream asks it, and not the last one, whether the
            Pod was initialised: its worker still holds that object. So an init container that ends with 0 because
            it was told to makes nothing of the others lost.
    """
    last = copy.deepcopy(status)
    if was_initialised(pod, before):
        _mark_lost(last.get("containerStatuses") or [])
    _mark_lost(_begun(last.get("initContainerStatuses") or []))
    if last.get("phase") not in ENDED:
        last["phase"] = "Failed"
    return last


def _mark_lost(listed: list[RawObject]) -> None:
    for status in listed:
        if not status["state"].get("terminated"):
            status["state"] = {"terminated": containers.lost()}


def _begun(listed: list[RawObject]) -> list[RawObject]:
    """Return the init containers up to the last that shows any sign of having been started; at least the first."""
    for index in range(len(listed) - 1, -1, -1):
        status = listed[index]
        if "waiting" not in status["state"] or (status.get("lastState") or {}).get("terminated"):
            return listed[: index + 1]
    return listed[:1]


def was_initialised(pod: RawObject, status: RawObject) -> bool:
    """Return whether the regular containers had their turn: one of them ran, or the last init container is done."""
    inits = roles.group(pod, roles.INIT)
    if not inits:
        return True
    for entry in status.get("containerStatuses") or ():
        if (entry.get("lastState") or {}).get("terminated") or "waiting" not in entry["state"]:
            return True
    listed = status.get("initContainerStatuses") or []
    if not listed:
        return False
    if roles.is_sidecar(inits[-1]):
        return "running" in listed[-1]["state"] and bool(listed[-1].get("started"))
    ends = [(listed[-1].get(k) or {}).get("terminated") for k in ("state", "lastState")]
    return any(end and end["exitCode"] == 0 for end in ends)
