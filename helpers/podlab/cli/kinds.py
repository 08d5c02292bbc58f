"""
The kinds that kubectl's users name in short: ``po``, ``pods``, ``deploy``, ``job``.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind, and the apiVersion that it is asked for in."""

    kind: str
    api_version: str


_TABLE = """
Pod v1 po pod pods
Service v1 svc service services
ConfigMap v1 cm configmap configmaps
Secret v1 secret secrets
ServiceAccount v1 sa serviceaccount serviceaccounts
PersistentVolumeClaim v1 pvc persistentvolumeclaim persistentvolumeclaims
Job batch/v1 job jobs
CronJob batch/v1 cj cronjob cronjobs
Deployment apps/v1 deploy deployment deployments
ReplicaSet apps/v1 rs replicaset replicasets
StatefulSet apps/v1 sts statefulset statefulsets
DaemonSet apps/v1 ds daemonset daemonsets
"""
_KINDS = {
    word: Kind(row.split()[0], row.split()[1])
    for row in _TABLE.strip().splitlines()
    for word in row.split()[2:]
}
POD = _KINDS["pod"]


def find(word: str) -> Kind | None:
    """Return the kind of that name, in any of its forms; None for another word."""
    return _KINDS.get(word.lower().removesuffix(".apps").removesuffix(".batch"))
