"""
Why is my Pod not running? Three lines from live state: what, why, and what to try.

The reading order is the course's: is there a node? are the volumes there? which init container? which reason?
since when, and when is the next try? It needs the Pod object and its Events, no recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podlab.pods.raw import RawObject
from podlab.pods.status import status_word
from podlab.timeline import hooks
from podlab.timeline.causes import (
    about,
    cause_of,
    evicted_hint,
    last_event,
    role_word,
    said,
    short,
    unused_warning,
)
from podlab.timeline.crashes import ended_words, policy_of
from podlab.timeline.words import phase_of

Found = tuple[str, str, str]
"""What, why, and what to try."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What, why and what to try; *well* when the Pod runs and is Ready, or has Succeeded."""

    what: str
    why: str
    hint: str
    well: bool = False

    def __str__(self) -> str:
        notes = [("why", self.why), ("try", self.hint)]
        return "\n".join([self.what, *(f"  {label}: {text}" for label, text in notes if text)])

    def lines(self) -> list[str]:
        """The three lines."""
        return str(self).splitlines()

    def as_json(self) -> dict[str, Any]:
        """Names and values for programs."""
        return {"what": self.what, "why": self.why, "try": self.hint, "well": self.well}


def explain(pod: RawObject, events: Iterable[RawObject] = ()) -> Explanation:
    """
    Explain a Pod from its object and the Events about it.

    Args:
        pod: The object as the API returned it.
        events: Events of its namespace; those about other objects are ignored.
    """
    meta = pod.get("metadata", {})
    name = f"Pod {meta.get('name', '?')}"
    mine = [e for e in events if about(e).get("uid", meta.get("uid")) == meta.get("uid")]
    mine.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
    for step in (_ending, _over, _unscheduled, _volumes, _sandbox, _hook, _init, _apps, _unready):
        found = step(pod, mine)
        if found is not None:
            what, why, hint = found
            why += unused_warning(why, mine)
            return Explanation(f"{name} {what}", why, hint.replace("POD", str(meta.get("name", "POD"))))
    if phase_of(pod) == "Succeeded":
        return Explanation(
            f"{name} has Succeeded", "every app container ended with exit code 0", "", well=True
        )
    return Explanation(
        f"{name} is {status_word(pod)} and Ready", "all its containers are ready", "", well=True
    )


def _condition(pod: RawObject, kind: str) -> Mapping[str, Any]:
    found = (c for c in pod.get("status", {}).get("conditions") or [] if c.get("type") == kind)
    return next(found, {})


