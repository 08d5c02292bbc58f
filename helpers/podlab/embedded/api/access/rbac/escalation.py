"""
Nobody writes a role, or binds one, that gives more than he holds himself; unless ``escalate`` or ``bind`` was
given to him.

Source: pkg/registry/rbac/{escalation_check.go,*/policybased/storage.go} at v1.36.3.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from podlab.embedded import fault
from podlab.embedded.api.access.rbac import authorizer, rules
from podlab.embedded.api.access.rbac.attributes import Attributes
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.users import MASTERS, User
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject

GROUP = "rbac.authorization.k8s.io"
EVERYTHING = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)


def check(store: Store, user: User, kind: Kind, obj: RawObject, old: RawObject | None = None) -> None:
    """
    Judge the role or binding *obj* that *user* wants to store in the place of *old*; other kinds pass.

    Raises:
        StatusError: 403, when it gives rights that he does not hold; 404, for a role that is not there.
    """
    if kind.group != GROUP or MASTERS in user.groups or _only_metadata(obj, old):
        return
    if kind.resource in ("roles", "clusterroles"):
        _check_role(store, user, kind, obj, old)
    else:
        _check_binding(store, user, kind, obj)


def _only_metadata(obj: RawObject, old: RawObject | None) -> bool:
    return old is not None and all(
        obj.get(k) == old.get(k) for k in ("rules", "aggregationRule", "roleRef", "subjects")
    )


def _check_role(store: Store, user: User, kind: Kind, obj: RawObject, old: RawObject | None) -> None:
    name, namespace = obj["metadata"].get("name", ""), obj["metadata"].get("namespace", "")
    asked = Attributes("escalate", GROUP, kind.resource, "", name, namespace)
    if authorizer.authorize(store, user, asked).allowed:
        return
    _require(store, user, kind, name, namespace, obj.get("rules") or ())
    if obj.get("aggregationRule") or (old or {}).get("aggregationRule"):
        held = _held(store, user, "")
        if rules.missing(held, EVERYTHING):
            why = "must have cluster-admin privileges to use the aggregationRule"
            raise fault.forbidden(kind.resource, GROUP, name, why)


def _check_binding(store: Store, user: User, kind: Kind, obj: RawObject) -> None:
    ref, namespace = obj["roleRef"], obj["metadata"].get("namespace", "")
    resource = "roles" if ref["kind"] == "Role" else "clusterroles"
    asked = Attributes("bind", GROUP, resource, "", ref["name"], namespace)
    if authorizer.authorize(store, user, asked).allowed:
        return
    role = authorizer.role_at(store, ref, namespace)
    if role is None:
        raise fault.not_found(resource.removesuffix("s"), GROUP, ref["name"])
    _require(store, user, kind, obj["metadata"].get("name", ""), namespace, role.get("rules") or ())


def _held(store: Store, user: User, namespace: str) -> list[RawObject]:
    return [found.rule for found in authorizer.rules_of(store, user, namespace) if found.rule is not None]


def _require(
    store: Store, user: User, kind: Kind, name: str, namespace: str, wanted: Sequence[RawObject]
) -> None:
    lacking = rules.missing(_held(store, user, namespace), wanted)
    if lacking:
        who = f"user {json.dumps(user.name)} (groups={rules.go_list(user.groups)})"
        lines = "\n".join(rules.described(lacking))
        why = f"{who} is attempting to grant RBAC permissions not currently held:\n{lines}"
        raise fault.forbidden(kind.resource, GROUP, name, why)
