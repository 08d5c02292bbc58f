"""
The requests of a whole Pod: the scheduler's sum, in which an init container counts although it has ended.

Source: component-helpers ``resource/helpers.go``; kubelet-rules 1.18. Regular init containers run one at a time, so
the largest counts, together with the sidecars that were started before it; sidecars and app containers add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podlab.pods import quantity
from podlab.pods.roles import is_sidecar

Amounts = dict[str, int]  # resource -> millicores for "cpu", units (bytes, counts) for everything else


def amounts(quantities: dict[str, Any] | None) -> Amounts:
    """Return a ``requests`` or ``limits`` map as integers."""
    return {
        name: quantity.milli(text) if name == "cpu" else quantity.value(text)
        for name, text in (quantities or {}).items()
    }


def plus(one: Amounts, other: Amounts) -> Amounts:
    """Return the sum, resource by resource."""
    return one | {name: one.get(name, 0) + amount for name, amount in other.items()}


def larger(one: Amounts, other: Amounts) -> Amounts:
    """Return the larger of two, resource by resource."""
    return one | {name: max(one.get(name, 0), amount) for name, amount in other.items()}


def pod_amounts(pod: dict[str, Any], key: str) -> Amounts:
    """
    Return what the whole Pod needs.

    Args:
        key: ``requests`` or ``limits`` of the containers' resources.
    """
    spec = pod["spec"]
    together: Amounts = {}
    for container in spec.get("containers", ()):
        together = plus(together, _of(container, key))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers", ()):
        if is_sidecar(container):
            sidecars = plus(sidecars, _of(container, key))
            peak = larger(peak, sidecars)
        else:
            peak = larger(peak, plus(_of(container, key), sidecars))
    whole = larger(plus(together, sidecars), peak)
    whole |= amounts((spec.get("resources") or {}).get(key))  # pod-level resources override
    return plus(whole, amounts(spec.get("overhead")))


def pod_requests(pod: dict[str, Any]) -> Amounts:
    """Return what the scheduler sets aside for the Pod, for as long as it lives."""
    return pod_amounts(pod, "requests")


def total(pods: Iterable[dict[str, Any]]) -> Amounts:
    """Return what several Pods reserve together."""
    whole: Amounts = {}
    for pod in pods:
        for name, amount in pod_requests(pod).items():
            whole[name] = whole.get(name, 0) + amount
    return whole


def _of(container: dict[str, Any], key: str) -> Amounts:
    return amounts((container.get("resources") or {}).get(key))