def _ending(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    meta = pod.get("metadata", {})
    over = phase_of(pod) in ("Succeeded", "Failed")
    if not meta.get("deletionTimestamp") or (over and not meta.get("finalizers")):
        return None
    hook = hooks.running(pod, _statuses(pod), events)
    if hook is not None:
        why = f"it was deleted while the postStart hook of {hook.container} runs: nothing is stopped before that ends"
        return "is terminating", why, hooks.HINT.format(name=hook.container)
    why = f"it was deleted; {_left(pod)}"
    if meta.get("finalizers"):
        return (
            "is terminating",
            f"finalizers hold it: {', '.join(meta['finalizers'])}",
            "whoever set them has to take them away; podlab events --for POD",
        )
    grace = meta.get("deletionGracePeriodSeconds")
    return "is terminating", why, f"wait: containers are killed {grace} s after the delete at the latest"


def _left(pod: RawObject) -> str:
    """What of a Pod still runs; that its containers have ended is said only where each says so."""
    states = {s["name"]: s.get("state") or {} for _, _, s in _statuses(pod)}
    running = [name for name, state in states.items() if "running" in state]
    if running:
        return f"still running: {', '.join(running)}"
    if states and all("terminated" in state for state in states.values()):
        return "its containers have ended"
    return "no container of it runs"


def _hook(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    """A container whose postStart hook runs has been started, and its status says that it waits."""
    hook = hooks.running(pod, _statuses(pod), events)
    if hook is None:
        return None
    why = (
        f"container {hook.container} was started at {hook.started_at} and its postStart hook still runs: nothing else "
        "of the Pod is started, or stopped, before that ends"
    )
    return f"waits for the postStart hook of {hook.container}", why, hooks.HINT.format(name=hook.container)


def _over(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    if phase_of(pod) != "Failed":
        return None
    status = pod.get("status", {})
    if status.get("reason"):
        hint = {
            "DeadlineExceeded": "raise spec.activeDeadlineSeconds, or make the work shorter",
            "Evicted": evicted_hint(str(status.get("message") or "")),
        }.get(status["reason"])
        message = f"{status['reason']}: {status.get('message', '')}"
        return "is Failed and will not run again", short(message), hint or "podlab events --for POD"
    for role, name, item in _statuses(pod, sidecars=False):
        ended = (item.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            why = f"{role_word(role)} {name} ended with {ended_words(ended)}"
            return "is Failed and will not run again", why, f"podlab logs POD -c {name}"
    return "is Failed and will not run again", "its containers did not end well", "podlab events --for POD"


def _unscheduled(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    if pod.get("spec", {}).get("nodeName"):
        return None
    condition = _condition(pod, "PodScheduled")
    message = condition.get("message") or said(last_event(events, "FailedScheduling"))
    if condition.get("reason") == "SchedulingGated":
        return "has no node yet", "scheduling gates hold it back", "remove spec.schedulingGates"
    if not message:
        scheduler = pod.get("spec", {}).get("schedulerName") or "default-scheduler"
        if scheduler != "default-scheduler":
            why = f"no scheduler of the name {scheduler} has looked at it"
            return "has no node yet", why, "start that scheduler, or take spec.schedulerName away"
        return (
            "has no node yet",
            "the scheduler has not looked at it",
            "podlab events --for POD",
        )
    if "persistentvolumeclaim" in message:
        return (
            "has no node: a volume is missing",
            short(message),
            "create the PersistentVolumeClaim that it names",
        )
    return (
        "has no node: it cannot be scheduled",
        short(message),
        "compare its requests, nodeSelector and tolerations with the nodes (with kubectl: kubectl describe nodes)",
    )


def _volumes(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    if _condition(pod, "PodReadyToStartContainers").get("status") == "True" or phase_of(pod) != "Pending":
        return None
    event = last_event(events, "FailedMount", "FailedAttachVolume")
    if event is None:
        return None
    unfit = "are not supported" in said(event)
    return (
        "has not started: a volume is missing",
        short(said(event)),
        "use another kind of volume, such as emptyDir"
        if unfit
        else "create what the message names; the kubelet tries again by itself",
    )


def _sandbox(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    if _condition(pod, "PodReadyToStartContainers").get("status") == "True" or phase_of(pod) != "Pending":
        return None
    event = last_event(events, "FailedCreatePodSandBox", "NetworkNotReady")
    if event is None:
        return None
    return "has not started: its network could not be made", short(said(event)), "podlab events --for POD"


def _statuses(pod: RawObject, *, sidecars: bool = True) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(role, name, status) of init containers, then of app containers, in the order of the manifest."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    found = []
    for spec_key, key in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
        by_name = {s.get("name"): s for s in status.get(key) or []}
        for container in spec.get(spec_key) or []:
            role = "app"
            if spec_key == "initContainers":
                role = "sidecar" if container.get("restartPolicy") == "Always" else "init"
            if container.get("name") in by_name and (sidecars or role != "sidecar"):
                found.append((role, str(container["name"]), by_name[container["name"]]))
    return found


def _init(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    """The first init container or sidecar that is not done holds all that come after it."""
    if _condition(pod, "Initialized").get("status") == "True":
        return None
    for role, name, item in _statuses(pod):
        if role == "app":
            return None
        state = item.get("state") or {}
        if (role == "init" and (state.get("terminated") or {}).get("exitCode") == 0) or (
            role == "sidecar" and item.get("started")
        ):
            continue
        held = f"waits for {role_word(role)} {name}"
        if "running" in state:
            return _held_by_running(role, name, item, events)
        reason = cause_of(pod, role, name, item, events)
        if reason:
            return held + f": {reason[0]}", reason[1], reason[2]
        return held, "the kubelet has not started it yet", "podlab events --for POD"
    return None


def _held_by_running(role: str, name: str, item: Mapping[str, Any], events: Sequence[RawObject]) -> Found:
    held = f"waits for {role_word(role)} {name}"
    tries = item.get("restartCount") or 0
    if role == "sidecar":
        failed = said(last_event(events, "Unhealthy", container=name))
        why = f"it runs but its startup probe has not passed{': ' + failed if failed else ''}"
        return (
            held,
            short(why),
            f"check startupProbe of {name}; podlab logs POD -c {name}",
        )
    since = (item.get("state") or {}).get("running", {}).get("startedAt", "")
    again = f", run {tries + 1}" if tries else ""
    last = (item.get("lastState") or {}).get("terminated")
    failed = f"; its last run ended with {ended_words(last)}" if last else ""
    return (
        held,
        f"it is still running since {since}{again}{failed}: what comes after it starts when it ends with 0",
        f"podlab logs POD -c {name}; is it to go on beside the app? then it is a sidecar: restartPolicy: Always",
    )


def _apps(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    if phase_of(pod) == "Succeeded":
        return None
    later: Found | None = None
    for role, name, item in _statuses(pod):
        reason = cause_of(pod, role, name, item, events) if role != "init" else None
        if reason:
            verb = "does not run" if phase_of(pod) == "Pending" else "is not whole"
            return f"{verb}: {role_word(role)} {name}: {reason[0]}", reason[1], reason[2]
        if role == "app" and "waiting" in (item.get("state") or {}) and later is None:
            warned = next((e for e in reversed(events) if e.get("type") == "Warning"), None)
            why = f"container {name} is {item['state']['waiting'].get('reason', 'waiting')}"
            why += f"; last warning: {said(warned)}" if warned else ""
            hint = "podlab events --for POD" if warned else "wait a few seconds, then ask again"
            later = "has not started yet", short(why), hint
    if later is None and not _statuses(pod) and phase_of(pod) == "Pending":
        node = pod.get("spec", {}).get("nodeName")
        later = "has not started yet", "its node has not reported on it", "podlab events --for POD"
        if last_event(events, "Scheduled") is None:
            why = f"the manifest itself puts it on the node {node} (spec.nodeName), which has not reported on it"
            hint = f"see whether there is a node {node} (with kubectl: kubectl get nodes); take spec.nodeName away"
            later = "has not started yet", why, hint
    return later


def _unready(pod: RawObject, events: Sequence[RawObject]) -> Found | None:
    if phase_of(pod) != "Running" or _condition(pod, "Ready").get("status") == "True":
        return None
    for role, name, item in _statuses(pod):
        if role != "init" and "running" in (item.get("state") or {}) and not item.get("ready"):
            probe = "readiness" if item.get("started") else "startup"
            failed = said(last_event(events, "Unhealthy", container=name))
            why = f"{role_word(role)} {name} runs but its {probe} probe has not passed"
            return (
                "runs but is not Ready",
                short(f"{why}{': ' + failed if failed else ''}"),
                f"check {probe}Probe of {name}; podlab logs POD -c {name}",
            )
    over = [(n, s["state"]["terminated"]) for r, n, s in _statuses(pod)
            if r == "app" and (s.get("state") or {}).get("terminated")]  # fmt: skip
    if over:
        left = [n for _, n, s in _statuses(pod) if "running" in (s.get("state") or {})]
        names = ", ".join(f"{n} (exit code {ended.get('exitCode')})" for n, ended in over)
        why = f"ended: {names}; " + (f"still running: {', '.join(left)}" if left else "nothing runs any more")
        again = [n for n, _ in over if policy_of(pod, n) == "Always"]
        if again:
            hint = "for work that ends, restartPolicy OnFailure, or a Job"
            why += f"; restartPolicy Always starts {', '.join(again)} again"
            return "is not whole", short(why), f"{hint}; podlab logs POD -c {again[0]}"
        return "runs but is not Ready", short(why), f"podlab logs POD -c {over[0][0]}"
    message = _condition(pod, "Ready").get("message") or "its condition Ready is not True"
    return "runs but is not Ready", short(message), "podlab events --for POD"
