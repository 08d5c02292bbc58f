"""
The Kubernetes objects that each student of a class gets.

A namespace with a quota, default requests, the Pod Security level *baseline*, a service account that may do in it
what the lessons need and see nothing outside of it, and a NetworkPolicy that lets only Pods of the namespace in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from podlab.assignments.roster import Student
from podlab.pods.raw import RawObject

CLASS, STUDENT = "podlab/class", "podlab/student"
ACCOUNT = "student"
QUOTA = {
    "pods": "20", "requests.cpu": "2", "requests.memory": "2Gi", "limits.memory": "4Gi", "services": "20",
    "configmaps": "60", "secrets": "30", "persistentvolumeclaims": "0", "count/jobs.batch": "20",
    "count/deployments.apps": "10", "services.nodeports": "0", "services.loadbalancers": "0",
}  # fmt: skip
_ALL = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
_RULES = [
    {"apiGroups": [""], "resources": ["pods", "services", "configmaps", "secrets", "serviceaccounts", "endpoints"],
     "verbs": _ALL},
    {"apiGroups": [""], "resources": ["pods/log", "pods/status", "resourcequotas", "limitranges"],
     "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/exec", "pods/attach", "pods/portforward", "pods/eviction"],
     "verbs": ["create", "get"]},
    {"apiGroups": [""], "resources": ["pods/ephemeralcontainers", "pods/resize"], "verbs": ["get", "patch", "update"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale", "replicasets"], "verbs": _ALL},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": _ALL},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
]  # fmt: skip


def readable_id(text: str, *, most: int = 30) -> str:
    """
    Return an id in small letters, digits and dashes: different for different ids.

    Args:
        most: Characters of the longest result; at least 16.
    """
    plain = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")
    if plain == text and len(plain) <= most:
        return plain
    return f"{plain[: most - 8].strip('-') or 'student'}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def namespace_of(name: str, student: Student) -> str:
    """Return the namespace of a student: readable, valid, and different for different students."""
    return f"{name}-{readable_id(student.id)}"


def namespace(name: str, student: Student) -> RawObject:
    """Return the namespace object."""
    labels = {
        "app.kubernetes.io/managed-by": "podlab", CLASS: name,
        "pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "baseline",
    }  # fmt: skip
    metadata = {"name": namespace_of(name, student), "labels": labels, "annotations": {STUDENT: student.id}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def inside(quota: Mapping[str, str] = QUOTA) -> list[RawObject]:
    """Return the objects of one student's namespace, in the order in which they are made."""
    group = "rbac.authorization.k8s.io"
    reference = {"apiGroup": group, "kind": "Role", "name": ACCOUNT}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT}
    default = {
        "type": "Container",
        "defaultRequest": {"cpu": "20m", "memory": "32Mi"},
        "default": {"memory": "256Mi"},
    }
    policy = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}
    return [
        _object("v1", "ResourceQuota", "class", spec={"hard": dict(quota)}),
        _object("v1", "LimitRange", "class", spec={"limits": [default]}),
        _object("networking.k8s.io/v1", "NetworkPolicy", "same-namespace", spec=policy),
        _object("v1", "ServiceAccount", ACCOUNT, automountServiceAccountToken=False),
        _object(f"{group}/v1", "Role", ACCOUNT, rules=_RULES),
        _object(f"{group}/v1", "RoleBinding", ACCOUNT, roleRef=reference, subjects=[subject]),
    ]


def _object(api_version: str, kind: str, name: str, **fields: Any) -> RawObject:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def kubeconfig(server: Mapping[str, Any], space: str, token: str) -> RawObject:
    """
    Return a kubeconfig that reaches *space* alone.

    Args:
        server: The ``cluster`` entry of the instructor's kubeconfig: address and CA, no credentials.
    """
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": space,
        "clusters": [{"name": "class", "cluster": dict(server)}],
        "users": [{"name": space, "user": {"token": token}}],
        "contexts": [{"name": space, "context": {"cluster": "class", "user": space, "namespace": space}}],
    }  # fmt: skip
