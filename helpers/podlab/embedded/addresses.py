"""
The addresses of the cluster: one range for Services, one for node ports; Pods get theirs from the node's
network.
"""

from __future__ import annotations

from collections.abc import Collection

SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"  # kubernetes.default
DNS_SERVICE = "10.96.0.10"
NODE_PORTS = range(30000, 32768)


def is_service_address(text: str) -> bool:
    """True for an IPv4 address of the Service range that may be given away."""
    parts = text.split(".")
    whole = len(parts) == 4 and all(p.isdigit() and int(p) < 256 for p in parts)
    return whole and parts[:2] == ["10", "96"] and text not in ("10.96.0.0", "10.96.255.255")


def free_service_address(taken: Collection[str | None]) -> str:
    """
    Return the next free address: upwards from 10.96.1.1, so that low ones stay free for those who ask for one by
    number.

    Raises:
        LookupError: When none is left.
    """
    for number in range(257, 65535):
        address = f"10.96.{number >> 8}.{number & 255}"
        if address not in taken:
            return address
    raise LookupError("no service address is free")


def free_node_port(taken: Collection[int | None]) -> int:
    """
    Return a free node port.

    Raises:
        LookupError: When none is left.
    """
    for port in NODE_PORTS:
        if port not in taken:
            return port
    raise LookupError("no node port is free")
