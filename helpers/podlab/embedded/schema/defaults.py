"""
Fill in the fields that a manifest leaves out, from ``defaults.json``.

The data says for each type which value a missing field gets. A value written ``{"$": "name"}`` depends on its
neighbours and is worked out by the function of that name in ``COMPUTED``; a function that returns None leaves
the field out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from podlab.embedded.schema import typetable
from podlab.pods.raw import RawObject

_tables: dict[str, dict[str, Any]] = {}


def instances(kind: str, value: RawObject) -> Iterator[tuple[str, RawObject]]:
    """Every struct inside *value*, outermost first, as (type, struct)."""
    yield kind, value
    for name, field in typetable.fields(kind).items():
        if name in value:
            yield from _inside(field.kind, value[name])


def _inside(kind: str, value: Any) -> Iterator[tuple[str, RawObject]]:
    if value is None:
        return
    if kind.startswith("[]"):
        if not kind[2:].islower():  # a list of scalars holds no struct
            for item in value:
                yield from _inside(kind[2:], item)
    elif kind.startswith("map["):
        if typetable.is_struct(kind[11:]):
            for item in value.values():
                yield from _inside(kind[11:], item)
    elif typetable.is_struct(kind):
        yield from instances(kind, value)


def apply(kind: str, obj: RawObject) -> RawObject:
    """Fill in the defaults of *obj*, in place; the caller owns it. Returns it."""
    if not _tables:
        _tables.update(typetable.read("defaults.json"))
    for name, struct in instances(kind, obj):
        if name == "batch/v1.JobSpec" and kind != "batch/v1.Job":
            continue  # a Job gets them when it is made from the template
        table = typetable.fields(name)
        for field, value in _tables.get(name, {}).items():
            if _is_missing(struct.get(field), pointer=table[field].pointer):
                _fill(struct, field, value)
    if kind == "core/v1.Pod":
        of_pod(obj)
    elif kind == "core/v1.LimitRange":
        of_limit_range(obj)
    elif kind == "core/v1.ReplicationController" and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = _template_labels(obj.get("spec") or {}) or {}
    return obj


def _is_missing(value: Any, *, pointer: bool) -> bool:
    """Go's test: nil for a pointer, the zero value for anything else."""
    return value is None or (not pointer and value in ("", 0, []))


def _fill(struct: RawObject, field: str, value: Any) -> None:
    if isinstance(value, dict) and "$" in value:
        value = COMPUTED[value["$"]](struct)
        if value is None:
            return
    struct[field] = copy.deepcopy(value)


def is_external(spec: RawObject) -> bool:
    """
    Return whether a Service can be reached from outside of the cluster.

    Source: ``ExternallyAccessible`` in pkg/api/service/util.go at v1.36.3.
    """
    kind = spec.get("type")
    return kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def _external_policy(spec: RawObject) -> str | None:
    return "Cluster" if is_external(spec) else None


def _balanced_ports(spec: RawObject) -> bool | None:
    return True if spec.get("type") == "LoadBalancer" else None


def _affinity(spec: RawObject) -> RawObject | None:
    """Three hours, where the address of a client decides."""
    return {"clientIP": {"timeoutSeconds": 10800}} if spec.get("sessionAffinity") == "ClientIP" else None


def of_pod(pod: RawObject) -> None:
    """Set the defaults of a Pod that a template does not get: service links, requests from limits, host ports."""
    spec = pod["spec"]
    spec.setdefault("enableServiceLinks", True)
    for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
        resources = container.setdefault("resources", {})
        if resources.get("limits"):
            requests = {**resources["limits"], **(resources.get("requests") or {})}
            resources["requests"] = dict(sorted(requests.items()))
        if spec.get("hostNetwork"):
            for port in container.get("ports") or []:
                if not port.get("hostPort"):
                    port["hostPort"] = port.get("containerPort", 0)


def of_limit_range(limit_range: RawObject) -> None:
    """A container that states nothing gets the most it may have, and requests its limit, or else the least."""
    for item in (limit_range.get("spec") or {}).get("limits") or []:
        if item.get("type") == "Container":
            limits = {**(item.get("max") or {}), **(item.get("default") or {})}
            requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
            item |= {
                key: found for key, found in (("default", limits), ("defaultRequest", requests)) if found
            }


def image_tag(image: str) -> str:
    """Return the tag of an image name; ``latest`` if absent, empty with a digest."""
    if "@" in image:
        return ""
    last = image.rsplit("/", 1)[-1]
    return last.partition(":")[2] or "latest"


def _volume_pull_policy(volume: RawObject) -> str | None:
    return _pull_policy({"image": volume.get("reference", "")})


def _pull_policy(container: RawObject) -> str | None:
    image = container.get("image", "")
    return ("Always" if image_tag(image) == "latest" else "IfNotPresent") if image else "IfNotPresent"


def _empty_dir(volume: RawObject) -> RawObject | None:
    return {} if not (volume.keys() - {"name"}) else None


def _rolling_update(strategy: RawObject) -> RawObject | None:
    return {} if strategy.get("type") == "RollingUpdate" else None


def _completions(spec: RawObject) -> int | None:
    return 1 if spec.get("parallelism") is None else None


def _policy_types(spec: RawObject) -> list[str]:
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _template_labels(spec: RawObject) -> RawObject | None:
    return ((spec.get("template") or {}).get("metadata") or {}).get("labels")


def _subject_group(subject: RawObject) -> str | None:
    return "rbac.authorization.k8s.io" if subject.get("kind") in ("User", "Group") else None


COMPUTED: dict[str, Callable[[RawObject], Any]] = {
    "pull_policy": _pull_policy,
    "volume_pull_policy": _volume_pull_policy,
    "empty_dir": _empty_dir,
    "port": lambda port: port.get("port", 0),
    "external_policy": _external_policy,
    "balanced_ports": _balanced_ports,
    "affinity": _affinity,
    "internal_policy": lambda spec: None if spec.get("type") == "ExternalName" else "Cluster",
    "rolling_update": _rolling_update,
    "completions": _completions,
    "backoff_limit": lambda spec: 2**31 - 1 if spec.get("backoffLimitPerIndex") is not None else 6,
    "replacement_policy": lambda spec: "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed",
    "policy_types": _policy_types,
    "subject_group": _subject_group,
    "template_labels": _template_labels,
}
