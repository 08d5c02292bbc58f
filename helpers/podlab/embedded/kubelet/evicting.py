"""
Which Pod takes more of the node's disk than it may: emptyDirs with a sizeLimit, limits of ephemeral storage.

Source: localStorageEviction in pkg/kubelet/eviction/eviction_manager.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from podlab.embedded.kubelet.podvolumes import PodVolumes
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import Runtime
from podlab.pods import quantity, roles
from podlab.pods.raw import RawObject

STORAGE = "ephemeral-storage"


async def reason(
    pod: RawObject,
    view: PodView,
    runtime: Runtime,
    volumes: PodVolumes,
    on_disk: Callable[..., Awaitable[Any]],
) -> str | None:
    """
    The text of the eviction of a Pod; None if it may stay.

    Args:
        on_disk: Calls what counts files, beside the loop where that takes long.
    """
    text: str | None = await on_disk(volumes.over_limit, pod)
    limits = _limits(pod)
    if text or not limits:
        return text
    written = {r.name: await runtime.written_bytes(r.id) for r in view.running()}
    return over(limits, written, await on_disk(volumes.disk_bytes, pod))


def _limits(pod: RawObject) -> dict[str, str]:
    """Container -> its limit of ephemeral storage, of those that have one."""
    listed = {c["name"]: (c.get("resources") or {}).get("limits") or {} for c in roles.group(pod, roles.APP)}
    return {name: str(limits[STORAGE]) for name, limits in listed.items() if STORAGE in limits}


def over(limits: Mapping[str, str], written: Mapping[str, int], in_volumes: int) -> str | None:
    """
    Return what of a Pod is over its limits: all together, with emptyDirs, first; then a single container.

    Args:
        limits: Of the containers that have one; together they bind the whole Pod.
        written: Bytes that each container wrote into its root and its logs.
    """
    total = sum(quantity.value(limit) for limit in limits.values())
    if sum(written.values()) + in_volumes > total:
        text = quantity.together(list(limits.values()))
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {text}. "
    for name, limit in limits.items():
        if written.get(name, 0) > quantity.value(limit):
            return (
                f'Container {name} exceeded its local ephemeral storage limit "{quantity.canonical(limit)}". '
            )
    return None
