"""
What of a Pod a node must fit, apart from resources: taints, affinity and selector, ports of the host; pure functions.

The scheduler asks them before it binds a Pod, the kubelet again for a Pod that somebody else has bound.
"""

from __future__ import annotations

from podlab.pods.raw import RawObject


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


def tolerated(taint: RawObject, pod: RawObject) -> bool:
    """True if the Pod may run in spite of a taint."""
    if taint.get("effect") == "PreferNoSchedule":
        return True
    return any(_tolerates(rule, taint) for rule in pod["spec"].get("tolerations", ()))


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


def host_ports(pod: RawObject) -> set[tuple[str, int]]:
    """(protocol, port) of the node that the Pod takes."""
    containers = [*pod["spec"].get("containers", ()), *pod["spec"].get("initContainers", ())]
    ports = [port for container in containers for port in container.get("ports", ())]
    return {(port.get("protocol", "TCP"), port["hostPort"]) for port in ports if port.get("hostPort")}
