"""
The row of a Pod in ``kubectl get pods -o wide``; READY, STATUS and RESTARTS come from ``podlab.pods.status``.

Source: printPod in pkg/printers/internalversion/printers.go at v1.36.3; rules 1.19 of the specification.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.api.printing.ages import age
from podlab.embedded.schema.typetable import VERSION
from podlab.pods.raw import RawObject
from podlab.pods.status import row


def _gates(pod: RawObject) -> str:
    gates = pod["spec"].get("readinessGates") or []
    if not gates:
        return "<none>"
    conditions = {c["type"]: c["status"] for c in (pod.get("status") or {}).get("conditions") or []}
    return f"{sum(conditions.get(g['conditionType']) == 'True' for g in gates)}/{len(gates)}"


def cells(pod: RawObject) -> list[Any]:
    """Return the cells of one Pod."""
    found, status = row(pod, VERSION), pod.get("status") or {}
    restarts = str(found.restarts)
    if found.restarts and found.last_restart:
        restarts = f"{found.restarts} ({age(found.last_restart)} ago)"
    addresses = status.get("podIPs") or []
    return [
        pod["metadata"]["name"],
        f"{found.ready}/{found.total}",
        found.status,
        restarts,
        age(pod["metadata"].get("creationTimestamp")),
        addresses[0]["ip"] if addresses else "<none>",
        pod["spec"].get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _gates(pod),
    ]
