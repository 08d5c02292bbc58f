"""Label and field selectors: parsed once, then asked for each object."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs import labelselector
from podlab.embedded.fault import bad_request
from podlab.pods.raw import RawObject

Test = Callable[[RawObject], bool]

# Field labels by resource, beside metadata.name and metadata.namespace, which all have.
FIELDS: dict[str, frozenset[str]] = {
    "pods": frozenset((
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName",
    )),
    "events": frozenset((
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    )),
    "nodes": frozenset(("spec.unschedulable",)),
    "secrets": frozenset(("type",)),
    "namespaces": frozenset(("status.phase",)),
    "services": frozenset(("spec.clusterIP", "spec.type")),
    "replicasets": frozenset(("status.replicas",)),
    "replicationcontrollers": frozenset(("status.replicas",)),
    "jobs": frozenset(("status.successful",)),
}  # fmt: skip


def label_test(selector: str) -> Test | None:
    """
    Return a test of an object's labels; None when every object passes.

    Raises:
        StatusError: 400, when the selector cannot be read.
    """
    tests = labelselector.parse(selector)
    if not tests:
        return None

    def passes(obj: RawObject) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(test(labels) for test in tests)

    return passes


def field_test(selector: str, kind: Kind) -> Test | None:
    """
    Return a test of an object's fields; None when every object passes.

    Raises:
        StatusError: 400, for a field that this resource does not select by.
    """
    tests: list[tuple[str, bool, str]] = []
    for part in selector.split(","):
        if not part:
            continue
        match = re.match(r"^([^=!]+)(==|!=|=)(.*)$", part)
        if match is None:
            raise bad_request(f"invalid selector: '{selector}'; can't understand '{part}'")
        known = _field_label(kind, match[1].strip())
        tests.append((known, match[2] != "!=", match[3].strip()))
    if not tests:
        return None
    return lambda obj: all((_field(obj, path) == value) is wanted for path, wanted, value in tests)


def _field_label(kind: Kind, label: str) -> str:
    name = label.replace("regarding.", "involvedObject.") if kind.group == "events.k8s.io" else label
    name = {"reportingController": "reportingComponent"}.get(name, name)
    if name in ("metadata.name", "metadata.namespace") or name in FIELDS.get(kind.resource, ()):
        return name
    if name == "status.podIPs" and kind.resource == "pods":
        return "status.podIP"
    if name == "spec.host" and kind.resource == "pods":  # of old clients
        return "spec.nodeName"
    if kind.resource == "jobs":
        raise bad_request(f'field label "{label}" not supported for Job')
    if kind.resource not in FIELDS:
        only = 'only "metadata.name", "metadata.namespace"'
        raise bad_request(f'"{label}" is not a known field selector: {only}')
    raise bad_request(f"field label not supported: {label}")


def _field(obj: RawObject, path: str) -> str:
    """Return the value of a field as text; missing is empty, as in Go."""
    if path == "source":
        return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "false" if path in ("spec.hostNetwork", "spec.unschedulable") else ""
    return str(value)


def both(label: Test | None, field: Test | None) -> Test | None:
    """Both tests in one; None when both are."""
    if label is None or field is None:
        return label or field
    return lambda obj: label(obj) and field(obj)
