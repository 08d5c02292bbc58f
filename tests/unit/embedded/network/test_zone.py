"""What the cluster's DNS answers, and which rules Services become: pure, no kernel."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import Any

import pytest

from podlab.embedded.network import netlink, nftables
from podlab.embedded.network.dns import answer
from podlab.embedded.network.proxy import ServiceProxy, forwards, host_ports
from podlab.embedded.network.zone import Zone


def service(name: str, address: str, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"clusterIP": address, "ports": list(ports), **spec},
    }


def endpoints(name: str, *found: dict[str, Any], port: int = 5432, port_name: str = "") -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": name}
    return {
        "metadata": {"name": f"{name}-x", "namespace": "ns", "labels": labels},
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
        "endpoints": list(found),
    }


def ready(address: str, hostname: str = "") -> dict[str, Any]:
    return {
        "addresses": [address],
        "conditions": {"ready": True},
        **({"hostname": hostname} if hostname else {}),
    }


@pytest.fixture
def zone() -> Zone:
    made = Zone()
    made.replace(
        [
            service("db", "10.96.0.5", {"name": "sql", "port": 5432}),
            service("peers", "None", {"port": 80}),
            service("none", "None", {"port": 80}),
            service("other", "", type="ExternalName", externalName="db.ns.svc.cluster.local"),
            service("far", "", type="ExternalName", externalName="Example.org."),
            service("ring", "", type="ExternalName", externalName="ring.ns.svc.cluster.local"),
        ],
        [endpoints("peers", ready("10.244.0.3", "a"), ready("10.244.0.4"))],
    )
    return made


def ask(zone: Zone, name: str, kind: int = 1) -> tuple[int, list[bytes]]:
    question = b"".join(bytes([len(one)]) + one.encode() for one in name.split(".")) + b"\0"
    reply = answer(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0" + question + struct.pack(">HH", kind, 1), zone)
    assert reply is not None
    assert reply[:2] == b"\x12\x34"
    count = struct.unpack(">H", reply[6:8])[0]
    records, offset = [], 12 + len(question) + 4
    for _number in range(count):
        if reply[offset] < 0xC0:  # a name in full, behind an alias
            offset = reply.index(b"\0", offset) + 1 - 2
        length = struct.unpack_from(">H", reply, offset + 10)[0]
        records.append(reply[offset + 12 : offset + 12 + length])
        offset += 12 + length
    assert offset == len(reply)
    return reply[3] & 15, records


@pytest.mark.parametrize(
    ("name", "kind", "code", "count"),
    [
        ("db.ns.svc.cluster.local", 1, 0, 1),
        ("DB.ns.svc.CLUSTER.local", 1, 0, 1),
        ("db.ns.svc.cluster.local", 28, 0, 0),  # no IPv6, but the name is there
        ("db", 1, 3, 0),
        ("nope.ns.svc.cluster.local", 1, 3, 0),
        ("example.com", 1, 3, 0),
        ("ns.svc.cluster.local", 1, 0, 0),
        ("peers.ns.svc.cluster.local", 1, 0, 2),
        ("a.peers.ns.svc.cluster.local", 1, 0, 1),
        ("none.ns.svc.cluster.local", 1, 0, 0),
        ("10-244-0-9.ns.pod.cluster.local", 1, 0, 1),
        ("999-244-0-9.ns.pod.cluster.local", 1, 3, 0),
        ("_sql._tcp.db.ns.svc.cluster.local", 33, 0, 1),
        ("5.0.96.10.in-addr.arpa", 12, 0, 1),
        ("6.0.96.10.in-addr.arpa", 12, 3, 0),
    ],
)
def test_answers(zone: Zone, name: str, kind: int, code: int, count: int) -> None:
    found, records = ask(zone, name, kind)
    assert (found, len(records)) == (code, count)


def test_the_address_is_the_services(zone: Zone) -> None:
    assert ask(zone, "db.ns.svc.cluster.local") == (0, [bytes([10, 96, 0, 5])])


def text_of(name: str) -> bytes:
    return b"".join(bytes([len(one)]) + one.encode() for one in name.split(".")) + b"\0"


@pytest.mark.parametrize(
    ("name", "kind", "records"),
    [
        ("other", 1, [text_of("db.ns.svc.cluster.local"), bytes([10, 96, 0, 5])]),
        ("other", 5, [text_of("db.ns.svc.cluster.local")]),
        ("other", 28, [text_of("db.ns.svc.cluster.local")]),
        ("far", 1, [text_of("example.org")]),  # nobody knows its address
        ("ring", 1, [text_of("ring.ns.svc.cluster.local")] * 8),  # an alias of itself has an end
    ],
)
def test_an_external_name_is_an_alias(zone: Zone, name: str, kind: int, records: list[bytes]) -> None:
    assert ask(zone, f"{name}.ns.svc.cluster.local", kind) == (0, records)


def pod_with_port(**port: Any) -> dict[str, Any]:
    ports = [{"containerPort": 8080, **port}]
    return {"spec": {"containers": [{"ports": ports}]}, "status": {"podIP": "10.244.0.3", "phase": "Running"}}


def test_host_ports_lead_to_the_pod() -> None:
    """At every address of the node, or at the one that is asked for."""
    to = (nftables.Endpoint("10.244.0.3", 8080),)
    every, one = pod_with_port(hostPort=80), pod_with_port(hostPort=80, hostIP="127.0.0.1", protocol="UDP")
    assert list(host_ports([every, one], "172.18.0.2")) == [
        nftables.Forward("172.18.0.2", 80, "TCP", to),
        nftables.Forward("127.0.0.1", 80, "TCP", to),
        nftables.Forward("127.0.0.1", 80, "UDP", to),
    ]


def test_no_host_port_leads_to_a_pod_without_a_network_of_its_own() -> None:
    """One that has ended, that has no address yet, that uses the node's network, or that asks for none."""
    ended, waiting, shared = (pod_with_port(hostPort=80) for _ in range(3))
    ended["status"]["phase"] = "Failed"
    del waiting["status"]["podIP"]
    shared["spec"]["hostNetwork"] = True
    assert list(host_ports([ended, waiting, shared, pod_with_port()], "172.18.0.2")) == []


