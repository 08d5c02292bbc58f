"""
The arithmetic of a rolling update: pure functions over replica counts.

Source: the deployment controller's ``rolling.go``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a rollout may deviate from ``spec.replicas``, in Pods."""

    surge: int
    unavailable: int


def bounds(replicas: int, max_surge: int | str, max_unavailable: int | str) -> Bounds:
    """Percentages as Pods: surge rounded up, unavailable rounded down; never both 0."""
    surge = _share(max_surge, replicas, up=True)
    unavailable = min(_share(max_unavailable, replicas, up=False), replicas)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, unavailable)


def _share(value: int | str, whole: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    parts = int(value.rstrip("%")[:18]) * whole  # more digits than that only say "all"
    return -(-parts // 100) if up else parts // 100


def grown(replicas: int, new: int, total: int, limit: Bounds) -> int:
    """The next size of the new ReplicaSet, given its size and that of all together."""
    room = replicas + limit.surge - total
    return new + max(0, min(room, replicas - new))


def shrunk(
    replicas: int, new: int, new_available: int, old: list[tuple[int, int]], limit: Bounds
) -> list[int]:
    """
    The next sizes of the old ReplicaSets.

    Args:
        old: (size, available) of each, oldest first.
    """
    floor = replicas - limit.unavailable
    total = new + sum(size for size, _ in old)
    spare = total - floor - (new - new_available)
    sizes = []
    for size, available in old:  # those that serve nobody go first
        taken = max(0, min(spare, size - available))
        spare -= taken
        sizes.append(size - taken)
    serving = new_available + sum(available for _, available in old)
    spare = min(spare, serving - floor)
    for index, (_, available) in enumerate(old):
        taken = max(0, min(spare, sizes[index], available))
        spare -= taken
        sizes[index] -= taken
    return sizes
