"""
Services made real: watches Services and EndpointSlices and keeps nftables rules and DNS names in step.

What kube-proxy and CoreDNS do on a real node. A Service without ready endpoints refuses at once, so that ``nc -z``
tells the truth; an endpoint that is terminating but still serving is used only when there is no other.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from podlab.embedded import nodefit
from podlab.embedded.network import nftables
from podlab.embedded.network.dns import Responder, converse
from podlab.embedded.network.zone import Zone
from podlab.pods.phase import has_ended

LOOPBACK = "127.0.0.1"
DNS_ADDRESS = "10.96.0.10"
DEFAULT_AFFINITY_S = 10800  # the API server's default
# Labels by which a Service, or a slice of it, is left to somebody else than kube-proxy.
OTHER_PROXY, HEADLESS = "service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"
_LOG = logging.getLogger(__name__)


class ServiceStore(Protocol):
    """The part of the store that is needed here."""

    def list(self, resource: str, namespace: str | None = None) -> list[dict[str, Any]]:
        """Return all objects of one kind."""

    def watch(
        self, resource: str, callback: Callable[[str, dict[str, Any]], None], since: int | None = None
    ) -> Callable[[], None]:
        """Call back for every change; returns how to end it."""


class NetworkRuntime(Protocol):
    """The part of the runtime that is needed here."""

    @property
    def node_ip(self) -> str:
        """The node's address."""

    async def make_socket(
        self, sandbox_id: str | None, kind: int, bind: tuple[str, int] | None = None
    ) -> int:
        """Return a socket in the node's network."""

    async def netfilter(self, batch: bytes, acknowledgements: int) -> list[int]:
        """Give a batch to the node's kernel."""


