"""How a Pod ends: how long each container has, and who waits for whom before SIGTERM."""

from __future__ import annotations

from collections.abc import Iterable

from podlab.pods import roles
from podlab.pods.raw import RawObject

MINIMUM_S = 2
"""Between SIGTERM and SIGKILL there are always at least two seconds."""


def pod_grace_s(pod: RawObject) -> int:
    """Return the grace of a Pod that is being stopped: what the deletion says, else its spec; at least 1."""
    given = pod["metadata"].get("deletionGracePeriodSeconds")
    if given is None:
        given = pod["spec"].get("terminationGracePeriodSeconds")
    return max(1, MINIMUM_S if given is None else int(given))


def container_grace_s(pod: RawObject, container: RawObject, cause: str = "") -> int:
    """
    Return the grace of one container.

    Args:
        cause: ``liveness`` or ``startup`` when that probe's failure is the reason; the probe may have its own.
    """
    deletion = pod["metadata"].get("deletionGracePeriodSeconds")
    if deletion is not None:
        return int(deletion)
    own = (container.get(f"{cause}Probe") or {}).get("terminationGracePeriodSeconds") if cause else None
    if own is not None:
        return int(own)
    given = pod["spec"].get("terminationGracePeriodSeconds")
    return MINIMUM_S if given is None else int(given)


def waits_for(pod: RawObject, name: str, running: Iterable[str]) -> list[str]:
    """
    Return the running containers that must end before *name* gets SIGTERM.

    A sidecar waits for all regular containers and for the sidecars after it; nothing else waits for anything.
    """
    sidecars = [c["name"] for c in roles.group(pod, roles.INIT) if roles.is_sidecar(c)]
    if name not in sidecars:
        return []
    before = [c["name"] for c in roles.group(pod, roles.APP)] + sidecars[sidecars.index(name) + 1 :]
    alive = set(running)
    return [other for other in before if other in alive]


def stop_order(pod: RawObject, running: Iterable[str]) -> list[list[str]]:
    """Return the running containers in the order of their SIGTERM, those stopped together in one list."""
    alive = list(running)
    depth = {name: len(waits_for(pod, name, alive)) for name in alive}
    return [[n for n in alive if depth[n] == d] for d in sorted(set(depth.values()))]
