"""
The rules of a user, from the roles and bindings in the store, and whether they allow a request.

Members of ``system:masters`` may do everything, without any role, so that nobody is locked out.

Source: pkg/registry/rbac/validation/rule.go and plugin/pkg/auth/authorizer/rbac/rbac.go at v1.36.3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from podlab.embedded.api.access.rbac import attributes, rules
from podlab.embedded.api.access.rbac.attributes import Attributes
from podlab.embedded.api.users import MASTERS, PREFIX, User
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject


class MatchedRule(NamedTuple):
    """One rule of a user with the binding that gives it; or, without a rule, a role that is not there."""

    rule: RawObject | None
    source: str
    error: str = ""


class Decision(NamedTuple):
    """Whether a request is allowed, and what the answer says about it."""

    allowed: bool
    reason: str


def require(store: Store, user: User, asked: Attributes) -> None:
    """
    Let a request pass.

    Raises:
        StatusError: 403, when no rule of *user* allows it.
    """
    if MASTERS not in user.groups:
        verdict = authorize(store, user, asked)
        if not verdict.allowed:
            raise attributes.refusal(user, asked, verdict.reason)


def authorize(store: Store, user: User, asked: Attributes) -> Decision:
    """Judge a request."""
    if MASTERS in user.groups:
        return Decision(True, "")
    errors = []
    for found in rules_of(store, user, asked.namespace):
        if found.rule is None:
            errors.append(found.error)
        elif rules.allows(found.rule, asked):
            return Decision(True, f"RBAC: allowed by {found.source}")
    return Decision(False, f"RBAC: {aggregate(errors)}" if errors else "")


def aggregate(errors: list[str]) -> str:
    """Several errors as Go's aggregate prints them."""
    once = list(dict.fromkeys(errors))
    return once[0] if len(once) == 1 else f"[{', '.join(once)}]"


def rules_of(store: Store, user: User, namespace: str) -> Iterator[MatchedRule]:
    """Every rule that a user has in a namespace, or in the whole cluster where that is empty."""
    for binding in store.list("clusterrolebindings"):
        yield from _through(store, user, binding, "ClusterRoleBinding", "")
    if namespace:
        for binding in store.list("rolebindings", namespace):
            yield from _through(store, user, binding, "RoleBinding", namespace)


def _through(
    store: Store, user: User, binding: RawObject, kind: str, namespace: str
) -> Iterator[MatchedRule]:
    subject = next((s for s in binding.get("subjects") or () if _is(user, s, namespace)), None)
    if subject is None:
        return
    ref = binding["roleRef"]
    role = role_at(store, ref, namespace)
    if role is None:
        group = "rbac.authorization.k8s.io"
        yield MatchedRule(None, "", f"{ref['kind'].lower()}.{group} {json.dumps(ref['name'])} not found")
        return
    name = f"{binding['metadata']['name']}/{namespace}" if namespace else binding["metadata"]["name"]
    source = f'{kind} "{name}" of {ref["kind"]} "{ref["name"]}" to {_subject(subject, namespace)}'
    for rule in role.get("rules") or ():
        yield MatchedRule(rule, source)


def role_at(store: Store, ref: RawObject, namespace: str) -> RawObject | None:
    """Return the role that a roleRef names; None where it does not exist."""
    if ref["kind"] == "Role":
        return store.get("roles", namespace, ref["name"])
    return store.get("clusterroles", "", ref["name"])


def _is(user: User, subject: RawObject, namespace: str) -> bool:
    name, home = str(subject.get("name", "")), subject.get("namespace") or namespace
    if subject.get("kind") == "User":
        return user.name == name
    if subject.get("kind") == "Group":
        return name in user.groups
    return home != "" and user.name == f"{PREFIX}{home}:{name}"


def _subject(subject: RawObject, namespace: str) -> str:
    home = f"/{subject.get('namespace') or namespace}" if subject["kind"] == "ServiceAccount" else ""
    return f'{subject["kind"]} "{subject["name"]}{home}"'
