"""
The node's Lease: the sign of life that ``kubectl describe node`` shows and clients look at.

Source: component-helpers/apimachinery/lease/controller.go; 40 s, renewed after a quarter of that.
"""

from __future__ import annotations

import asyncio
from typing import Any

from podlab.embedded.store import Store, timestamp

NAMESPACE = "kube-node-lease"
LASTS_S, RENEW_S = 40, 10.0


async def keep(store: Store, node_name: str) -> None:
    """Create the Lease and renew it until cancelled."""
    while True:
        renew(store, node_name)
        await asyncio.sleep(RENEW_S)


def renew(store: Store, node_name: str) -> None:
    """Say that the node lives now; does nothing without a Node."""
    node = store.get("nodes", "", node_name)
    if node is None:
        return
    now = store.clock()
    stamp = f"{timestamp(now)[:-1]}.{int(now % 1 * 1e6):06d}Z"
    spec = {"holderIdentity": node_name, "leaseDurationSeconds": LASTS_S, "renewTime": stamp}
    found = store.get("leases", NAMESPACE, node_name)
    if found is not None:
        store.update("leases", {**found, "spec": {**found["spec"], **spec}})
        return
    uid = node["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": node_name, "uid": uid}
    meta: dict[str, Any] = {"name": node_name, "namespace": NAMESPACE, "ownerReferences": [owner]}
    store.create(
        "leases", {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": meta, "spec": spec}
    )