class ServiceProxy:
    """Keeps the node's rules and names equal to the store's Services."""

    def __init__(self, store: ServiceStore, node: NetworkRuntime) -> None:
        self._store, self._node = store, node
        self.zone = Zone()
        self.works = False  # whether the kernel took the rules
        self._cancels: list[Callable[[], None]] = []
        self._dirty = asyncio.Event()
        self._turn = asyncio.Lock()  # a batch is made from what the one before it left
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._remembers = True  # whether the kernel can keep clients at their endpoints, so far as is known
        self._applied: tuple[nftables.Forward, ...] | None = None  # what the kernel has; None: nothing yet

    async def start(self) -> None:
        """Make the table, begin to answer names, and follow the store."""
        refused = await self._node.netfilter(*nftables.setup())
        self.works = not refused
        if refused:
            _LOG.warning("no Service addresses: the kernel refused nftables (errno %s)", refused[0])
        loop = asyncio.get_running_loop()
        try:
            await self._answer_names()
        except OSError as error:  # the reduced mode has no network of its own
            _LOG.warning("no names of the cluster: %s", error.strerror)
        for resource in ("services", "endpointslices"):
            self._cancels.append(self._store.watch(resource, self._changed))
        self._cancels.append(self._store.watch("pods", self._pod_changed))
        self._dirty.set()
        self._task = loop.create_task(self._follow())

    async def _answer_names(self) -> None:
        """Answer DNS, over UDP and over TCP. Raises OSError."""
        loop = asyncio.get_running_loop()
        datagrams = await self._socket(socket.SOCK_DGRAM)
        endpoint = loop.create_datagram_endpoint(lambda: Responder(self.zone), sock=datagrams)
        self._transport, _protocol = await endpoint
        streams = await self._socket(socket.SOCK_STREAM)
        self._server = await asyncio.start_server(partial(converse, self.zone), sock=streams)

    async def _socket(self, kind: int) -> socket.socket:
        sock = socket.socket(fileno=await self._node.make_socket(None, kind, (DNS_ADDRESS, 53)))
        sock.setblocking(False)
        return sock

    def _changed(self, _kind: str, _object: dict[str, Any]) -> None:
        # Names at once (a container may ask in the same millisecond), rules with the next turn of the loop.
        self._dirty.set()

    def _pod_changed(self, kind: str, pod: dict[str, Any]) -> None:
        if nodefit.host_ports(pod):
            self._changed(kind, pod)

    async def _follow(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self.apply()
            except OSError as error:
                _LOG.warning("Services could not be applied: %s", error)
                return

    async def apply(self) -> None:
        """Bring names and rules to the store's present state. Raises OSError when the node is gone."""
        async with self._turn:
            await self._apply()

    async def _apply(self) -> None:
        services, slices = self._store.list("services"), self._store.list("endpointslices")
        self.zone.replace(services, slices)
        address = self._node.node_ip
        wanted = (*forwards(services, slices, address), *host_ports(self._store.list("pods"), address))
        loose = tuple(one._replace(affinity=None) for one in wanted)
        given, there = wanted if self._remembers else loose, self._applied
        if not self.works or given == there:
            return
        refused = await self._node.netfilter(*nftables.replace_services(given, there or ()))
        if refused and given != loose:
            given, why = loose, refused[0]
            refused = await self._node.netfilter(*nftables.replace_services(given, there or ()))
            if not refused:
                _LOG.warning("sessionAffinity has no effect: the kernel refused its rules (errno %s)", why)
                self._remembers = False
        if refused:
            _LOG.warning("the kernel refused %d Service rules (errno %s)", len(refused), refused[0])
            return
        self._applied = given

    async def close(self) -> None:
        """Stop following and answering; the rules go with the node."""
        for cancel in self._cancels:
            cancel()
        self._cancels.clear()
        if self._task:
            self._task.cancel()
        if self._transport:
            self._transport.close()
        if self._server:
            self._server.close()


def forwards(
    services: list[dict[str, Any]], slices: list[dict[str, Any]], node_ip: str
) -> Iterator[nftables.Forward]:
    """Every Service port that has endpoints, at all its addresses; NodePorts too, at the node's own address."""
    by_service: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in slices:
        labels = one["metadata"].get("labels") or {}
        if HEADLESS in labels:
            continue
        name = labels.get("kubernetes.io/service-name", "")
        by_service.setdefault((one["metadata"].get("namespace", ""), name), []).append(one)
    for service in services:
        spec = service.get("spec") or {}
        address = spec.get("clusterIP")
        meta = service["metadata"]
        of_another = OTHER_PROXY in (meta.get("labels") or {})
        if not address or address == "None" or ":" in address or of_another:
            continue
        mine = by_service.get((meta.get("namespace", ""), meta["name"]), [])
        for port in spec.get("ports") or ():
            endpoints = tuple(
                sorted(set(_endpoints(mine, port, spec.get("publishNotReadyAddresses", False))))
            )
            if endpoints:
                protocol = port.get("protocol", "TCP")
                own = f"{meta.get('namespace', '')}/{meta['name']}:{port.get('name') or port['port']}"
                affinity = _affinity(spec, own)
                for one in (address, *(spec.get("externalIPs") or ())):
                    yield nftables.Forward(one, int(port["port"]), protocol, endpoints, affinity)
                if port.get("nodePort"):
                    yield nftables.Forward(node_ip, int(port["nodePort"]), protocol, endpoints, affinity)


def _affinity(spec: Mapping[str, Any], port: str) -> nftables.Affinity | None:
    if spec.get("sessionAffinity") != "ClientIP":
        return None
    seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    return nftables.Affinity(port, int(seconds or DEFAULT_AFFINITY_S))


def host_ports(pods: list[dict[str, Any]], node_ip: str) -> Iterator[nftables.Forward]:
    """
    Yield the ``hostPort`` of each container that runs in a network of its Pod's own.

    Without a ``hostIP`` it is that of every address of the node. What comes from 127.0.0.1 itself does not get there:
    the kernel would have to route that address, and then Pods could reach what listens on the node's loopback.

    Source: the portmap plug-in of CNI, which container runtimes call; ``GetPodContainerPortMappings``.
    """
    for pod in pods:
        address = (pod.get("status") or {}).get("podIP")
        if not address or pod["spec"].get("hostNetwork") or has_ended(pod):
            continue
        for port in nodefit.container_ports(pod):
            if port.get("hostPort"):
                endpoint = nftables.Endpoint(address, int(port["containerPort"]))
                own = port.get("hostIP") or nodefit.EVERY_ADDRESS
                for one in (node_ip, LOOPBACK) if own == nodefit.EVERY_ADDRESS else (own,):
                    protocol = port.get("protocol", "TCP")
                    yield nftables.Forward(one, int(port["hostPort"]), protocol, (endpoint,))


def _endpoints(
    slices: list[dict[str, Any]], port: Mapping[str, Any], unready_too: bool
) -> list[nftables.Endpoint]:
    ready: list[nftables.Endpoint] = []
    leaving: list[nftables.Endpoint] = []
    for one in slices:
        numbers = [
            int(entry["port"])
            for entry in one.get("ports") or ()
            if (entry.get("name") or "") == (port.get("name") or "") and entry.get("port")
        ]
        for endpoint in one.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            found = [
                nftables.Endpoint(address, number)
                for address in endpoint.get("addresses") or ()
                for number in numbers
            ]
            if conditions.get("ready", True) or unready_too:
                ready += found
            elif conditions.get("serving") and conditions.get("terminating"):
                leaving += found
    return ready or leaving
