"""
NET_ADMIN: a Pod that asks has it over its own network, and has nothing over other Pods, the node or the machine.

Each attack on the network was seen to succeed while such a Pod's network belonged to the node's user namespace, and
the one on its owner while only the container that asks was in the namespace below.
"""

from __future__ import annotations

import os

import pytest
from sandbox_bench import Bench, on_node

PYTHON = "python:3.11-slim"
ASKS = {"image": PYTHON, "add_capabilities": ("NET_ADMIN",)}
MTU = (
    "import fcntl, socket, struct\n"
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "try:\n"
    "    fcntl.ioctl(s, 0x8922, struct.pack('16si12x', b'eth0', 1400)); print('changed')\n"  # SIOCSIFMTU
    "except OSError as error: print(error.strerror)\n"
)
# Route-netlink in few words: ask(kind, flags, body) answers with an errno, or with the interfaces' numbers.
NETLINK = (
    "import socket, struct\n"
    "def attr(kind, data): return struct.pack('HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)\n"
    "def word(kind, number): return attr(kind, struct.pack('i', number))\n"
    "def nest(kind, *parts): return attr(kind | 0x8000, b''.join(parts))\n"
    "def ask(kind, flags, attributes, index=0):\n"
    "    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n"
    "    s.setsockopt(270, 12, 1)\n"  # strict checking, or a number in a list is passed over
    "    body = struct.pack('BxHiII', 0, 0, index, 0, 0) + attributes\n"
    "    s.send(struct.pack('IHHII', 16 + len(body), kind, flags, 1, 0) + body)\n"
    "    seen = []\n"
    "    while True:\n"
    "        data = s.recv(1 << 20)\n"
    "        while data:\n"
    "            size, what = struct.unpack_from('IH', data)\n"
    "            if what == 2: return -struct.unpack_from('i', data, 16)[0]\n"
    "            if what == 3: return -struct.unpack_from('i', data, 16)[0] or sorted(seen)\n"
    "            seen.append(struct.unpack_from('i', data, 20)[0]); data = data[(size + 3) & ~3:]\n"
    "own = ask(18, 0x301, b'')\n"  # a list of one's own interfaces gives the other end's network its number, 0
    "assert own == [1, 2], own\n"
)
LIST_NODE = NETLINK + "print(ask(18, 0x301, word(46, 0)))\n"  # RTM_GETLINK, IFLA_TARGET_NETNSID
DELETE_NODE = NETLINK + "print(ask(17, 5, word(46, 0), index={index}))\n"  # RTM_DELLINK
# RTM_NEWLINK: a macvlan on the other Pod's end at the node (IFLA_LINK_NETNSID), to hear what it hears.
LISTEN = NETLINK + (
    "kind = nest(18, attr(1, b'macvlan'), nest(2, word(1, 8)))\n"
    "print(ask(16, 0x605, attr(3, b'spy0\\0') + word(5, {index}) + word(37, 0) + kind))\n"
)
# The owner of the network's user namespace, entered by a descriptor of that network.
ENTER = (
    "import ctypes, fcntl, os\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "net = os.open('/proc/self/ns/net', os.O_RDONLY)\n"
    "try: users = fcntl.ioctl(net, 0xb701)\n"  # NS_GET_USERNS
    "except OSError as error: users = -1\n"
    "print(libc.setns(users, 0x10000000), libc.unshare(0x10000000), libc.unshare(0x20000))\n"
)


async def tried(bench: Bench, pod: object, program: str, **settings: object) -> str:
    """What the program printed, in one line."""
    code, lines = await bench.run(pod, ["python", "-c", program], **{**ASKS, **settings})  # type: ignore[arg-type]
    assert code == 0, lines
    return " ".join(lines)


def test_who_asks_may_change_the_own_network_and_a_neighbour_in_the_pod_may_not() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod("mesh", net_admin=True)
        assert await tried(bench, pod, MTU) == "changed"
        assert await tried(bench, pod, MTU, add_capabilities=()) == "Operation not permitted"
        plain = await bench.pod("plain")
        assert await tried(bench, plain, MTU) == "Operation not permitted"

    on_node(scenario)


def test_an_exec_has_what_its_container_has() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod("mesh", net_admin=True)
        for added, text in ((("NET_ADMIN",), b"changed\n"), ((), b"Operation not permitted\n")):
            identity = await bench.start(pod, ["sleep", "600"], image=PYTHON, add_capabilities=added)
            seen = await bench.runtime.exec_sync(identity, ["python", "-c", MTU], 30)
            assert seen.stdout == text

    on_node(scenario)


