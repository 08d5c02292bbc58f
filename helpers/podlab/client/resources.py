"""
The REST path of each kind: a table for the kinds that lessons use, discovery for the rest.

    path     of objects whose kind is known when the code is written: ``path("pods", namespace, name)``
    named    of words that people type: ``po``, ``pods``, ``deployments.apps``;  words: all of them
    find     of the apiVersion and kind in a manifest

The table says where a kind lives on a server that has it; whether this one does is for ``require`` to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from podlab.client.types import Resource, prefix_of
from podlab.errors import ManifestError, NotFoundError
from podlab.pods.raw import RawObject

_TABLE = """
v1 Namespace namespaces cluster
v1 Node nodes cluster
v1 PersistentVolume persistentvolumes cluster
v1 Pod pods po
v1 Service services svc
v1 ConfigMap configmaps cm
v1 Secret secrets
v1 ServiceAccount serviceaccounts sa
v1 Event events
v1 Endpoints endpoints
v1 PersistentVolumeClaim persistentvolumeclaims pvc
v1 ReplicationController replicationcontrollers
v1 ResourceQuota resourcequotas
v1 LimitRange limitranges
apps/v1 Deployment deployments deploy
apps/v1 ReplicaSet replicasets rs
apps/v1 StatefulSet statefulsets sts
apps/v1 DaemonSet daemonsets ds
batch/v1 Job jobs
batch/v1 CronJob cronjobs cj
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations cluster
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations cluster
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
    return {(row[0], row[1]): Resource(row[0], row[1], row[2], row[3:] != ["cluster"]) for row in rows}


def _words(text: str) -> dict[str, Resource]:
    """Kind, plural and short name of each row, in small letters; of two kinds of one name the first row counts."""
    found: dict[str, Resource] = {}
    for row in (line.split() for line in text.split("\n") if line):
        for word in (row[1].lower(), *row[2:]):
            found.setdefault(word, KNOWN[row[0], row[1]])
    return found


# Kinds of v1 without which there is no API server.
EVERYWHERE = frozenset(("ConfigMap", "Namespace", "Pod", "Secret", "Service", "ServiceAccount"))
KNOWN: Mapping[tuple[str, str], Resource] = _read_table(_TABLE)
_WORDS: Mapping[str, Resource] = _words(_TABLE)


def words() -> list[str]:
    """Return what `named` understands: kinds, plurals and short names, in small letters."""
    return list(_WORDS)


def named(word: str) -> Resource | None:
    """Return the kind that *word* names: ``Pod``, ``pods``, ``po``, ``deployments.apps``; None for another word."""
    name, _, group = word.lower().partition(".")
    found = _WORDS.get(name)
    return found if found and group in ("", found.api_version.rpartition("/")[0]) else None


def path(kind: str, namespace: str | None = None, name: str | None = None) -> str:
    """
    Return the REST path of one object, or without *name* of the collection.

    Args:
        kind: A word that ``named`` knows.
        namespace: None: the collection of all namespaces; kinds of the whole cluster ignore it.

    Raises:
        ManifestError: *kind* is not in the table.
    """
    found = named(kind)
    if found is None:
        raise ManifestError(f"unknown kind {kind!r}", hint="client.path_of asks the server for it")
    return found.path(namespace, name)


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
        cause="it exists in Kubernetes, but this cluster does not serve it"
        if known
        else _near_miss(api_version, kind),
        hint=(
            "leave it out, or use a cluster that has it (clusters/embedded/README.md lists what embedded serves)"
            if known
            else "correct apiVersion and kind"
        )
        + "; with kubectl: kubectl api-resources lists them",
    )


def require(api_version: str, kind: str, get: Callable[[str], RawObject]) -> None:
    """
    Ask the server's discovery whether objects of *kind* can be created; those of ``EVERYWHERE`` are not asked for.

    Raises:
        ManifestError: If not: it has no such kind, or lists that are always empty.
    """
    if api_version == "v1" and kind in EVERYWHERE:
        return
    if not any(
        row.get("kind") == kind
        and "/" not in row.get("name", "")
        and "create" in row.get("verbs", ("create",))
        for row in _discover(api_version, get)
    ):
        raise _unknown(api_version, kind)


def _discover(api_version: str, get: Callable[[str], RawObject]) -> list[dict[str, Any]]:
    try:
        return list(get(prefix_of(api_version)).get("resources", []))
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
