"""
Rules for roles and their bindings.

Source: pkg/apis/rbac/validation/validation.go at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.schema import formats
from podlab.embedded.schema.fielderror import invalid, required, unsupported
from podlab.embedded.schema.walk import ValidationContext
from podlab.pods.raw import RawObject

GROUP = "rbac.authorization.k8s.io"
SUBJECTS = ("ServiceAccount", "User", "Group")


def policy_rules(context: ValidationContext, _path: str, role: RawObject, argument: Any) -> None:
    """The rules of a Role (*argument* is "namespaced") or ClusterRole."""
    for place, rule in enumerate(role.get("rules") or ()):
        _rule(context, f"rules[{place}]", rule, namespaced=argument == "namespaced")


def _rule(context: ValidationContext, path: str, rule: RawObject, *, namespaced: bool) -> None:
    if not rule.get("verbs"):
        context.add(required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        field = f"{path}.nonResourceURLs"
        if namespaced:
            context.add(invalid(field, urls, "namespaced rules cannot apply to non-resource URLs"))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            context.add(invalid(field, urls, why))
        return
    if not rule.get("apiGroups"):
        context.add(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        context.add(required(f"{path}.resources", "resource rules must supply at least one resource"))


def aggregation(context: ValidationContext, _path: str, role: RawObject, _argument: Any) -> None:
    """A ClusterRole that gathers rules says from where."""
    found = role.get("aggregationRule")
    if found is not None and not found.get("clusterRoleSelectors"):
        why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        context.add(required("aggregationRule.clusterRoleSelectors", why))


def binding(context: ValidationContext, _path: str, obj: RawObject, kinds: Any) -> None:
    """The role that is bound, of one of *kinds*, and to whom."""
    ref = obj.get("roleRef") or {}
    if ref.get("apiGroup") != GROUP:
        context.add(unsupported("roleRef.apiGroup", ref.get("apiGroup", ""), (GROUP,)))
    if ref.get("kind") not in kinds:
        context.add(unsupported("roleRef.kind", ref.get("kind", ""), kinds))
    if not ref.get("name"):
        context.add(required("roleRef.name"))
    else:
        context.add(
            *(invalid("roleRef.name", ref["name"], text) for text in formats.path_segment(ref["name"]))
        )
    for place, subject in enumerate(obj.get("subjects") or ()):
        _subject(context, f"subjects[{place}]", subject, namespaced="Role" in kinds)


def _subject(context: ValidationContext, path: str, subject: RawObject, *, namespaced: bool) -> None:
    kind, name, group = subject.get("kind", ""), subject.get("name", ""), subject.get("apiGroup", "")
    if not name:
        context.add(required(f"{path}.name"))
    if kind not in SUBJECTS:
        context.add(unsupported(f"{path}.kind", kind, SUBJECTS))
    elif kind == "ServiceAccount":
        if name:
            context.add(*(invalid(f"{path}.name", name, text) for text in formats.subdomain(name)))
        if group:
            context.add(unsupported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            context.add(required(f"{path}.namespace"))
    elif group != GROUP:
        context.add(unsupported(f"{path}.apiGroup", group, (GROUP,)))


CHECKS = {check.__name__: check for check in (policy_rules, aggregation, binding)}
