"""
Which Pod takes more of the node's disk than it may: emptyDirs with a sizeLimit, limits of ephemeral storage.

Source: localStorageEviction in pkg/kubelet/eviction/eviction_manager.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from podlab.embedded.kubelet.podvolumes import PodVolumes
from podlab.embedded.lifecycle.view import PodView
from podlab.embedded.runtime import Runtime
from podlab.pods import quantity, roles
from podlab.pods.raw import RawObject

STORAGE = "ephemeral-storage"
CRITICAL = 2_000_000_000  # the priority from which a Pod is critical


async def reason(
    pod: RawObject,
    view: PodView,
    runtime: Runtime,
    volumes: PodVolumes,
    on_disk: Callable[..., Awaitable[Any]],
) -> str | None:
    """
    Return the text of the eviction of a Pod; None if it may stay.

    Args:
        on_disk: Calls what counts files, beside the loop where that takes long.
    """
    text: str | None = await on_disk(volumes.over_limit, pod)
    limits = _limits(pod)
    if text or not limits:
        return text
    written = {r.name: await runtime.written_bytes(r.id) for r in view.running()}
    return over(limits, written, await on_disk(volumes.disk_bytes, pod))


class Usage(NamedTuple):
    """The disk that one Pod takes: bytes that each container wrote, and bytes in emptyDirs."""

    pod: RawObject
    written: Mapping[str, int]
    in_volumes: int

    def total(self) -> int:
        """Return all of it, in bytes."""
        return sum(self.written.values()) + self.in_volumes

    def beyond_requests(self) -> int:
        """Return bytes beyond what the Pod's containers request; negative below that."""
        containers = roles.group(self.pod, roles.APP)
        asked = [((c.get("resources") or {}).get("requests") or {}).get(STORAGE, 0) for c in containers]
        return self.total() - sum(quantity.value(amount) for amount in asked)


async def usage(
    pod: RawObject,
    view: PodView,
    runtime: Runtime,
    volumes: PodVolumes,
    on_disk: Callable[..., Awaitable[Any]],
) -> Usage:
    """Return the disk that a Pod takes now."""
    written = {r.name: await runtime.written_bytes(r.id) for r in view.running()}
    return Usage(pod, written, await on_disk(volumes.disk_bytes, pod))


def first_to_go(usages: Sequence[Usage], least: int) -> Usage | None:
    """
    Return what is to be evicted from a full disk: a Pod beyond its requests, of the lowest priority, the largest.

    A Pod that takes less than *least* bytes makes no room, and a critical one stays.

    Source: rankDiskPressureFunc in pkg/kubelet/eviction/helpers.go, IsCriticalPod in pkg/kubelet/types/pod_update.go.
    """

    def rank(one: Usage) -> tuple[bool, int, int]:
        beyond = one.beyond_requests()
        return (beyond <= 0, one.pod["spec"].get("priority") or 0, -beyond)

    may_go = [u for u in usages if u.total() >= least and (u.pod["spec"].get("priority") or 0) < CRITICAL]
    return min(may_go, key=rank, default=None)


def low_message(used: Usage) -> str:
    """Return the text of an eviction from a full disk (evictionMessage)."""
    text = f"The node was low on resource: {STORAGE}. "
    for container in roles.in_spec(used.pod["spec"], roles.APP, roles.INIT):
        asked = ((container.get("resources") or {}).get("requests") or {}).get(STORAGE, 0)
        taken = used.written.get(container["name"], 0)
        if taken > quantity.value(asked):
            shown = quantity.canonical(f"{-(-taken // 1024)}Ki"), quantity.canonical(str(asked))
            text += f"Container {container['name']} was using {shown[0]}, request is {shown[1]}, "
            text += f"has larger consumption of {STORAGE}. "
    return text


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
