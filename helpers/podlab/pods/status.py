"""
The row of a Pod in ``kubectl get pods``: READY, STATUS and RESTARTS, as servers from v1.29 on make it.

kubectl prints these cells as the server sends them. A recording holds Pod objects instead of rows, and the
embedded cluster is a server itself: both ask here, so that there is one implementation of the rule. Where a
server can be asked, ask it (``Lab.row``).

Source: printPod in pkg/printers/internalversion/printers.go, compared at v1.29.15, 1.30.0, 1.31.0, 1.32.0, 1.33.0,
1.34.4, 1.35.0, 1.35.4, 1.36.3 and 1.37.2; rules 1.19.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from podlab.pods.raw import RawView
from podlab.pods.roles import is_sidecar

NEWEST_MINOR = 36
FINISHED_PODS_KEEP_THEIR_WORD = 31  # before, a deleted Pod was Terminating in any phase
A_FAILURE_WINS_OVER_COMPLETED = 35  # `errorReason` in printPod


class StatusRow(NamedTuple):
    """
    The cells of one row.

    Attributes:
        ready, total: Ready sidecars and app containers, of all of them: ``1/2``.
        status: The word under STATUS.
        restarts: The number under RESTARTS: of sidecars and app containers once the Pod is initialized, of the
            init containers before.
        last_restart: When the run before the latest restart ended, RFC 3339; "" for none.
    """

    ready: int
    total: int
    status: str
    restarts: int
    last_restart: str


def minor_of(server: str | None) -> int:
    """Return the minor version of a server such as ``v1.36.3``; the newest known one where none is given."""
    found = re.match(r"v?1\.(\d+)", server or "")
    return int(found[1]) if found else NEWEST_MINOR


def status_word(pod: RawView, server: str | None = None) -> str:
    """Return what a server of version *server* puts under STATUS for this Pod object."""
    return row(pod, server).status


def row(pod: RawView, server: str | None = None) -> StatusRow:
    """Return the row that a server of version *server* (such as ``v1.36.3``; None: the newest) makes."""
    spec, status, minor = pod.get("spec") or {}, pod.get("status") or {}, minor_of(server)
    inits = {each["name"]: each for each in spec.get("initContainers") or []}
    held, ready, read = _init_word(inits, status)
    word, counted = held or _before_start(status), read
    if not held or _is_true(status, "Initialized"):
        word, running = _app_word(word, status, minor)
        ready += running
        kept = [each for each in read if is_sidecar(inits.get(each["name"]))]
        counted = [*kept, *(status.get("containerStatuses") or [])]
    total = len(spec.get("containers") or []) + sum(map(is_sidecar, inits.values()))
    return StatusRow(ready, total, _deleted_word(pod, minor) or word, *_restarts(counted))


def _before_start(status: RawView) -> str:
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            return "SchedulingGated"
    return str(status.get("reason") or status.get("phase") or "")


def _deleted_word(pod: RawView, minor: int) -> str:
    status = pod.get("status") or {}
    if not (pod.get("metadata") or {}).get("deletionTimestamp"):
        return ""
    if status.get("reason") == "NodeLost":
        return "Unknown"
    over = status.get("phase") in ("Succeeded", "Failed")
    return "" if over and minor >= FINISHED_PODS_KEEP_THEIR_WORD else "Terminating"


def _init_word(inits: Mapping[str, RawView], status: RawView) -> tuple[str, int, list[Any]]:
    """
    Read the init containers up to the one that holds the Pod: its word ("" for none), how many sidecars before
    it are ready, and the statuses that were read. The restarts of those after it are not counted.
    """
    ready, listed = 0, status.get("initContainerStatuses") or []
    for index, container in enumerate(listed):
        word = _holding_word(container, is_sidecar(inits.get(container["name"])))
        if word is not None:
            return word or f"Init:{index}/{len(inits)}", ready, listed[: index + 1]
        ready += bool(container.get("ready") and not _succeeded(container))
    return "", ready, listed


def _holding_word(container: RawView, sidecar: bool) -> str | None:
    """Return what an init container says while it holds the Pod: "" for no reason of its own, None if it does not."""
    state = container.get("state") or {}
    ended, waiting = state.get("terminated"), state.get("waiting") or {}
    if _succeeded(container) or (sidecar and container.get("started")):
        return None
    if ended:
        return f"Init:{_ended_word(ended)}"
    reason = waiting.get("reason")
    return f"Init:{reason}" if reason and reason != "PodInitializing" else ""


def _succeeded(container: RawView) -> bool:
    ended: RawView | None = (container.get("state") or {}).get("terminated")
    return ended is not None and not ended.get("exitCode")


def _app_word(word: str, status: RawView, minor: int) -> tuple[str, int]:
    """Return the word of the app containers, the first of them having the last say; and how many of them are ready."""
    running, failed = 0, ""
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            word = str(waiting["reason"])
        elif ended:
            word = _ended_word(ended)
            failed = word if ended.get("exitCode") else failed
        elif container.get("ready") and "running" in state:
            running += 1
    if word != "Completed":
        return word, running
    if running and _is_true(status, "Ready"):
        return "Running", running
    if failed and minor >= A_FAILURE_WINS_OVER_COMPLETED:
        return failed, running
    return ("NotReady" if running else word), running


def _ended_word(ended: RawView) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _restarts(statuses: list[Any]) -> tuple[int, str]:
    """Return how often these containers were restarted, and when the latest of their former runs ended."""
    return sum(int(each.get("restartCount") or 0) for each in statuses), max(_ends(statuses), default="")


def _ends(statuses: list[Any]) -> Iterator[str]:
    for each in statuses:
        ended = (each.get("lastState") or {}).get("terminated") or {}
        yield str(ended.get("finishedAt") or "")


def _is_true(status: RawView, kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in status.get("conditions") or [])
