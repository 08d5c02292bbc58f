"""
Why one container waits, or ended badly: from its status, and from the Events about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from podlab.timeline.clocks import parse_s
from podlab.timeline.model import RawObject

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
        return reason, short(message or said(failed)), f"check the image name of {name}: {_image(pod, name)}"
    if reason in _CONFIG:
        return reason, short(message or reason), "create what the message names; it is tried again by itself"
    if reason in _CRASHES:
        return reason, _crashed(item, message), _logs(name, item)
    if ended and (ended.get("exitCode") or role == "sidecar"):
        word = str(ended.get("message") or "").strip()
        why = f"it ended with {ended_words(ended)}{': ' + word if word else ''}, {_times(item)}"
        return str(ended.get("reason") or "ended"), short(why), f"podlab logs POD -c {name}"
    if reason and reason not in ("PodInitializing", "ContainerCreating"):
        return reason, short(message or reason), "podlab events --for POD"
    return None


def _image(pod: RawObject, name: str) -> str:
    spec = pod.get("spec", {})
    listed = [c for key in ("initContainers", "containers") for c in spec.get(key) or []]
    return next((str(c.get("image") or "") for c in listed if c.get("name") == name), "")


def _logs(name: str, item: Mapping[str, Any]) -> str:
    return f"podlab logs POD -c {name}{' --previous' if item.get('restartCount') else ''}"


def _crashed(item: Mapping[str, Any], message: str) -> str:
    """How it ended, how often it was tried, and when the next try is."""
    last = (item.get("lastState") or {}).get("terminated") or {}
    waits = re.match(r"back-off ((?:\d+h)?(?:\d+m)?(?:\d+s)?) restarting", message)
    parts = [f"it ended with {ended_words(last)}, {_times(item)}"] if last else []
    if waits:
        finished = parse_s(last.get("finishedAt"))
        after = _seconds(waits[1])
        when = (
            "" if finished is None else datetime.fromtimestamp(finished + after, UTC).strftime("%H:%M:%S UTC")
        )
        parts.append(f"back-off {waits[1]}" + (f", next try from {when} on" if when else ""))
    elif message:
        parts.append(message)
    return short("; ".join(parts))


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


def ended_words(ended: Mapping[str, Any]) -> str:
    """How a run ended, in words; common codes are explained."""
    code = ended.get("exitCode")
    meaning = {137: " (SIGKILL)", 143: " (SIGTERM)", 127: " (command not found)", 126: " (not executable)"}
    return f"exit code {code}{meaning.get(int(code or 0), '')}, {ended.get('reason') or 'no reason'}"


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
    return " ".join(str((event or {}).get("message") or (event or {}).get("note") or "").split())


def short(text: object, limit: int = 300) -> str:
    """One line of bounded length."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
