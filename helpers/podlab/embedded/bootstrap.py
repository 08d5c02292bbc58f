"""
The first objects of every cluster: namespaces with account and root certificate, roles, the node, the API.
"""

from __future__ import annotations

import os
from typing import Any

from podlab.embedded import addresses
from podlab.embedded.controllers import clusterroles
from podlab.embedded.schema import typetable
from podlab.embedded.schema.typetable import VERSION
from podlab.embedded.store import Store, timestamp
from podlab.pods.raw import RawObject

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
ROOT_CA = "kube-root-ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such "
    "as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
    "Kubernetes clusters."
)
ROLES = {"Role": "roles", "RoleBinding": "rolebindings", "ClusterRole": "clusterroles",
         "ClusterRoleBinding": "clusterrolebindings"}  # fmt: skip
PODS_PER_NODE = "110"
CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def first_objects(store: Store, *, authority: str) -> None:
    """Create the namespaces with their defaults, and the API's own Service."""
    for name in NAMESPACES:
        _create_namespace(store, name)
        add_namespace_defaults(store, name, authority)
    first_roles(store)
    api_service(store)


def _create_namespace(store: Store, name: str) -> None:
    store.create("namespaces", {
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    })  # fmt: skip


def keep_namespace_defaults(store: Store, authority: str) -> None:
    """
    Add the defaults to every new namespace, and again when they, or the API's Service, were deleted.

    The root certificate and the API's Service are also put right when somebody changed them, and a namespace of the
    system comes back.

    Source: pkg/controlplane/controller/systemnamespaces at v1.36.3; a real server looks once a minute.
    """

    def namespace_changed(kind: str, obj: RawObject) -> None:
        if kind == "DELETED" and obj["metadata"]["name"] in NAMESPACES:
            _create_namespace(store, obj["metadata"]["name"])
        elif kind != "DELETED" and not obj["metadata"].get("deletionTimestamp"):
            add_namespace_defaults(store, obj["metadata"]["name"], authority)

    def defaults_changed(kind: str, obj: RawObject) -> None:
        changed = obj["metadata"]["name"] == ROOT_CA and obj.get("data") != {"ca.crt": authority}
        if (kind == "DELETED" and obj["metadata"]["name"] in ("default", ROOT_CA)) or changed:
            found = store.get("namespaces", "", obj["metadata"]["namespace"])
            if found is not None:
                namespace_changed("MODIFIED", found)

    def api_changed(kind: str, obj: RawObject) -> None:
        meta = obj["metadata"]
        if kind != "ADDED" and (meta["namespace"], meta["name"]) == ("default", "kubernetes"):
            api_service(store)

    for resource in ("services", "endpointslices", "endpoints"):
        store.watch(resource, api_changed)
    store.watch("namespaces", namespace_changed)
    for resource in ("serviceaccounts", "configmaps"):
        store.watch(resource, defaults_changed)


def add_namespace_defaults(store: Store, namespace: str, authority: str) -> None:
    """Give a namespace its default service account and the root certificate, where they are missing or wrong."""
    if store.get("serviceaccounts", namespace, "default") is None:
        store.create("serviceaccounts", {
            "kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": {"name": "default", "namespace": namespace},
        })  # fmt: skip
    found = store.get("configmaps", namespace, ROOT_CA)
    if found is not None and found.get("data") != {"ca.crt": authority}:
        store.update("configmaps", {**found, "data": {"ca.crt": authority}})
    if found is None:
        store.create("configmaps", {
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": ROOT_CA, "namespace": namespace,
                         "annotations": {"kubernetes.io/description": DESCRIPTION}},
            "data": {"ca.crt": authority},
        })  # fmt: skip


def first_roles(store: Store) -> None:
    """The roles and bindings that upstream's bootstrap policy gives a new cluster, from ``roles.json.gz``."""
    for item in typetable.read("roles.json.gz"):
        store.create(ROLES[item["kind"]], {"kind": item["kind"], "apiVersion": item["apiVersion"], **item})
    clusterroles.gather(store)


def api_service(store: Store, address: str = "172.18.0.2", port: int = 6443) -> None:
    """
    The Service ``kubernetes`` of the namespace default with its one endpoint, as far as they are missing or wrong.

    Source: pkg/controlplane/controller/kubernetesservice at v1.36.3; a real server looks every ten seconds.
    """
    meta = {"name": "kubernetes", "namespace": "default"}
    named = {"name": "https", "protocol": "TCP", "port": port}
    cluster_ip = addresses.API_SERVICE
    _keep(store, "services", {
        "kind": "Service", "apiVersion": "v1",
        "metadata": {**meta, "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}],
            "clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "type": "ClusterIP", "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    })  # fmt: skip
    _keep(store, "endpointslices", {
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
        "metadata": {**meta, "generation": 1, "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [named],
    })  # fmt: skip
    _keep(store, "endpoints", {
        "kind": "Endpoints", "apiVersion": "v1",
        "metadata": {**meta, "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": address}], "ports": [named]}],
    })  # fmt: skip


def _keep(store: Store, resource: str, obj: RawObject) -> None:
    """Create an object, or put right what leads to the API in the one that is there; the rest is its owner's."""
    meta = obj["metadata"]
    found = store.get(resource, meta["namespace"], meta["name"])
    if found is None:
        store.create(resource, obj)
        return
    wanted = {key: value for key, value in obj.items() if key in ("endpoints", "ports", "subsets")}
    if "spec" in obj:
        wanted["spec"] = {**found["spec"], **{key: obj["spec"][key] for key in ("ports", "type")}}
    if any(found.get(key) != value for key, value in wanted.items()):
        store.update(resource, {**found, **wanted})


REDUCED = "podlab.dev/reduced-mode"  # annotation of the Node: why, and what cannot be done


def node(store: Store, name: str, address: str, reduced: str = "") -> RawObject:
    """The one Node, with what this machine has; it is Ready once the runtime is."""
    now = timestamp(store.clock())
    amounts = _amounts()
    system = os.uname()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(system.machine, system.machine)
    labels = {
        "beta.kubernetes.io/arch": arch, "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": arch,
        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "node-role.kubernetes.io/control-plane": "",
    }  # fmt: skip
    conditions = [
        {"type": kind, "status": status, "lastHeartbeatTime": now, "lastTransitionTime": now, "reason": reason,
         "message": message}
        for kind, status, reason, message in CONDITIONS
    ]  # fmt: skip
    return store.create("nodes", {
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels, **({"annotations": {REDUCED: reduced}} if reduced else {})},
        "spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
        "status": {
            "capacity": amounts, "allocatable": amounts, "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": _info(system, arch),
        },
    })  # fmt: skip


def _info(system: os.uname_result, arch: str) -> RawObject:
    machine = _first_line("/etc/machine-id")
    return {
        "machineID": machine, "systemUUID": machine, "bootID": _first_line("/proc/sys/kernel/random/boot_id"),
        "kernelVersion": system.release, "osImage": _os_name(), "containerRuntimeVersion": "podlab://0.1.0",
        "kubeletVersion": VERSION, "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": arch,
    }  # fmt: skip


def _amounts() -> dict[str, Any]:
    disk = os.statvfs("/")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    return {
        "cpu": str(os.cpu_count() or 1),
        "ephemeral-storage": f"{disk.f_blocks * disk.f_frsize // 1024}Ki",
        "memory": f"{memory}Ki",
        "pods": PODS_PER_NODE,
    }


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""


def _os_name() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            lines = dict(line.strip().partition("=")[::2] for line in file)
        return lines.get("PRETTY_NAME", "").strip('"')
    except OSError:
        return ""
