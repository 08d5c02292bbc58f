"""
Which path a kind of object lives under: a table for the kinds that lessons use, discovery for the rest.

The table says where a kind lives on a server that has it; whether this one does is for ``require`` to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from podlab.client.types import Resource
from podlab.errors import ManifestError, NotFoundError
from podlab.pods.raw import RawObject

_TABLE = """
v1 Namespace namespaces cluster
v1 Node nodes cluster
v1 PersistentVolume persistentvolumes cluster
v1 Pod pods
v1 Service services
v1 ConfigMap configmaps
v1 Secret secrets
v1 ServiceAccount serviceaccounts
v1 Event events
v1 Endpoints endpoints
v1 PersistentVolumeClaim persistentvolumeclaims
v1 ReplicationController replicationcontrollers
v1 ResourceQuota resourcequotas
v1 LimitRange limitranges
apps/v1 Deployment deployments
apps/v1 ReplicaSet replicasets
apps/v1 StatefulSet statefulsets
apps/v1 DaemonSet daemonsets
batch/v1 Job jobs
batch/v1 CronJob cronjobs
discovery.k8s.io/v1 EndpointSlice endpointslices
events.k8s.io/v1 Event events
networking.k8s.io/v1 NetworkPolicy networkpolicies
networking.k8s.io/v1 Ingress ingresses
policy/v1 PodDisruptionBudget poddisruptionbudgets
rbac.authorization.k8s.io/v1 Role roles
rbac.authorization.k8s.io/v1 RoleBinding rolebindings
rbac.authorization.k8s.io/v1 ClusterRole clusterroles cluster
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings cluster
"""


def _read_table(text: str) -> dict[tuple[str, str], Resource]:
    rows = (line.split() for line in text.split("\n") if line)
    return {(row[0], row[1]): Resource(row[0], row[1], row[2], len(row) == 3) for row in rows}


# Kinds of v1 without which there is no API server.
EVERYWHERE = frozenset(("ConfigMap", "Namespace", "Pod", "Secret", "Service", "ServiceAccount"))
KNOWN: Mapping[tuple[str, str], Resource] = _read_table(_TABLE)


def find(api_version: str, kind: str, get: Callable[[str], RawObject]) -> Resource:
    """
    Return the resource of *kind*, from the table or by asking the server's discovery.

    Raises:
        ManifestError: If the server knows no such kind in that apiVersion.
    """
    known = KNOWN.get((api_version, kind))
    if known:
        return known
    for row in _discover(api_version, get):
        if row.get("kind") == kind and "/" not in row.get("name", ""):
            return Resource(api_version, kind, row["name"], bool(row.get("namespaced")))
    raise _unknown(api_version, kind)


def _unknown(api_version: str, kind: str) -> ManifestError:
    known = (api_version, kind) in KNOWN
    return ManifestError(
        f'the server has no kind "{kind}" in apiVersion "{api_version}"',
        cause="Kubernetes knows it, and this cluster does not serve it"
        if known
        else _near_miss(api_version, kind),
        hint=(
            "leave it out, or use a cluster that has it (clusters/embedded/README.md lists what embedded serves)"
            if known
            else "correct apiVersion and kind"
        )
        + "; with kubectl: kubectl api-resources lists what there is",
    )


def require(api_version: str, kind: str, get: Callable[[str], RawObject]) -> None:
    """
    Ask the server's discovery whether it has *kind*; those of ``EVERYWHERE`` are not asked for.

    Raises:
        ManifestError: If it has not.
    """
    if api_version == "v1" and kind in EVERYWHERE:
        return
    if not any(
        row.get("kind") == kind and "/" not in row.get("name", "") for row in _discover(api_version, get)
    ):
        raise _unknown(api_version, kind)


def _discover(api_version: str, get: Callable[[str], RawObject]) -> list[dict[str, Any]]:
    prefix = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    try:
        return list(get(prefix).get("resources", []))
    except NotFoundError:
        return []


def _near_miss(api_version: str, kind: str) -> str | None:
    """Name the apiVersion or spelling that was probably meant; None when nothing is near."""
    for known in KNOWN.values():
        if known.kind == kind:
            return f'kind "{kind}" belongs to apiVersion "{known.api_version}", not "{api_version}"'
        if known.kind.lower() == kind.lower() or known.plural == kind.lower():
            return f'kinds are written in CamelCase: "{known.kind}"'
    return None
