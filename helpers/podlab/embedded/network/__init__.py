"""
One node network inside the node's own network namespace: an address for each Pod, Services and DNS names.

    netlink     messages that set up links, addresses and routes
    nftables    messages that redirect a Service's address to Pods
    proxy       Services and EndpointSlices to rules and names
    dns         answers names;  zone: which name is which address

Nothing here talks to the host's network. ``netlink`` and ``nftables`` only build bytes; the node (PID 1 of the
sandbox) hands them to the kernel. ``dns`` answers on a socket made in the node's namespace, ``proxy`` turns Services
and EndpointSlices into rules and names.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podlab.embedded.network.proxy import ServiceProxy as ServiceProxy


def __getattr__(name: str) -> object:
    if name == "ServiceProxy":
        from podlab.embedded.network.proxy import ServiceProxy as found

        return found
    raise AttributeError(name)
