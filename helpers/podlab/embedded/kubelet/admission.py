"""Whether a Pod fits on the node, when somebody put it there without asking the scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podlab.embedded import requests
from podlab.embedded.lifecycle.phase import TERMINAL

Json = dict[str, Any]


def refusal(pod: Json, others: Iterable[Json], allocatable: Mapping[str, str]) -> tuple[str, str] | None:
    """
    Why the node cannot take a Pod: reason (``OutOfcpu``) and message; None if it can.

    Args:
        others: The Pods that are on the node already; finished ones do not count.
    """
    active = [p for p in others if (p.get("status") or {}).get("phase") not in TERMINAL]
    capacity = requests.amounts(dict(allocatable))
    wanted = requests.pod_requests(pod) | {"pods": 1}
    used = requests.total(active) | {"pods": len(active)}
    for what, amount in wanted.items():
        if amount and what in capacity and used.get(what, 0) + amount > capacity[what]:
            numbers = f"requested: {amount}, used: {used.get(what, 0)}, capacity: {capacity[what]}"
            return f"OutOf{what}", f"Node didn't have enough resource: {what}, {numbers}"
    return None
