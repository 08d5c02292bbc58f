"""
LimitRange: the requests and limits that a container gets when it states none, and the least and most it may state.

Pure. Source: plugin/pkg/admission/limitranger/admission.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podlab.embedded.api.verbs.admission import amounts
from podlab.embedded.fault import forbidden
from podlab.pods import quantity
from podlab.pods.raw import RawObject

Amounts = dict[str, str]
ANNOTATION = "kubernetes.io/limit-ranger"


def default(ranges: Sequence[RawObject], pod: RawObject) -> None:
    """Give the containers of a new Pod what they do not state themselves; in place."""
    for one in ranges:
        requests, limits = _defaults(one)
        changes: list[str] = []
        for key, word in (("containers", "container"), ("initContainers", "init container")):
            for container in pod["spec"].get(key) or ():
                changes += _fill(container, requests, limits, word)
        if changes:
            meta = pod["metadata"]
            text = "LimitRanger plugin set: " + "; ".join(changes)
            meta["annotations"] = {**(meta.get("annotations") or {}), ANNOTATION: text}


def _defaults(limit_range: RawObject) -> tuple[Amounts, Amounts]:
    requests: Amounts = {}
    limits: Amounts = {}
    for limit in limit_range["spec"].get("limits") or ():
        if limit["type"] == "Container":
            requests |= limit.get("defaultRequest") or {}
            limits |= limit.get("default") or {}
    return requests, limits


def _fill(container: RawObject, requests: Amounts, limits: Amounts, word: str) -> list[str]:
    resources, changes = container.setdefault("resources", {}), []
    for field, given, name in (("requests", requests, "request"), ("limits", limits, "limit")):
        stated = resources.get(field) or {}
        added = {key: value for key, value in given.items() if key not in stated}
        if added:
            resources[field] = dict(sorted({**stated, **added}.items()))
            changes.append(f"{', '.join(sorted(added))} {name} for {word} {container['name']}")
    return changes


def check(ranges: Sequence[RawObject], pod: RawObject) -> None:
    """
    Hold a Pod against every LimitRange of its namespace.

    Raises:
        StatusError: 403, with all that the first of them finds.
    """
    for one in ranges:
        faults = list(
            dict.fromkeys(fault for limit in one["spec"].get("limits") or () for fault in _of(limit, pod))
        )
        if faults:
            text = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
            raise forbidden("pods", "", pod["metadata"].get("name", ""), text)


def _of(limit: RawObject, pod: RawObject) -> Iterator[str]:
    if limit["type"] == "Pod":
        yield from _faults(limit, amounts.of_pod(pod, "requests"), amounts.of_pod(pod, "limits"))
    elif limit["type"] == "Container":
        for container in [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]:
            stated = container.get("resources") or {}
            yield from _faults(limit, stated.get("requests") or {}, stated.get("limits") or {})


def _faults(limit: RawObject, requests: Amounts, limits: Amounts) -> Iterator[str]:
    per = limit["type"]
    for name, least in (limit.get("min") or {}).items():
        yield from _too_little(name, f"minimum {name} usage per {per} is {least}", least, requests, limits)
    for name, most in (limit.get("max") or {}).items():
        yield from _too_much(name, f"maximum {name} usage per {per} is {most}", most, requests, limits)
    for name, ratio in (limit.get("maxLimitRequestRatio") or {}).items():
        text = f"{name} max limit to request ratio per {per} is {ratio}"
        yield from _too_far_apart(name, text, ratio, requests, limits)


def _too_little(name: str, text: str, least: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    if name not in requests:
        yield f"{text}.  No request is specified"
    elif quantity.nanos(requests[name]) < quantity.nanos(least):
        yield f"{text}, but request is {requests[name]}"
    elif name in limits and quantity.nanos(limits[name]) < quantity.nanos(least):
        yield f"{text}, but limit is {limits[name]}"


def _too_much(name: str, text: str, most: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    if name not in limits:
        yield f"{text}.  No limit is specified"
    elif quantity.nanos(limits[name]) > quantity.nanos(most):
        yield f"{text}, but limit is {limits[name]}"
    elif name in requests and quantity.nanos(requests[name]) > quantity.nanos(most):
        yield f"{text}, but request is {requests[name]}"


def _too_far_apart(name: str, text: str, ratio: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    request, limit = quantity.nanos(requests.get(name, "0")), quantity.nanos(limits.get(name, "0"))
    if not request:
        yield f"{text}, but no request is specified or request is 0"
    elif not limit:
        yield f"{text}, but no limit is specified or limit is 0"
    elif limit * quantity.NANO > quantity.nanos(ratio) * request:
        yield f"{text}, but provided ratio is {limit / request:f}"
