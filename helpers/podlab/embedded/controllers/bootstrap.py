"""
What every cluster has from its first moment: namespaces, their accounts and root certificates, the API's
Service.
"""

from __future__ import annotations

from podlab.embedded import addresses
from podlab.embedded.store import Object, Store

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
ROOT_CA = "kube-root-ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such "
    "as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
    "Kubernetes clusters."
)


def first_objects(store: Store, *, authority: str, node_name: str) -> None:
    """Create them; controllers keep them up from then on."""
    for name in NAMESPACES:
        store.create("namespaces", {
            "kind": "Namespace", "apiVersion": "v1",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        })  # fmt: skip
        furnish(store, name, authority)
    api_service(store)


def furnish(store: Store, namespace: str, authority: str) -> None:
    """Give a namespace its default service account and the root certificate, where they are missing."""
    if store.get("serviceaccounts", namespace, "default") is None:
        store.create("serviceaccounts", {
            "kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": {"name": "default", "namespace": namespace},
        })  # fmt: skip
    if store.get("configmaps", namespace, ROOT_CA) is None:
        store.create("configmaps", {
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": ROOT_CA, "namespace": namespace,
                         "annotations": {"kubernetes.io/description": DESCRIPTION}},
            "data": {"ca.crt": authority},
        })  # fmt: skip


def api_service(store: Store) -> Object:
    """The Service ``kubernetes`` of the namespace default."""
    address = addresses.API_SERVICE
    return store.create("services", {
        "kind": "Service", "apiVersion": "v1",
        "metadata": {"name": "kubernetes", "namespace": "default",
                     "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}],
            "clusterIP": address, "clusterIPs": [address], "type": "ClusterIP", "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    })  # fmt: skip
