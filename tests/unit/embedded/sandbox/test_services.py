"""Services on a real node's kernel: refused without endpoints, spread over several, reachable from oneself."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sandbox_bench import Bench, on_node

from podlab.embedded.network import ServiceProxy
from podlab.embedded.runtime import SandboxRecord

_SEARCH = ("ns.svc.cluster.local", "svc.cluster.local", "cluster.local")


class Store:
    """Three lists that can be watched."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {"services": [], "endpointslices": [], "pods": []}
        self._callbacks: dict[str, list[Callable[[str, dict[str, Any]], None]]] = {}

    def list(self, resource: str, _namespace: str | None = None) -> list[dict[str, Any]]:
        return self.objects[resource]

    def watch(
        self, resource: str, callback: Callable[[str, dict[str, Any]], None], _since: int | None = None
    ) -> Callable[[], None]:
        self._callbacks.setdefault(resource, []).append(callback)
        return lambda: None

    def set(self, resource: str, objects: list[dict[str, Any]]) -> None:
        self.objects[resource] = objects
        for callback in self._callbacks.get(resource, ()):
            callback("MODIFIED", {})


def _service(name: str, address: str, port: int) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"clusterIP": address, "ports": [{"port": port}]},
    }


def _slice(name: str, addresses: list[str], port: int) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": name}
    return {
        "metadata": {"name": name, "namespace": "ns", "labels": labels},
        "ports": [{"port": port}],
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in addresses],
    }


def test_waiting_for_a_service_as_the_lesson_does() -> None:
    async def scenario(bench: Bench) -> None:
        store = Store()
        proxy = ServiceProxy(store, bench.runtime)
        await proxy.start()
        if not proxy.works:
            pytest.skip("this kernel has no nftables")
        resolver = {"dns_searches": _SEARCH, "dns_options": ("ndots:5",)}
        shop, db = await bench.pod("shop", **resolver), await bench.pod("db", **resolver)
        waiter = await bench.start(
            shop, "until nc -z -w 2 db 5432; do echo waiting for db; sleep 0.1; done; echo there"
        )
        await bench.said(shop, waiter, "bad address 'db'")  # no Service yet: the name is not known

        store.set("services", [_service("db", "10.96.7.7", 5432)])
        await asyncio.sleep(0.3)
        code, lines = await bench.run(shop, "nc -z -w 2 db 5432; echo $?")
        assert lines[-1] == "1"  # a Service without endpoints refuses at once
        server = await bench.start(db, "while true; do echo pong | nc -l -p 5432; done")
        store.set("endpointslices", [_slice("db", [db.ip], 5432)])
        assert bench.lines(await bench.ended(shop, waiter))[-1] == "there"

        # a Pod reaches itself through its own Service, and the node reaches it too
        code, lines = await bench.run(db, "until nc -w 2 db 5432 </dev/null; do sleep 0.1; done")
        assert (code, lines[-1]) == (0, "pong")
        for _turn in range(50):
            try:
                os.close(await bench.runtime.node_connect("10.96.7.7", 5432, 2))
                break
            except ConnectionRefusedError:  # nc is between two connections
                await asyncio.sleep(0.1)
        else:
            pytest.fail("the node did not reach the Service")
        await bench.runtime.stop_container(server, 0)
        with pytest.raises(ConnectionRefusedError):
            await bench.runtime.node_connect("10.96.7.7", 5432, 2)
        await proxy.close()

    on_node(scenario)


def test_a_port_that_no_service_has_reaches_nothing_of_the_node() -> None:
    """A listener of the node, or of a Pod in its network, answered at every Service's address."""

    async def scenario(bench: Bench) -> None:
        store = Store()
        proxy = ServiceProxy(store, bench.runtime)
        await proxy.start()
        if not proxy.works:
            pytest.skip("this kernel has no nftables")
        shop, host = await bench.pod("shop"), await bench.pod("host", host_network=True)
        await bench.start(host, "while true; do echo mine | nc -l -p 18123; done")
        store.set("services", [_service("db", "10.96.7.7", 5432)])
        await proxy.apply()
        code, _lines = await bench.run(
            shop, f"until nc -z -w 2 {bench.runtime.node.ip} 18123; do sleep 0.1; done"
        )
        assert code == 0
        for port in (18123, 5432):
            code, lines = await bench.run(shop, f"nc -w 5 10.96.7.7 {port} </dev/null; echo $?")
            assert lines[-1] == "1" and "mine" not in lines
        code, lines = await bench.run(shop, "nslookup kubernetes.default 10.96.0.10 || true")
        assert "10.96.0.10" in " ".join(lines)

    on_node(scenario)


def test_several_endpoints_all_get_their_share() -> None:
    async def scenario(bench: Bench) -> None:
        counts = await _connections(bench, _service("web", "10.96.7.8", 80), "10.96.7.8")
        assert sum(counts) == 60
        assert min(counts) >= 5

    on_node(scenario)


def test_one_client_stays_at_one_endpoint_where_the_service_says_so() -> None:
    """sessionAffinity: ClientIP."""

    async def scenario(bench: Bench) -> None:
        service = _service("web", "10.96.7.8", 80)
        service["spec"]["sessionAffinity"] = "ClientIP"
        assert sorted(await _connections(bench, service, "10.96.7.8")) == [0, 0, 60]

    on_node(scenario)


