"""
The words of the strips: phase, the STATUS column of ``kubectl get pods``, and why a container waits or has
ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podlab.timeline.model import RawObject

Status = Mapping[str, Any]


def phase_of(pod: RawObject) -> str:
    """``status.phase``; ``Pending`` for an object that has none yet."""
    return str(pod.get("status", {}).get("phase") or "Pending")


def status_word(pod: RawObject) -> str:
    """
    What ``kubectl get pods`` prints under STATUS for this object.

    It mixes the phase with reasons: an init container that is not done gives ``Init:…``, then the app
    container whose name sorts first among those that wait or have ended gives its reason, and a deletion
    hides the rest.

    Source: printPod in pkg/printers/internalversion/printers.go, v1.36; rules 1.19.
    """
    status = pod.get("status", {})
    word = _before_start(status)
    held = _init_word(pod.get("spec", {}), status)
    if held:
        word = held
    if not held or _is_true(status, "Initialized"):
        word = _app_word(word, status)
    if pod.get("metadata", {}).get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if status.get("phase") not in ("Succeeded", "Failed"):
            return "Terminating"
    return word


def _before_start(status: Status) -> str:
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            return "SchedulingGated"
    return str(status.get("reason") or status.get("phase") or "")


def _init_word(spec: Mapping[str, Any], status: Status) -> str | None:
    listed = spec.get("initContainers") or []
    sidecars = {c["name"] for c in listed if c.get("restartPolicy") == "Always"}
    for index, container in enumerate(status.get("initContainerStatuses") or []):
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended and ended.get("exitCode") == 0:
            continue
        if container.get("name") in sidecars and container.get("started"):
            continue
        if ended:
            return f"Init:{_ended_word(ended)}"
        if waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len(listed)}"
    return None


def _ended_word(ended: Status) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode')}"


def _app_word(word: str, status: Status) -> str:
    running = False
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            word = str(waiting["reason"])
        elif ended:
            word = _ended_word(ended)
        elif container.get("ready") and "running" in state:
            running = True
    if word == "Completed" and running:
        return "Running" if _is_true(status, "Ready") else "NotReady"
    return word


def _is_true(status: Status, kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in status.get("conditions") or [])


def unrepeated(words: Iterable[str]) -> list[str]:
    """The words without immediate repetitions."""
    found: list[str] = []
    for word in words:
        if not found or found[-1] != word:
            found.append(word)
    return found
