"""
Whether a Pod fits a node, apart from resources: taints, affinity and selector, ports of the host; pure functions.

The scheduler asks them before it binds a Pod, the kubelet again for a Pod that somebody else has bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from podlab.pods.raw import RawObject

EVERY_ADDRESS = "0.0.0.0"


class HostPort(NamedTuple):
    """A port of the node that a Pod takes for itself."""

    address: str  # EVERY_ADDRESS where the container names none
    protocol: str
    number: int


def matches(rule: RawObject, labels: RawObject) -> bool:
    """One requirement of a selector: In, NotIn, Exists, DoesNotExist, Gt, Lt."""
    key, operator, values = rule["key"], rule["operator"], rule.get("values") or []
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    try:
        have, limit = int(labels[key]), int(values[0])
    except (KeyError, ValueError, IndexError):
        return False
    return have > limit if operator == "Gt" else have < limit


def selects(selector: RawObject | None, labels: RawObject) -> bool:
    """Return whether a LabelSelector matches; an empty selector matches everything, None nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(matches(rule, labels) for rule in selector.get("matchExpressions") or ())


def tolerated(taint: RawObject, pod: RawObject) -> bool:
    """True if the Pod may run in spite of a taint."""
    if taint.get("effect") == "PreferNoSchedule":
        return True
    return any(_tolerates(rule, taint) for rule in pod["spec"].get("tolerations", ()))


def tolerated_s(taints: Sequence[RawObject], pod: RawObject) -> float | None:
    """
    For how many seconds a Pod may stay on a node with these ``NoExecute`` taints: None is for ever, 0 not at all.

    Source: ``GetMatchingTolerations`` and ``getMinTolerationTime`` of the taint eviction controller at v1.36.3.
    """
    if not taints:
        return None
    if any(not tolerated(taint, pod) for taint in taints):
        return 0.0
    rules = pod["spec"].get("tolerations", ())
    used = [next(rule for rule in rules if _tolerates(rule, taint)) for taint in taints]
    limits = [float(rule["tolerationSeconds"]) for rule in used if rule.get("tolerationSeconds") is not None]
    return max(0.0, min(limits)) if limits else None


def _tolerates(rule: RawObject, taint: RawObject) -> bool:
    if rule.get("effect") and rule["effect"] != taint.get("effect"):
        return False
    if rule.get("key") and rule["key"] != taint["key"]:
        return False
    return rule.get("operator") == "Exists" or rule.get("value", "") == taint.get("value", "")


def affine(pod: RawObject, node: RawObject) -> bool:
    """True if the node is one that the Pod's nodeSelector and required node affinity ask for."""
    labels = node["metadata"].get("labels", {})
    if any(labels.get(key) != value for key, value in (pod["spec"].get("nodeSelector") or {}).items()):
        return False
    wanted = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    terms = (wanted.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
    return terms is None or any(_term(term, labels, node["metadata"]["name"]) for term in terms)


def _term(term: RawObject, labels: RawObject, name: str) -> bool:
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    return all(matches(e, labels) for e in expressions) and all(
        matches(f, {"metadata.name": name}) for f in fields
    )


def container_ports(pod: RawObject) -> list[RawObject]:
    """Return the ports of all its containers as the Pod lists them."""
    containers = [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]
    return [port for container in containers for port in container.get("ports") or ()]


def host_ports(pod: RawObject) -> set[HostPort]:
    """Return what the Pod takes of the node's ports."""
    return {
        HostPort(port.get("hostIP") or EVERY_ADDRESS, port.get("protocol", "TCP"), port["hostPort"])
        for port in container_ports(pod)
        if port.get("hostPort")
    }


def ports_clash(wanted: Iterable[HostPort], taken: Iterable[set[HostPort]]) -> bool:
    """
    True if one of *wanted* is taken: the same protocol and number, on the same address or on every one.

    Source: ``HostPortInfo.CheckConflict`` of kube-scheduler at v1.36.3.
    """
    others = [port for ports in taken for port in ports]
    return any(_same_port(one, other) for one in wanted for other in others)


def _same_port(one: HostPort, other: HostPort) -> bool:
    if (one.protocol, one.number) != (other.protocol, other.number):
        return False
    return one.address == other.address or EVERY_ADDRESS in (one.address, other.address)