def test_a_client_keeps_its_endpoint_over_a_change_and_for_its_time_alone() -> None:
    """Another endpoint comes and goes, and the client stays; then it gets a time limit, which runs out."""

    async def scenario(bench: Bench) -> None:
        service = _service("web", "10.96.7.8", 80)
        service["spec"]["sessionAffinity"] = "ClientIP"
        async with _behind(bench, service, 4) as (store, proxy, addresses, listeners):
            seen: list[list[int]] = []
            for count in (3, 4, 3, 4):  # one endpoint comes and goes
                store.set("endpointslices", [_slice("web", addresses[:count], 80)])
                await proxy.apply()
                for _number in range(10):
                    os.close(await bench.runtime.node_connect("10.96.7.8", 80, 2))
                seen.append([await _accepted(listener) for listener in listeners])
            (first,) = [number for number, count in enumerate(seen[0]) if count]
            assert seen == [[10 * (number == first) for number in range(4)]] * 4
            service["spec"]["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 1}}
            await proxy.apply()
            chosen: set[int] = set()
            for _turn in range(12):  # the same of four each time: 1 in 4 million
                await asyncio.sleep(1.5)
                os.close(await bench.runtime.node_connect("10.96.7.8", 80, 2))
                chosen |= {number for number, listener in enumerate(listeners) if await _accepted(listener)}
                if len(chosen) > 1:
                    break
            assert len(chosen) > 1

    on_node(scenario)


def test_an_external_address_of_a_service_is_served() -> None:
    """A Pod reaches it, although the node knows no such network."""

    async def scenario(bench: Bench) -> None:
        store = Store()
        proxy = ServiceProxy(store, bench.runtime)
        await proxy.start()
        shop, db = await bench.pod("shop"), await bench.pod("db")
        await bench.start(db, "while true; do echo pong | nc -l -p 5432; done")
        service = _service("db", "10.96.7.9", 5432)
        service["spec"]["externalIPs"] = ["203.0.113.7"]
        store.set("services", [service])
        store.set("endpointslices", [_slice("db", [db.ip], 5432)])
        code, lines = await bench.run(shop, "until nc -w 2 203.0.113.7 5432 </dev/null; do sleep 0.1; done")
        assert (code, lines[-1]) == (0, "pong")
        await proxy.close()

    on_node(scenario)


async def _connections(bench: Bench, service: dict[str, Any], address: str) -> list[int]:
    """How many of 60 connections of the node to *address* each of three Pods behind a Service got."""
    async with _behind(bench, service, 3) as (store, _proxy, addresses, listeners):
        store.set("endpointslices", [_slice("web", addresses, 80)])
        await asyncio.sleep(0.2)
        for _number in range(60):
            os.close(await bench.runtime.node_connect(address, 80, 2))
        return [await _accepted(listener) for listener in listeners]


@asynccontextmanager
async def _behind(
    bench: Bench, service: dict[str, Any], number: int
) -> AsyncIterator[tuple[Store, ServiceProxy, list[str], list[socket.socket]]]:
    """A proxy of *service*, which has no endpoints yet, and the addresses of Pods that listen at port 80."""
    store = Store()
    proxy = ServiceProxy(store, bench.runtime)
    await proxy.start()
    if not proxy.works:
        pytest.skip("this kernel has no nftables")
    pods = [await bench.pod(f"p{each}") for each in range(number)]
    listeners = [await _listening(bench, pod) for pod in pods]
    store.set("services", [service])
    yield store, proxy, [pod.ip for pod in pods], listeners
    await proxy.close()
    for listener in listeners:
        listener.close()


async def _listening(bench: Bench, pod: SandboxRecord) -> socket.socket:
    descriptor = await bench.runtime.make_socket(pod.id, socket.SOCK_STREAM, ("0.0.0.0", 80))  # noqa: S104
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


async def _accepted(listener: socket.socket) -> int:
    loop, count = asyncio.get_running_loop(), 0
    while True:
        try:
            sock, _address = await asyncio.wait_for(loop.sock_accept(listener), 0.2)
        except TimeoutError:
            return count
        sock.close()
        count += 1


def test_names_are_answered_over_tcp_too() -> None:
    """Two queries on one connection, each behind its length."""

    async def scenario(bench: Bench) -> None:
        store = Store()
        proxy = ServiceProxy(store, bench.runtime)
        await proxy.start()
        store.set("services", [_service("db", "10.96.7.7", 5432)])
        await asyncio.sleep(0.2)
        link = socket.socket(fileno=await bench.runtime.node_connect("10.96.0.10", 53, 2))
        link.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=link)
        question = b"\2db\2ns\3svc\7cluster\5local\0" + b"\0\1\0\1"
        for number in (b"\0\7", b"\0\x08"):
            query = number + b"\1\0" + b"\0\1" + bytes(6) + question
            writer.write(len(query).to_bytes(2, "big") + query)
            reply = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            assert (reply[:2], reply[-4:]) == (number, socket.inet_aton("10.96.7.7"))
        writer.close()
        await proxy.close()

    on_node(scenario)
