"""
Rules for the selectors of workloads, and for the templates that they have to match.

Source: ValidateLabelSelector in apimachinery/pkg/apis/meta/v1/validation, and ValidateDeploymentSpec,
ValidateReplicaSetSpec, ValidateDaemonSetSpec, ValidateStatefulSetSpec, ValidateJob in pkg/apis/*/validation at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.nodefit import selects
from podlab.embedded.schema import formats, metachecks
from podlab.embedded.schema.fielderror import FieldError, forbidden, invalid, required
from podlab.embedded.schema.walk import Rule, ValidationContext, run
from podlab.pods.raw import RawObject

MISMATCH = "`selector` does not match template `labels`"
EMPTY = "empty selector is invalid for {}"
UNREADABLE = {
    "Deployment": "invalid label selector",
    "ReplicaSet": "invalid label selector",
    "StatefulSet": "",
}
CALLED = {
    "Deployment": "deployment",
    "ReplicaSet": "deployment",
    "StatefulSet": "statefulset",
    "DaemonSet": "daemonset",
}


def faults_of(path: str, value: RawObject) -> list[FieldError]:
    """Return what is wrong with a label selector."""
    found = metachecks.label_faults(f"{path}.matchLabels", value.get("matchLabels") or {})
    for place, row in enumerate(value.get("matchExpressions") or ()):
        found += _requirement(f"{path}.matchExpressions[{place}]", row)
    return found


def _requirement(path: str, row: RawObject) -> list[FieldError]:
    operator, values, found = row.get("operator", ""), row.get("values") or [], []
    if operator in ("In", "NotIn"):
        if not values:
            text = "must be specified when `operator` is 'In' or 'NotIn'"
            found.append(required(f"{path}.values", text))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{path}.values", text))
    else:
        found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    found += [
        invalid(f"{path}.key", row.get("key", ""), message)
        for message in formats.qualified(row.get("key", ""))
    ]
    for place, text in enumerate(values):
        found += [invalid(f"{path}.values[{place}]", text, message) for message in formats.label_value(text)]
    return found


def workload(context: ValidationContext, path: str, spec: RawObject, kind: Any) -> None:
    """The selector of a workload, and its template: labels are compared only with a selector that is right."""
    found, step, daemon = spec.get("selector"), f"{path}.selector", kind == "DaemonSet"
    faults = [] if found is None else faults_of(step, found)
    context.add(*faults)
    empty = found is not None and not found.get("matchLabels") and not found.get("matchExpressions")
    if found is None and not daemon:
        context.add(required(step))
    elif empty:
        context.add(invalid(step, found, EMPTY.format(CALLED[kind])))
    if faults and not daemon:
        context.add(invalid(step, found, UNREADABLE[kind]))
    elif not faults and not empty:
        _template_matches(context, path, spec)
    if not faults or daemon:
        run(context, "core/v1.PodTemplateSpec", f"{path}.template", spec["template"])
    if not faults and kind == "StatefulSet":  # upstream looks at its labels twice
        labels = spec["template"].get("metadata") or {}
        context.rule("template_meta")(context, f"{path}.template.metadata", labels, None)
    if not faults or kind in ("DaemonSet", "StatefulSet"):
        context.rule("always")(context, f"{path}.template", spec["template"], kind)


def _template_matches(context: ValidationContext, path: str, spec: RawObject) -> None:
    """A missing selector is taken for one that matches nothing."""
    found, has = spec.get("selector"), (spec["template"].get("metadata") or {}).get("labels")
    if not selects(found, has or {}):
        context.add(invalid(f"{path}.template.metadata.labels", has, MISMATCH))


def plain_selector(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A ReplicationController's selector: labels, not empty, and those of its template."""
    found, has = spec.get("selector"), ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not found:
        context.add(required(f"{path}.selector"))
    elif "template" in spec and any((has or {}).get(key) != text for key, text in found.items()):
        context.add(invalid(f"{path}.template.metadata.labels", has, MISMATCH))


def job_selector(context: ValidationContext, path: str, spec: RawObject, _argument: Any) -> None:
    """A Job's selector is made by the server, unless it is given by hand."""
    found = spec.get("selector")
    faults = [] if found is None else faults_of(f"{path}.selector", found)
    context.add(*(faults if found is not None else [required(f"{path}.selector")]))
    if not faults:
        _template_matches(context, path, spec)


CHECKS: dict[str, Rule] = {check.__name__: check for check in (workload, plain_selector, job_selector)}