def test_any_bytes_as_a_query_are_survived(zone: Zone) -> None:
    chance = random.Random(4)
    for _round in range(3000):
        answer(chance.randbytes(chance.randrange(0, 60)), zone)


def test_forwards_take_ready_endpoints_and_terminating_ones_only_when_there_is_no_other() -> None:
    leaving = {
        "addresses": ["10.244.0.9"],
        "conditions": {"ready": False, "serving": True, "terminating": True},
    }
    unready = {"addresses": ["10.244.0.8"], "conditions": {"ready": False, "serving": False}}
    db = service("db", "10.96.0.5", {"port": 5432})

    both = list(forwards([db], [endpoints("db", ready("10.244.0.3"), leaving, unready)], "172.18.0.2"))
    assert both == [nftables.Forward("10.96.0.5", 5432, "TCP", (nftables.Endpoint("10.244.0.3", 5432),))]
    last = list(forwards([db], [endpoints("db", leaving, unready)], "172.18.0.2"))
    assert last[0].endpoints == (nftables.Endpoint("10.244.0.9", 5432),)
    assert list(forwards([db], [endpoints("db", unready)], "172.18.0.2")) == []


def test_named_ports_go_to_the_endpoints_of_that_name_and_node_ports_to_the_same() -> None:
    web = service(
        "web", "10.96.0.6", {"name": "http", "port": 80, "nodePort": 30080}, {"name": "adm", "port": 81}
    )
    slices = [endpoints("web", ready("10.244.0.3"), port=8080, port_name="http")]
    found = list(forwards([web], slices, "172.18.0.2"))
    target = (nftables.Endpoint("10.244.0.3", 8080),)
    assert found == [
        nftables.Forward("10.96.0.6", 80, "TCP", target),
        nftables.Forward("172.18.0.2", 30080, "TCP", target),
    ]


def test_what_is_left_to_another_proxy_gets_no_rules() -> None:
    """By a label of the Service, or of a slice."""
    web = service("web", "10.96.0.6", {"port": 80})
    slices = [endpoints("web", ready("10.244.0.3"), port=80)]
    assert list(forwards([web], slices, "172.18.0.2"))
    slices[0]["metadata"]["labels"]["service.kubernetes.io/headless"] = ""
    assert not list(forwards([web], slices, "172.18.0.2"))
    del slices[0]["metadata"]["labels"]["service.kubernetes.io/headless"]
    web["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "other"}
    assert not list(forwards([web], slices, "172.18.0.2"))


def test_a_batch_asks_for_one_acknowledgement_a_message() -> None:
    forward = nftables.Forward(
        "10.96.0.5", 80, "TCP", tuple(nftables.Endpoint(f"10.244.0.{n}", 80) for n in (3, 4, 5))
    )
    batch, acknowledgements = nftables.replace_services([forward])
    refusals = 3  # the DNS Service is spared; then TCP and UDP
    # Two flushes, a rule for each endpoint, the refusal of other ports, a masquerade for each endpoint.
    assert acknowledgements == 2 + 3 + refusals + 3
    kinds, offset = [], 0
    while offset < len(batch):
        length, kind = struct.unpack_from("=IH", batch, offset)
        kinds.append(kind)
        offset += length
    assert offset == len(batch)
    assert len(kinds) == acknowledgements + 2


def test_netlink_errors_are_read_from_acknowledgements() -> None:
    good = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, 0) + bytes(16)
    bad = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -17) + bytes(16)
    assert netlink.errors(good + bad) == [0, 17]


class Kernel:
    """A store of one sticky Service, and a node whose kernel gives the *answers* one after the other."""

    node_ip = "10.244.0.1"

    def __init__(self, *answers: list[int]) -> None:
        self.answers, self.batches = list(answers), list[bytes]()
        web = service("web", "10.96.0.5", {"port": 80}, sessionAffinity="ClientIP")
        self.objects = {"services": [web], "endpointslices": [endpoints("web", ready("10.244.0.3"), port=80)]}

    def list(self, resource: str) -> list[dict[str, Any]]:
        return self.objects.get(resource, [])

    async def netfilter(self, batch: bytes, _acknowledgements: int) -> list[int]:
        self.batches.append(batch)
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("second", "remembers"), [([16], True), ([], False)], ids=["all of it refused", "only affinity refused"]
)
def test_affinity_is_given_up_only_where_the_rest_is_taken(second: list[int], remembers: bool) -> None:
    """A kernel that is busy refuses everything; one that keeps no clients refuses their sets alone."""
    kernel = Kernel([16], second, [])
    proxy = ServiceProxy(kernel, kernel)  # type: ignore[arg-type]  # the two calls that ``apply`` makes
    proxy.works = True

    async def twice() -> None:
        await proxy.apply()
        kernel.objects["endpointslices"] = [endpoints("web", ready("10.244.0.4"), port=80)]
        await proxy.apply()

    asyncio.run(twice())
    assert [b"ns/web:80/TCP/" in batch for batch in kernel.batches] == [True, False, remembers]
