"""
The Table form: the columns that ``kubectl get`` prints are made by the server.

Column names, types and priorities are data; the cells of a row come from ``rows`` and ``podrow``. Cells of
priority 1 are what ``-o wide`` adds.

Source: pkg/printers/internalversion/printers.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from podlab.embedded.api.printing import podrow, rows
from podlab.embedded.api.resources import Kind
from podlab.pods.raw import RawObject

# "Name*" is the name column, "+X" has priority 1, "#X" holds whole numbers.
COLUMNS: dict[str, str] = {
    "pods": "Name*|Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates",
    "events": "Last Seen|Type|Reason|Object|+Subobject|+Source|Message|+First Seen|+Count|+Name*",
    "services": "Name*|Type|Cluster-IP|External-IP|Port(s)|Age|+Selector",
    "endpoints": "Name*|Endpoints|Age",
    "endpointslices": "Name*|AddressType|Ports|Endpoints|Age",
    "namespaces": "Name*|Status|Age",
    "nodes":
    "Name*|Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|+Container-Runtime",
    "configmaps": "Name*|Data|Age", "secrets": "Name*|Type|Data|Age",
    "serviceaccounts": "Name*|Age",
    "deployments": "Name*|Ready|Up-to-date|Available|Age|+Containers|+Images|+Selector",
    "replicasets": "Name*|#Desired|#Current|#Ready|Age|+Containers|+Images|+Selector",
    "replicationcontrollers": "Name*|#Desired|#Current|#Ready|Age|+Containers|+Images|+Selector",
    "daemonsets": "Name*|#Desired|#Current|#Ready|#Up-to-date|#Available|"
    "Node Selector|Age|+Containers|+Images|+Selector",
    "jobs": "Name*|Status|Completions|Duration|Age|+Containers|+Images|+Selector",
    "statefulsets": "Name*|Ready|Age|+Containers|+Images",
    "controllerrevisions": "Name*|Controller|#Revision|Age",
    "cronjobs": "Name*|Schedule|Timezone|Suspend|#Active|Last Schedule|Age|+Containers|+Images|+Selector",
    "poddisruptionbudgets": "Name*|Min Available|Max Unavailable|#Allowed Disruptions|Age",
    "resourcequotas": "Name*|Request|Limit|Age",
    "networkpolicies": "Name*|Pod-Selector|Age",
    "rolebindings": "Name*|Role|Age|+Users|+Groups|+ServiceAccounts",
    "clusterrolebindings": "Name*|Role|Age|+Users|+Groups|+ServiceAccounts",
    "leases": "Name*|Holder|Age",
    "scales": "Name|#Desired|#Available|Age",
    "": "Name*|Created At",
}  # fmt: skip

CELLS: dict[str, Callable[[RawObject], list[Any]]] = {
    "pods": podrow.cells,
    "events": rows.event,
    "services": rows.service,
    "endpoints": rows.endpoints,
    "endpointslices": rows.endpoint_slice,
    "namespaces": rows.namespace,
    "nodes": rows.node,
    "configmaps": rows.config_map,
    "secrets": rows.secret,
    "serviceaccounts": rows.service_account,
    "deployments": rows.deployment,
    "replicasets": rows.replica_set,
    "replicationcontrollers": rows.replication_controller,
    "daemonsets": rows.daemon_set,
    "jobs": rows.job,
    "statefulsets": rows.stateful_set,
    "controllerrevisions": rows.controller_revision,
    "cronjobs": rows.cron_job,
    "poddisruptionbudgets": rows.pod_disruption_budget,
    "resourcequotas": rows.resource_quota,
    "networkpolicies": rows.network_policy,
    "rolebindings": rows.role_binding,
    "clusterrolebindings": rows.role_binding,
    "leases": rows.lease,
    "scales": rows.scale,
}


def columns(resource: str) -> list[RawObject]:
    """Return the column definitions of a resource."""
    return [_column(text) for text in COLUMNS.get(resource, COLUMNS[""]).split("|")]


def _column(text: str) -> RawObject:
    name = text.strip("+#*")
    return {
        "name": name,
        "type": "integer" if "#" in text else "string",
        "format": "name" if text.endswith("*") else "",
        "description": "",
        "priority": 1 if text.startswith("+") else 0,
    }


def of(
    kind: Kind, objects: Sequence[RawObject], meta: RawObject | str, include: str, *, headers: bool = True
) -> RawObject:
    """
    Return a Table of *objects*.

    Args:
        meta: ListMeta, or the resourceVersion alone.
        include: What each row carries beside its cells: ``Metadata``, ``Object`` or ``None``.
        headers: False leaves the column definitions out: watch events after the first have none.
    """
    cells = CELLS.get(kind.resource, rows.created_at)
    found = [_row(cells(obj), obj, include) for obj in objects]
    return _table(kind, found, meta, headers=headers)


def bookmark(
    kind: Kind, objects: Sequence[RawObject], meta: RawObject | str, include: str, *, headers: bool = True
) -> RawObject:
    """Return a Table of objects that have nothing but their metadata, as the bookmarks of a watch; see `of`."""
    empty = [0 if column["type"] == "integer" else "" for column in columns(kind.resource)]
    return _table(kind, [_row(list(empty), obj, include) for obj in objects], meta, headers=headers)


def _table(kind: Kind, found: list[RawObject], meta: RawObject | str, *, headers: bool) -> RawObject:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": meta} if isinstance(meta, str) else meta,
        "columnDefinitions": columns(kind.resource) if headers else None,
        "rows": found,
    }


def _row(cells: list[Any], obj: RawObject, include: str) -> RawObject:
    row: RawObject = {"cells": cells}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
    return row
