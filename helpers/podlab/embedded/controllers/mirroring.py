"""
EndpointSlices for Endpoints that were written by hand, for a Service without a selector.

Source: pkg/controller/endpointslicemirroring (utils.go, reconciler.go) at v1.36.3.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.endpointslices import MANAGED_BY, SERVICE_NAME
from podlab.embedded.controllers.objects import Key, deleting, key_of, owned, reference_to
from podlab.pods.raw import RawObject

MIRROR = "endpointslicemirroring-controller.k8s.io"
SKIPPED = "endpointslice.kubernetes.io/skip-mirror"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def start(context: ControllerContext) -> None:
    """Watch Endpoints, their Services, and the slices made from them."""
    controller = Mirroring(context)

    def slice_changed(kind: str, obj: RawObject) -> None:
        labels = obj["metadata"].get("labels") or {}
        if kind == "DELETED" and labels.get(MANAGED_BY) == MIRROR:
            controller.queue((obj["metadata"]["namespace"], labels.get(SERVICE_NAME, "")))

    for resource in ("endpoints", "services"):
        controller.follow(resource)
    context.watch("endpointslices", slice_changed)


class Mirroring(Controller):
    """Keeps one slice for each subset of Endpoints."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "endpoint-slice-mirroring-controller")

    def reconcile(self, key: Key) -> None:
        """Update the slices of an Endpoints object; delete them if it, or its Service, is gone."""
        store = self._context.store
        present = [s for s in store.list("endpointslices", key[0]) if _mirrors(s, key[1])]
        endpoints, service = store.get("endpoints", *key), store.get("services", *key)
        wanted = []
        if endpoints and service and not deleting(endpoints) and _by_hand(endpoints, service):
            wanted = [_body(subset) for subset in endpoints.get("subsets") or ()]
            present = _of(present, endpoints, self._context)
        spare = {str(endpoint_slice["ports"]): endpoint_slice for endpoint_slice in present}
        for body in wanted:
            self._write(endpoints or {}, body, spare.pop(str(body["ports"]), None))
        for left in spare.values():
            self._context.api.delete("endpointslices", *key_of(left))

    def _write(self, endpoints: RawObject, body: RawObject, present: RawObject | None) -> None:
        if present is not None:
            meta = {**present["metadata"], **_copied(endpoints)}
            if any(present.get(name) != value for name, value in body.items()) or meta != present["metadata"]:
                self._context.store.update("endpointslices", {**present, "metadata": meta, **body})
            return
        meta = endpoints["metadata"]
        made = {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "ownerReferences": [reference_to(endpoints)],
            **_copied(endpoints),
        }
        self._context.api.create(
            "endpointslices",
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": made, **body},
        )


def _mirrors(endpoint_slice: RawObject, name: str) -> bool:
    labels = endpoint_slice["metadata"].get("labels") or {}
    return labels.get(MANAGED_BY) == MIRROR and labels.get(SERVICE_NAME) == name


def _of(slices: list[RawObject], endpoints: RawObject, context: ControllerContext) -> list[RawObject]:
    """Return the slices that this object owns; delete those of an earlier object of the same name."""
    ours = owned(slices, endpoints)
    for old in slices:
        if old not in ours:
            context.api.delete("endpointslices", *key_of(old))
    return ours


def _by_hand(endpoints: RawObject, service: RawObject) -> bool:
    labels = endpoints["metadata"].get("labels") or {}
    return not service["spec"].get("selector") and labels.get(SKIPPED) != "true"


def _copied(endpoints: RawObject) -> RawObject:
    """Labels and annotations of the slices."""
    meta = endpoints["metadata"]
    labels = {**(meta.get("labels") or {}), SERVICE_NAME: meta["name"], MANAGED_BY: MIRROR}
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != LAST_APPLIED}
    return {"labels": labels, **({"annotations": annotations} if annotations else {})}


def _body(subset: RawObject) -> RawObject:
    ready = [_endpoint(address, ready=True) for address in subset.get("addresses") or ()]
    waiting = [_endpoint(address, ready=False) for address in subset.get("notReadyAddresses") or ()]
    ports = [
        {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": port["port"]}
        for port in subset.get("ports") or ()
    ]
    return {"addressType": "IPv4", "endpoints": ready + waiting, "ports": ports}


def _endpoint(address: RawObject, *, ready: bool) -> RawObject:
    entry: dict[str, Any] = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    return entry | {
        name: address[name] for name in ("hostname", "nodeName", "targetRef") if address.get(name)
    }
