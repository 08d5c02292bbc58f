"""
EndpointSlices and Endpoints of Services with a selector: which Pods may be sent traffic.

A Pod is an endpoint once it has an address, and a *ready* one while its Ready condition is True; while its
init containers run it is not an endpoint, so a Service refuses connections until its database is up.
"""

from __future__ import annotations

from typing import Any

from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, deleting, key_of, reference_to
from podlab.embedded.nodefit import selects
from podlab.pods import roles
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject

MANAGER = "endpointslice-controller.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


def start(context: ControllerContext) -> None:
    """Watch Services and Pods."""
    controller = EndpointSlices(context)
    last_labels: dict[Key, RawObject] = {}

    def pod_changed(kind: str, pod: RawObject) -> None:
        labels = pod["metadata"].get("labels") or {}
        before = last_labels.pop(key_of(pod), None)
        if kind != "DELETED":
            last_labels[key_of(pod)] = labels
        for service in context.store.list("services", pod["metadata"]["namespace"]):
            chosen = service["spec"].get("selector")
            if chosen and any(selects({"matchLabels": chosen}, seen) for seen in (labels, before or {})):
                controller.queue(key_of(service))

    def written_changed(kind: str, obj: RawObject) -> None:
        # An object that was deleted or changed by hand is written again, as on a real cluster.
        labels = obj["metadata"].get("labels") or {}
        if kind == "DELETED" or labels.get(MANAGED_BY) == MANAGER:
            name = labels.get(SERVICE_NAME, obj["metadata"]["name"])
            controller.queue((obj["metadata"]["namespace"], name))

    controller.follow("services")
    context.watch("pods", pod_changed)
    for resource in ("endpointslices", "endpoints"):
        context.watch(resource, written_changed)


