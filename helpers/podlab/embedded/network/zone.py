"""
The names in the cluster's DNS: Services, their endpoints with host names, and Pods by address. Pure: no sockets.

Source: the DNS specification for Kubernetes, schema version 1.1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ZONE = "cluster.local"


class Zone:
    """All names with their IPv4 addresses, and the names that exist without any (empty headless Services)."""

    def __init__(self) -> None:
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._ports: dict[str, tuple[tuple[int, str], ...]] = {}
        self._pointers: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._namespaces: set[str] = set()

    def replace(self, services: Iterable[Mapping[str, Any]], slices: Iterable[Mapping[str, Any]]) -> None:
        """Take new Services and EndpointSlices (raw objects)."""
        zone = Zone()
        by_service: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for one in slices:
            labels = one["metadata"].get("labels") or {}
            key = (one["metadata"].get("namespace", ""), labels.get("kubernetes.io/service-name", ""))
            by_service.setdefault(key, []).append(one)
        for service in services:
            meta = service["metadata"]
            zone._add(service, by_service.get((meta.get("namespace", ""), meta["name"]), []))
        self._addresses, self._ports = zone._addresses, zone._ports
        self._pointers, self._namespaces = zone._pointers, zone._namespaces
        self._aliases = zone._aliases

    def _add(self, service: Mapping[str, Any], slices: Iterable[Mapping[str, Any]]) -> None:
        namespace, name = service["metadata"].get("namespace", ""), service["metadata"]["name"]
        spec = service.get("spec") or {}
        base = f"{name}.{namespace}.svc.{ZONE}"
        self._namespaces.add(namespace)
        address = spec.get("clusterIP")
        if spec.get("type") == "ExternalName":
            self._aliases[base] = spec.get("externalName", "").lower().rstrip(".")
            return
        if address and address != "None":
            self._addresses[base] = (address,)
            self._pointers[address] = base
        else:
            self._add_headless(base, slices, spec.get("publishNotReadyAddresses", False))
        for port in spec.get("ports") or ():
            if port.get("name"):
                key = f"_{port['name']}._{port.get('protocol', 'TCP').lower()}.{base}"
                self._ports[key] = ((int(port["port"]), base),)

    def _add_headless(self, base: str, slices: Iterable[Mapping[str, Any]], unready_too: bool) -> None:
        found: list[str] = []
        for one in slices:
            for endpoint in one.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is False and not unready_too:
                    continue
                addresses = tuple(endpoint.get("addresses") or ())
                found += addresses
                if endpoint.get("hostname"):
                    self._addresses[f"{endpoint['hostname']}.{base}"] = addresses
        self._addresses[base] = tuple(dict.fromkeys(found))

    def addresses(self, name: str) -> tuple[str, ...] | None:
        """Addresses of *name* (small letters, no final dot); () if it exists without any, None if it does not."""
        found = self._addresses.get(name)
        if found is not None or not name.endswith("." + ZONE):
            return found
        if name.endswith(f".pod.{ZONE}"):
            return _pod_address(name)
        if any(known.endswith("." + name) for known in (*self._addresses, *self._aliases)):
            return ()  # a name above others exists, without a record of its own
        return None

    def alias(self, name: str) -> str | None:
        """Return the name that a Service of type ExternalName stands for (small letters, no final dot), or None."""
        return self._aliases.get(name)

    def services(self, name: str) -> tuple[tuple[int, str], ...] | None:
        """Port and target of an SRV name, or None."""
        return self._ports.get(name)

    def pointer(self, address: str) -> str | None:
        """Name of a Service address, or None."""
        return self._pointers.get(address)


def _pod_address(name: str) -> tuple[str, ...] | None:
    """``10-244-0-5.ns.pod.cluster.local``."""
    parts = name.split(".", maxsplit=1)[0].split("-")
    if len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts):
        return (".".join(parts),)
    return None
