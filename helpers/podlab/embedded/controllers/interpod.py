"""
Rules of a Pod about other Pods: required affinity and anti-affinity to other Pods, spread over domains.

Source: pkg/scheduler/framework/plugins/{interpodaffinity,podtopologyspread} at v1.36.3, for clusters of one node.
"""

from __future__ import annotations

from collections.abc import Iterable

from podlab.embedded.nodefit import selects
from podlab.pods.raw import RawObject

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
SPREAD = "1 node(s) didn't match pod topology spread constraints (missing required label)"
AFFINITY = "1 node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "1 node(s) didn't match pod anti-affinity rules"
EXISTING = "1 node(s) didn't satisfy existing pods anti-affinity rules"


def refusal(pod: RawObject, node: RawObject, others: list[RawObject]) -> tuple[str, bool]:
    """(why the node refuses the Pod, whether preemption could help); ("", False) when it does not."""
    labels = node["metadata"].get("labels", {})
    for rule in pod["spec"].get("topologySpreadConstraints") or ():
        if rule.get("whenUnsatisfiable") == "DoNotSchedule" and rule["topologyKey"] not in labels:
            return SPREAD, False
    wanted = _terms(pod, "podAffinity")
    if any(term["topologyKey"] not in labels for term in wanted):
        return AFFINITY, False
    # The first of Pods that want to be together may come, if it is one of them itself.
    begins = all(_meant(term, pod, pod) for term in wanted)
    begins = begins and not any(_meant(term, pod, other) for term in wanted for other in others)
    if not begins and not all(_any_meant(term, pod, others) for term in wanted):
        return AFFINITY, False
    if any(t["topologyKey"] in labels and _any_meant(t, pod, others) for t in _terms(pod, "podAntiAffinity")):
        return ANTI_AFFINITY, True
    for other in others:
        terms = _terms(other, "podAntiAffinity")
        if any(term["topologyKey"] in labels and _meant(term, other, pod) for term in terms):
            return EXISTING, True
    return "", False


def _terms(pod: RawObject, kind: str) -> list[RawObject]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(REQUIRED) or []


def _any_meant(term: RawObject, pod: RawObject, others: Iterable[RawObject]) -> bool:
    return any(_meant(term, pod, other) for other in others)


def _meant(term: RawObject, pod: RawObject, other: RawObject) -> bool:
    """True if a term of *pod* is about *other*: by its labels, in its own namespace where the term names none."""
    namespace = other["metadata"]["namespace"]
    named = term.get("namespaces") or []
    anywhere = term.get("namespaceSelector") == {}
    if not anywhere and namespace not in (named or [pod["metadata"]["namespace"]]):
        return False
    chosen = term.get("labelSelector")
    return chosen is not None and selects(chosen, other["metadata"].get("labels") or {})