class EndpointSlices(Controller):
    """Writes the EndpointSlices and the Endpoints of a Service."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "endpoint-slice-controller")

    def reconcile(self, key: Key) -> None:
        """
        Update the slices and the Endpoints of a Service; delete those of a Service that is gone.
        """
        store = self._context.store
        service = store.get("services", *key)
        slices = [s for s in store.list("endpointslices", key[0]) if _belongs(s, key[1])]
        if service is None or not service["spec"].get("selector"):
            if service is None:
                self._forget(key, slices)
            return
        pods = [p for p in store.list("pods", key[0]) if _counts(p, service)]
        self._write_slices(service, pods, slices)
        self._write_endpoints(service, pods)

    def _forget(self, key: Key, slices: list[RawObject]) -> None:
        for endpoint_slice in slices:
            self._context.api.delete("endpointslices", *key_of(endpoint_slice))
        found = self._context.store.get("endpoints", *key)
        if found and not (found["metadata"].get("ownerReferences") or key[1] == "kubernetes"):
            self._context.api.delete("endpoints", *key)

    def _write_slices(self, service: RawObject, pods: list[RawObject], present: list[RawObject]) -> None:
        # One slice for each set of ports: a named targetPort may lead to another number in another Pod.
        groups: dict[tuple[Any, ...], list[RawObject]] = {}
        for pod in pods:
            groups.setdefault(_ports(service, pod), []).append(_endpoint(service, pod))
        if not groups:
            groups[_ports(service, None)] = []
        spare = {_slice_ports(endpoint_slice): endpoint_slice for endpoint_slice in present}
        for ports, endpoints in groups.items():
            self._write_slice(service, ports, endpoints, spare.pop(ports, None))
        for left in spare.values():
            self._context.api.delete("endpointslices", *key_of(left))

    def _write_slice(
        self,
        service: RawObject,
        ports: tuple[Any, ...],
        endpoints: list[RawObject],
        present: RawObject | None,
    ) -> None:
        body = {
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"name": name, "protocol": protocol, "port": port} for name, protocol, port in ports],
        }
        if present is not None:
            self._context.store.update("endpointslices", {**present, **body})
            return
        meta = service["metadata"]
        labels = {**(meta.get("labels") or {}), SERVICE_NAME: meta["name"]}
        labels[MANAGED_BY] = MANAGER
        made = {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [reference_to(service)],
        }
        # In the reduced mode Pods have addresses of the loopback range, which a new slice may not name.
        own = any(a.startswith("127.") for endpoint in endpoints for a in endpoint["addresses"])
        first = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": made, **body}
        stored = self._context.api.create("endpointslices", first | ({"endpoints": []} if own else {}))
        if own:
            self._context.store.update("endpointslices", {**stored, "endpoints": endpoints})

    def _write_endpoints(self, service: RawObject, pods: list[RawObject]) -> None:
        meta = service["metadata"]
        subsets = [_subset(service, pod) for pod in pods if not deleting(pod)]
        body = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {
                "name": meta["name"],
                "namespace": meta["namespace"],
                "labels": meta.get("labels") or {},
            },
            "subsets": _merged(subsets),
        }
        found = self._context.store.get("endpoints", *key_of(service))
        if found is None:
            # Without addresses: the reduced mode has those of the loopback range, which validation refuses.
            found = self._context.api.create("endpoints", {**body, "subsets": []})
        self._context.store.update("endpoints", {**found, "subsets": body["subsets"]})


def _belongs(endpoint_slice: RawObject, service: str) -> bool:
    labels = endpoint_slice["metadata"].get("labels") or {}
    managed = labels.get(MANAGED_BY) == MANAGER
    return managed and labels.get(SERVICE_NAME) == service


def _counts(pod: RawObject, service: RawObject) -> bool:
    if has_ended(pod) or not pod.get("status", {}).get("podIP"):
        return False
    return selects({"matchLabels": service["spec"]["selector"]}, pod["metadata"].get("labels") or {})


def _ports(service: RawObject, pod: RawObject | None) -> tuple[Any, ...]:
    """
    ((name, protocol, number)…) of a Service as one Pod serves them; ports it does not name are left out.
    """
    found = []
    for port in service["spec"].get("ports") or ():
        target = port.get("targetPort", port["port"])
        number = target if isinstance(target, int) else _named(pod, target, port.get("protocol", "TCP"))
        if number:
            found.append((port.get("name", ""), port.get("protocol", "TCP"), number))
    return tuple(found)


def _named(pod: RawObject | None, name: str, protocol: str) -> int:
    for container in [*roles.group(pod or {}, roles.APP), *roles.sidecars(pod or {})]:
        for port in container.get("ports", ()):
            if port.get("name") == name and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return int(name) if name.isdigit() else 0


def _slice_ports(endpoint_slice: RawObject) -> tuple[Any, ...]:
    return tuple(
        (p.get("name", ""), p.get("protocol", "TCP"), p["port"]) for p in endpoint_slice.get("ports") or ()
    )


def _endpoint(service: RawObject, pod: RawObject) -> RawObject:
    ready = is_ready(pod)
    shown = bool(service["spec"].get("publishNotReadyAddresses")) or (ready and not deleting(pod))
    entry = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": shown, "serving": ready, "terminating": deleting(pod)},
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": _target(pod),
    }
    if pod["spec"].get("hostname") and pod["spec"].get("subdomain") == service["metadata"]["name"]:
        entry["hostname"] = pod["spec"]["hostname"]
    return entry


def _target(pod: RawObject) -> RawObject:
    meta = pod["metadata"]
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def _subset(service: RawObject, pod: RawObject) -> tuple[tuple[Any, ...], bool, RawObject]:
    address = {
        "ip": pod["status"]["podIP"],
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": _target(pod),
    }
    ready = is_ready(pod) or bool(service["spec"].get("publishNotReadyAddresses"))
    return _ports(service, pod), ready, address


def _merged(subsets: list[tuple[tuple[Any, ...], bool, RawObject]]) -> list[RawObject]:
    merged: dict[tuple[Any, ...], RawObject] = {}
    for ports, ready, address in subsets:
        entry = merged.setdefault(ports, {})
        entry.setdefault("addresses" if ready else "notReadyAddresses", []).append(address)
        entry["ports"] = [
            {**({"name": name} if name else {}), "port": port, "protocol": protocol}
            for name, protocol, port in ports
        ]
    return list(merged.values())