def test_it_has_no_other_capability_more() -> None:
    async def scenario(bench: Bench) -> None:
        pod, plain = await bench.pod("mesh", net_admin=True), await bench.pod("plain")
        sets = "grep -E 'Cap(Eff|Bnd|Prm|Inh|Amb)' /proc/self/status"
        _, usual = await bench.run(plain, sets)
        assert (await bench.run(pod, sets))[1] == usual
        _, more = await bench.run(pod, sets, add_capabilities=("NET_ADMIN",))
        gained = [int(a.split()[1], 16) ^ int(b.split()[1], 16) for a, b in zip(more, usual, strict=True)]
        assert gained == [0, 1 << 12, 1 << 12, 1 << 12, 0]

    on_node(scenario)


@pytest.mark.parametrize("program", [LIST_NODE, DELETE_NODE, LISTEN])
def test_the_other_end_of_its_interface_leads_to_no_network_but_its_own(program: str) -> None:
    async def scenario(bench: Bench) -> None:
        other = await bench.pod("other")
        server = await bench.start(other, "while true; do echo here | nc -l -p 8080; done")
        pod = await bench.pod("mesh", net_admin=True)
        index = 101  # the node's end of the first Pod's pair
        refused = await tried(bench, pod, program.replace("{index}", str(index)))
        assert refused in ("1", "13")  # EPERM, EACCES
        ask = f"for i in $(seq 600); do echo | nc -w 1 {other.ip} 8080 && exit; sleep 0.1; done; exit 1"
        assert (await bench.run(pod, ask))[1][:1] == ["here"]
        assert bench.record(other, server).exit_code is None

    on_node(scenario)


@pytest.mark.parametrize("added", [("NET_ADMIN",), ()])
def test_nobody_in_the_pod_becomes_root_of_the_network_s_owner(added: tuple[str, ...]) -> None:
    """In a user namespace of which it is the owner, or in a new one, its root had every capability."""

    async def scenario(bench: Bench) -> None:
        pod = await bench.pod("mesh", net_admin=True)
        assert await tried(bench, pod, ENTER, add_capabilities=added) == "-1 -1 -1"

    on_node(scenario)


def test_it_speaks_under_no_other_pods_address() -> None:
    """The first datagram claims the victim's address; only the second, honest one may arrive."""

    async def scenario(bench: Bench) -> None:
        victim, hearer = await bench.pod("victim"), await bench.pod("hearer")
        pod = await bench.pod("mesh", net_admin=True)
        listen = (
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 9999)); "
            "print('listens', flush=True); print(s.recvfrom(99)[1][0], flush=True)"
        )
        identity = await bench.start(hearer, ["python", "-c", listen], image=PYTHON)
        await bench.said(hearer, identity, "listens")
        claim = NETLINK + (
            "a = socket.inet_aton('{victim}')\n"
            "s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n"
            "body = struct.pack('BBBBi', 2, 32, 0, 0, 2) + attr(1, a) + attr(2, a)\n"
            "s.send(struct.pack('IHHII', 16 + len(body), 20, 0x605, 1, 0) + body)\n"
            "assert struct.unpack_from('i', s.recv(9999), 16)[0] == 0\n"
            "for source in ('{victim}', '{own}'):\n"
            "    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind((source, 0))\n"
            "    u.sendto(b'x', ('{hearer}', 9999))\n"
            "print('sent')\n"
        )
        for word, address in (("victim", victim.ip), ("own", pod.ip), ("hearer", hearer.ip)):
            claim = claim.replace("{" + word + "}", address)
        assert await tried(bench, pod, claim) == "sent"
        assert bench.lines(await bench.ended(hearer, identity))[1:] == [pod.ip]

    on_node(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="users are real for root only")
def test_its_files_and_users_are_those_of_any_pod() -> None:
    async def scenario(bench: Bench) -> None:
        pod = await bench.pod("mesh", net_admin=True)
        touched = (
            "touch /tmp/f && chown 1234:5678 /tmp/f && chmod 600 /tmp/f && stat -c %u:%g /tmp/f && id -u"
        )
        assert await bench.run(pod, touched) == (0, ["1234:5678", "0"])
        assert await bench.run(pod, "id -u; id -g", run_as_user=101, run_as_group=102) == (0, ["101", "102"])

    on_node(scenario)


def test_nothing_is_left_of_its_network() -> None:
    async def scenario(bench: Bench) -> None:
        before = await bench.runtime.node.link.call("probe", {})
        for number in range(3):
            pod = await bench.pod(f"mesh{number}", net_admin=True)
            await bench.run(pod, "true", add_capabilities=("NET_ADMIN",))
            await bench.runtime.remove_pod(pod.pod_uid)
        assert await bench.runtime.node.link.call("probe", {}) == before

    on_node(scenario)
