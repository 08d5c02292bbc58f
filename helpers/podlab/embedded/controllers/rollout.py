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
    surge = share(max_surge, replicas, up=True)
    unavailable = min(share(max_unavailable, replicas, up=False), replicas)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, unavailable)


def share(value: int | str, whole: int, *, up: bool) -> int:
    """Return a number as it is, and a percentage as its part of *whole*, rounded."""
    if isinstance(value, int):
        return value
    parts = int(value.rstrip("%")[:18]) * whole  # more digits than that only say "all"
    return -(-parts // 100) if up else parts // 100


def grown(replicas: int, new: int, total: int, limit: Bounds) -> int:
    """Return the next size of the new ReplicaSet, given its size and that of all together."""
    room = replicas + limit.surge - total
    return new + max(0, min(room, replicas - new))


def shrunk(
    replicas: int, new: int, new_available: int, old: list[tuple[int, int]], limit: Bounds
) -> list[int]:
    """
    Return the next sizes of the old ReplicaSets.

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


def in_proportion(replicas: int, sizes: list[tuple[int, int]], limit: Bounds) -> list[int]:
    """
    Return the next sizes of several active ReplicaSets when their Deployment was scaled in the middle of a rollout.

    Args:
        sizes: (size, most Pods that the Deployment could have before) of each, the largest share first. The second is
            0 where nobody has written it down; such a ReplicaSet gets no share.

    Returns:
        Sizes in the same order; together they use what ``replicas`` and the surge allow.

    Source: ``scale`` in pkg/controller/deployment/sync.go, ``GetReplicaSetProportion`` in its util, at v1.36.3.
    """
    allowed = replicas + limit.surge if replicas else 0
    to_add = allowed - sum(size for size, _ in sizes)
    added, scaled = 0, []
    for size, before in sizes:
        share = _proportion(replicas, size, before, limit)
        left = to_add - added
        share = min(share, left) if to_add > 0 else max(share, left)
        share = share if to_add and size else 0
        added += share
        scaled.append(size + share)
    if scaled and to_add:
        scaled[0] = max(0, scaled[0] + to_add - added)
    return scaled


def _proportion(replicas: int, size: int, before: int, limit: Bounds) -> int:
    """Return the Pods that a ReplicaSet gains (or loses, negative) so that its share of all stays the same."""
    if replicas == 0:
        return -size
    if before <= 0:
        return 0
    wanted = size * (replicas + limit.surge) / before
    return int(wanted + 0.5) - size
