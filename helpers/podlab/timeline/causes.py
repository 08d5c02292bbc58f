"""
Why one container waits, or ended badly: from its status, and from the Events about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from podlab.pods.raw import RawObject
from podlab.timeline.clocks import parse_s
from podlab.timeline.crashes import message_of, policy_of, spec_of, why_it_ended

Cause = tuple[str, str, str]
"""A word, why, and what to try."""

_PULLS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
)
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_CRASHES = frozenset({"CrashLoopBackOff", "RunContainerError", "PostStartHookError"})


def cause_of(
    pod: RawObject, role: str, name: str, item: Mapping[str, Any], events: Sequence[RawObject]
) -> Cause | None:
    """The cause for a container that waits or has ended badly; None when its turn has simply not come."""
    state = item.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated")
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _PULLS:
        failed = last_event(events, "Failed", "InspectFailed", "ErrImageNeverPull", container=name)
        why, hint = short(message or said(failed)), _image_hint(pod, name, reason)
        secrets = last_event(events, "FailedToRetrieveImagePullSecret")
        if secrets is not None:
            named = re.search(r"\(([^)]*)\)", said(secrets))
            what = f"the Secret {named[1]}" if named else "the pull secret"
            why, hint = f"{short(said(secrets), 200)}; {why}", f"create {what} in this namespace, then {hint}"
        return reason, why, hint
    if reason in _CONFIG:
        return reason, short(message or reason), _config_hint(name, message)
    if reason in _CRASHES:
        why, hint = _crashed(pod, name, item, events)
        return reason, why, hint
    if ended and (ended.get("exitCode") or role == "sidecar"):
        why, hint = why_it_ended(pod, name, item, events)
        return str(ended.get("reason") or "ended"), short(f"{why}; {_again(pod, name, item)}"), hint
    if reason and reason not in ("PodInitializing", "ContainerCreating"):
        return reason, short(message or reason), "podlab events --for POD"
    return None


# The Warnings that the steps of an explanation look for themselves.
USED = frozenset((
    "BackOff", "ErrImageNeverPull", "Evicted", "Failed", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMount",
    "FailedPostStartHook", "FailedPreStopHook", "FailedScheduling", "FailedToRetrieveImagePullSecret", "InspectFailed",
    "NetworkNotReady", "Unhealthy", "ProbeWarning",
))  # fmt: skip


def unused_warning(why: str, events: Sequence[RawObject]) -> str:
    """The newest Warning that no step knows, to be added to *why*; empty where there is none."""
    for event in reversed(events):
        if event.get("type") == "Warning" and event.get("reason") not in USED:
            text = short(said(event), 200)
            return "" if text in why else f"; another warning: {event.get('reason')}: {text}"
    return ""


def evicted_hint(message: str) -> str:
    """What to change so that a Pod is not evicted again, by what its eviction says."""
    volume = re.search(r'EmptyDir volume "([^"]+)" exceeds', message)
    if volume:
        return f"raise sizeLimit of the volume {volume[1]}, or write less into it"
    container = re.search(r"Container (\S+) exceeded its local ephemeral storage limit", message)
    if container:
        return f"raise the limit ephemeral-storage of {container[1]}, or write less"
    return "ask for what it uses (resources), then apply it again"


def _image_hint(pod: RawObject, name: str, reason: str) -> str:
    image = spec_of(pod, name).get("image")
    if reason == "ErrImageNeverPull":
        return f"take imagePullPolicy: Never away, or load the image: podlab images --load {image}"
    return f"check the image name of {name}: {image}"


def _config_hint(name: str, message: str) -> str:
    if "runAsNonRoot" in message or "non-root" in message:
        return f"set securityContext.runAsUser of {name} to a user that is not 0"
    return "create what the message names; it is tried again by itself"


def _again(pod: RawObject, name: str, item: Mapping[str, Any]) -> str:
    """How often it was started again, or that it will not be."""
    if policy_of(pod, name) == "Never":
        return "restartPolicy Never: it is not started again"
    return _times(item)


def _crashed(
    pod: RawObject, name: str, item: Mapping[str, Any], events: Sequence[RawObject]
) -> tuple[str, str]:
    """Why it ended, how often it was tried, and when the next try is; and what to do about it."""
    last = (item.get("lastState") or {}).get("terminated") or {}
    message = str(((item.get("state") or {}).get("waiting") or {}).get("message") or "")
    if not last:
        return short(message or "it has not started"), _logs(name, item)
    why, hint = why_it_ended(pod, name, item, events)
    waits = re.match(r"back-off ((?:\d+h)?(?:\d+m)?(?:\d+s)?) restarting", message)
    parts = [short(why, 200), _times(item)]
    if waits:
        finished = parse_s(last.get("finishedAt"))
        after = _seconds(waits[1])
        when = (
            "" if finished is None else datetime.fromtimestamp(finished + after, UTC).strftime("%H:%M:%S UTC")
        )
        parts.append(f"back-off {waits[1]}" + (f", next try from {when} on" if when else ""))
    return "; ".join(parts), hint


def _logs(name: str, item: Mapping[str, Any]) -> str:
    return f"podlab logs POD -c {name}{' --previous' if item.get('restartCount') else ''}"


def _seconds(text: str) -> int:
    """Seconds of a duration as Go prints it: ``1m20s``."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(n) * units[u] for n, u in re.findall(r"(\d+)([hms])", text))


def _times(item: Mapping[str, Any]) -> str:
    tries = int(item.get("restartCount") or 0)
    return f"{tries} restart{'' if tries == 1 else 's'}"


def role_word(role: str) -> str:
    """The word for a role inside a sentence."""
    return {"init": "init container", "sidecar": "sidecar", "app": "container"}[role]


def about(event: RawObject) -> Mapping[str, Any]:
    """The object that an Event speaks of, in either API group's field."""
    return event.get("involvedObject") or event.get("regarding") or {}


def last_event(events: Sequence[RawObject], *reasons: str, container: str = "") -> RawObject | None:
    """The newest Event with one of these reasons; *events* are oldest first."""
    for event in reversed(events):
        path = str(about(event).get("fieldPath") or "")
        if event.get("reason") in reasons and (not container or f"{{{container}}}" in path):
            return event
    return None


def said(event: RawObject | None) -> str:
    """The message of an Event on one line; empty for none."""
    return message_of(event)


def short(text: object, limit: int = 300) -> str:
    """One line of bounded length."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
