"""Small questions to raw objects; what kubectl prints of them is read from the server (``Lab.row``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

RawObject = dict[str, Any]
_MILLI = {"": 1000.0, "m": 1.0, "k": 1e6, "u": 1e-3, "n": 1e-6}


def _containers(pod: RawObject) -> Iterator[tuple[str, RawObject]]:
    for each in pod["spec"].get("initContainers") or []:
        yield ("sidecar" if each.get("restartPolicy") == "Always" else "init"), each
    for each in pod["spec"]["containers"]:
        yield "app", each


def _statuses(pod: RawObject) -> dict[str, RawObject]:
    status = pod.get("status") or {}
    both = (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or [])
    return {each["name"]: each for each in both}


def owned_by(objects: Iterable[RawObject], owners: Collection[str]) -> list[RawObject]:
    """Return those objects that one of *owners* made, by its name."""
    return [
        each
        for each in objects
        if any(owner["name"] in owners for owner in each["metadata"].get("ownerReferences") or [])
    ]


def restarts(pod: RawObject) -> dict[str, int]:
    """Return the restart count of every container, by name."""
    return {name: int(each.get("restartCount") or 0) for name, each in _statuses(pod).items()}


def exit_code(pod: RawObject, container: str) -> int | None:
    """Return the exit code of a container that has ended; None while it runs or waits."""
    ended = _statuses(pod).get(container, {}).get("state", {}).get("terminated") or {}
    code = ended.get("exitCode")
    return None if code is None else int(code)


def reserved_cpu(pod: RawObject) -> str:
    """
    Return the CPU that the scheduler counts for this Pod, such as ``700m``; ``kubectl describe node``
    prints it.

    The largest need of any moment: apps and sidecars together, or one regular init container and the sidecars
    listed before it. A limit without a request is a request.
    """
    apps = sidecars = peak = 0.0
    for role, each in _containers(pod):
        need = _cpu(each)
        if role == "app":
            apps += need
        elif role == "sidecar":
            sidecars += need
            peak = max(peak, sidecars)
        else:
            peak = max(peak, sidecars + need)
    return f"{max(peak, apps + sidecars):.0f}m"


def _cpu(container: RawObject) -> float:
    resources = container.get("resources") or {}
    text = (resources.get("requests") or {}).get("cpu") or (resources.get("limits") or {}).get("cpu") or "0"
    number = str(text).rstrip("mkun")
    return float(number) * _MILLI[str(text)[len(number) :]]
