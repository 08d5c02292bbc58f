"""The requests or limits of a whole Pod, as quantities in the form in which its containers state them."""

from __future__ import annotations

from podlab.pods import quantity, requests, roles
from podlab.pods.raw import RawObject


def of_pod(pod: RawObject, key: str) -> dict[str, str]:
    """Return the sum over the Pod; *key* is ``requests`` or ``limits``."""
    totals = requests.pod_amounts(pod, key)
    unit = {"cpu": quantity.NANO // 1000}
    return {
        name: quantity.written(amount * unit.get(name, quantity.NANO), _example(pod, key, name))
        for name, amount in totals.items()
    }


def _example(pod: RawObject, key: str, name: str) -> str:
    """Return how the first container that states an amount writes it."""
    spec = pod["spec"]
    for owner in [*roles.containers(pod, roles.APP, roles.INIT), spec]:
        stated = ((owner.get("resources") or {}).get(key) or {}).get(name)
        if stated and quantity.nanos(stated):
            return str(stated)
    return "1"


def added(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Return the sum, name by name."""
    return {
        name: _sum(one[name], other[name]) if name in one and name in other else (one | other)[name]
        for name in {**one, **other}
    }


def _sum(one: str, other: str) -> str:
    return quantity.together([one, other] if quantity.nanos(one) else [other])
