"""
Discovery: versions, API groups, resources; in the aggregated form and the plain one.

kubectl asks ``/api`` and ``/apis`` with an Accept header for the aggregated form; two answers then replace
one request per group. The answer's media type must carry the same parameters, else kubectl falls back to the
plain form.
"""

from __future__ import annotations

from podlab.embedded.api.resources import Kind, kinds
from podlab.embedded.schema.typetable import VERSION
from podlab.pods.raw import RawObject

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
POD_KIND = ("", "v1", "Pod")
PROXY_VERBS = ["create", "delete", "get", "patch", "update"]
# Subresource: (kind that it answers with, None for the resource's own; verbs).
SUBRESOURCES: dict[str, tuple[tuple[str, str, str] | None, list[str]]] = {
    "status": (None, ["get", "patch", "update"]),
    "finalize": (None, ["update"]),
    "log": (POD_KIND, ["get"]),
    "exec": (("", "v1", "PodExecOptions"), ["create", "get"]),
    "attach": (("", "v1", "PodAttachOptions"), ["create", "get"]),
    "portforward": (("", "v1", "PodPortForwardOptions"), ["create", "get"]),
    "binding": (("", "v1", "Binding"), ["create"]),
    "eviction": (("policy", "v1", "Eviction"), ["create"]),
    "ephemeralcontainers": (POD_KIND, ["get", "patch", "update"]),
    "resize": (POD_KIND, ["get", "patch", "update"]),
    "pods/proxy": (("", "v1", "PodProxyOptions"), PROXY_VERBS),
    "services/proxy": (("", "v1", "ServiceProxyOptions"), PROXY_VERBS),
    "nodes/proxy": (("", "v1", "NodeProxyOptions"), PROXY_VERBS),
    "token": (("authentication.k8s.io", "v1", "TokenRequest"), ["create"]),
    "scale": (("autoscaling", "v1", "Scale"), ["get", "patch", "update"]),
}
# Preference order, as kube-apiserver lists its groups.
GROUPS = ("", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "batch",
          "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "admissionregistration.k8s.io",
          "coordination.k8s.io", "discovery.k8s.io")  # fmt: skip


def version() -> RawObject:
    """``/version``: the release whose behaviour this server follows, and who it really is."""
    _, minor, _ = VERSION.lstrip("v").split(".")
    return {
        "major": "1",
        "minor": minor,
        "gitVersion": VERSION,
        "gitCommit": "podlab-embedded",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "python",
        "compiler": "cpython",
        "platform": "linux/amd64",
    }


def _gvk(group: str, version: str, kind: str) -> RawObject:
    return {"group": group, "version": version, "kind": kind}


def _subresource(kind: Kind, name: str) -> tuple[tuple[str, str, str] | None, list[str]]:
    return SUBRESOURCES.get(f"{kind.resource}/{name}") or SUBRESOURCES[name]


def _aggregated_resource(kind: Kind) -> RawObject:
    subresources = []
    for name in kind.subresources:
        gvk, verbs = _subresource(kind, name)
        responds = _gvk(*(gvk or (kind.group, kind.version, kind.kind)))
        subresources.append({"subresource": name, "responseKind": responds, "verbs": verbs})
    found = {
        "resource": kind.resource,
        "responseKind": _gvk(kind.group, kind.version, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.kind.lower(),
        "verbs": list(kind.verbs),
        "shortNames": kind.short,
        "categories": kind.categories,
        "subresources": subresources,
    }
    return {key: value for key, value in found.items() if value}


def aggregated(core: bool) -> RawObject:
    """APIGroupDiscoveryList of the core group, or of all others."""
    items = []
    for group in GROUPS:
        if (group == "") is core:
            resources = [_aggregated_resource(k) for k in kinds().values() if k.group == group]
            versions = [{"version": "v1", "resources": resources, "freshness": "Current"}]
            items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    api_version = "apidiscovery.k8s.io/v2"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def _group(group: str) -> RawObject:
    served = {"groupVersion": f"{group}/v1", "version": "v1"}
    return {"name": group, "versions": [served], "preferredVersion": served}


def plain(path: str, address: str) -> RawObject | None:
    """
    ``/api``, ``/apis``, ``/api/v1``, ``/apis/G`` and ``/apis/G/v1`` in the plain form; None for other paths.
    """
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        by_address = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": by_address}
    if parts == ["apis"]:
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(g) for g in GROUPS if g]}
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in GROUPS:
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1])}
    if parts == ["api", "v1"] or (parts[0] == "apis" and len(parts) == 3 and parts[2] == "v1"):
        group = parts[1] if parts[0] == "apis" else ""
        return resource_list(group) if group in GROUPS else None
    return None


def resource_list(group: str) -> RawObject:
    """APIResourceList of one group version."""
    resources: list[RawObject] = []
    for kind in kinds().values():
        if kind.group == group:
            resources += _plain_resources(kind)
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _plain_resources(kind: Kind) -> list[RawObject]:
    main = {
        "name": kind.resource,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        "shortNames": kind.short,
        "categories": kind.categories,
    }
    found = [{k: v for k, v in main.items() if v or k == "namespaced"}]
    for name in kind.subresources:
        gvk, verbs = _subresource(kind, name)
        row = {"name": f"{kind.resource}/{name}", "singularName": "", "namespaced": kind.namespaced}
        if gvk and gvk[0] != kind.group:
            row |= {"group": gvk[0], "version": gvk[1]}
        found.append({**row, "kind": gvk[2] if gvk else kind.kind, "verbs": verbs})
    return found
