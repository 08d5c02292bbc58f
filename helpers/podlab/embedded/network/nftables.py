"""
Services as nftables rules, as bytes for nfnetlink: no ``nft``, no iptables, nothing to install.

One table, ``podlab``: two chains of nat (for packets of Pods and of the node itself) jump to ``services``, where each
endpoint of each port is one rule; ``hairpin`` masquerades a Pod that reaches itself through its own Service. A change
is one batch (flush and write again), which the kernel applies as a whole or not at all. Which client belongs to which
endpoint (``sessionAffinity``) is kept in sets with a time limit, which outlive such a change.

Source: linux/netfilter/nf_tables.h; libnftnl's expressions, read at Linux 6.1.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from podlab.embedded.addresses import DNS_SERVICE
from podlab.embedded.network.netlink import address_bytes, attribute

TABLE = b"podlab\0"
_SUBSYSTEM, _BATCH_BEGIN, _BATCH_END = 10, 16, 17
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE, _DELETE_RULE, _NEW_SET, _DELETE_SET = 0, 3, 6, 8, 9, 11
_REQUEST, _ACK, _CREATE, _APPEND = 1, 4, 0x400, 0x800
_IPV4 = 2
_PREROUTING, _OUTPUT, _POSTROUTING = 0, 3, 4
_JUMP, _RETURN = -3, -5
_VERDICT_REGISTER, _REGISTER, _SECOND = 0, 1, 2
_NESTED = 0x8000
_DNAT = 1
_SET_WITH_TIMEOUT, _SET_OF_RULES, _IPV4_ADDRESS, _SET_SIZE = 0x10, 0x20, 7, 65535
_UPDATE = 1  # of a set: add the element, or begin its time anew


class Endpoint(NamedTuple):
    """One address and port behind a Service."""

    address: str
    port: int


_RANGE = address_bytes("10.96.0.0")[:2]  # of a /16
_NOWHERE = Endpoint("10.96.255.254", 1)


class Affinity(NamedTuple):
    """``sessionAffinity: ClientIP`` of one Service port, whatever the address by which it is reached."""

    port: str  # NAMESPACE/NAME:PORT
    seconds: int  # after its last connection a client is free again


class Forward(NamedTuple):
    """One Service port: what arrives for ``address``:``port`` goes to one of ``endpoints``."""

    address: str
    port: int
    protocol: str
    endpoints: tuple[Endpoint, ...]
    affinity: Affinity | None = None


def setup() -> tuple[bytes, int]:
    """Return the batch that makes the table and its chains, and how many acknowledgements it asks for."""
    messages = [
        _message(_NEW_TABLE, _CREATE, _text(1, TABLE)),
        _chain(b"services\0"),
        _chain(b"hairpin\0"),
        _chain(b"prerouting\0", hook=_PREROUTING, priority=-100),
        _chain(b"output\0", hook=_OUTPUT, priority=-100),
        _chain(b"postrouting\0", hook=_POSTROUTING, priority=100),
        _rule(b"prerouting\0", [_jump(b"services\0")]),
        _rule(b"output\0", [_jump(b"services\0")]),
        _rule(b"postrouting\0", [_jump(b"hairpin\0")]),
    ]
    return _batch(messages), len(messages)


def replace_services(forwards: Iterable[Forward], before: Iterable[Forward] = ()) -> tuple[bytes, int]:
    """
    Return the batch that replaces all Services, and how many acknowledgements it asks for.

    Args:
        before: What the kernel has: the clients of endpoints that stay are kept.
    """
    forwards = tuple(forwards)
    messages = [_flush(b"services\0"), _flush(b"hairpin\0")]
    kept, had = _client_sets(forwards), _client_sets(before)
    messages += [
        _message(_DELETE_SET, 0, _text(1, TABLE) + attribute(2, one)) for one in had if one not in kept
    ]
    messages += [
        _client_set(name, seconds, number) for number, (name, seconds) in enumerate(kept.items(), 1)
        if name not in had
    ]  # fmt: skip
    own: set[str] = set()
    for forward in forwards:
        messages += _forward(forward)
        own.update(endpoint.address for endpoint in forward.endpoints)
    messages += _refuse_the_rest()
    messages += [
        _rule(b"hairpin\0", [*_match_address(12, one), *_match_address(16, one), _expression(b"masq\0", b"")])
        for one in sorted(own)
    ]
    return _batch(messages), len(messages)


def _forward(forward: Forward) -> list[bytes]:
    """
    Return a rule for each endpoint; the first of n is taken one time in n, the next one time in n-1, and so on.

    With affinity, rules for clients that belong to an endpoint already come before these.

    Source: pkg/proxy/nftables/proxier.go, whose chains are rules here.
    """
    matches = [
        *_match_address(16, forward.address),
        *_match_protocol(forward.protocol),
        *_match_port(forward.port),
    ]
    known, new = [], []
    for position, endpoint in enumerate(forward.endpoints):
        left = len(forward.endpoints) - position
        choice = _one_in(left) if left > 1 else []
        remember: list[bytes] = []
        if forward.affinity:
            clients = _set_name(forward.affinity, forward.protocol, endpoint)
            remember = [_payload(1, 12, 4), _update(clients, forward.affinity.seconds)]
            chosen = [_payload(1, 12, 4), _is_in(clients)]
            known.append(_rule(b"services\0", [*matches, *chosen, *remember, *_destination(endpoint)]))
        new.append(_rule(b"services\0", [*matches, *choice, *remember, *_destination(endpoint)]))
    return [*known, *new]


def _client_sets(forwards: Iterable[Forward]) -> dict[bytes, int]:
    """The name of the set of each endpoint's clients, and after how many seconds it forgets one."""
    return {
        _set_name(one.affinity, one.protocol, endpoint): one.affinity.seconds
        for one in forwards if one.affinity
        for endpoint in one.endpoints
    }  # fmt: skip


def _set_name(affinity: Affinity, protocol: str, endpoint: Endpoint) -> bytes:
    # The time is a part of it: the kernel changes no set that is there.
    return f"{affinity.port}/{protocol}/{endpoint.address}:{endpoint.port}/{affinity.seconds}\0".encode()


def _client_set(name: bytes, seconds: int, number: int) -> bytes:
    body = _text(1, TABLE) + attribute(2, name) + _number(3, _SET_WITH_TIMEOUT | _SET_OF_RULES)
    body += _number(4, _IPV4_ADDRESS) + _number(5, 4) + _nest(9, _number(1, _SET_SIZE)) + _number(10, number)
    return _message(_NEW_SET, _CREATE, body + attribute(11, _milliseconds(seconds)))


def _is_in(clients: bytes) -> bytes:
    return _expression(b"lookup\0", attribute(1, clients) + _number(2, _REGISTER))


def _update(clients: bytes, seconds: int) -> bytes:
    body = attribute(1, clients) + _number(3, _UPDATE) + _number(4, _REGISTER)
    return _expression(b"dynset\0", body + attribute(6, _milliseconds(seconds)))


def _milliseconds(seconds: int) -> bytes:
    return struct.pack(">Q", seconds * 1000)


def _refuse_the_rest() -> list[bytes]:
    """
    Rules for ports that no Service has, which kube-proxy rejects: the range is the node's own, and so would be they.

    They go to a port where nothing listens: a rule that rejects needs another module. DNS is answered by the node.
    """
    rules = [_rule(b"services\0", [*_match_address(16, DNS_SERVICE), _verdict(_RETURN)])]
    for protocol in ("TCP", "UDP"):
        matches = [_payload(1, 16, 2), _equals(_RANGE), *_match_protocol(protocol)]
        rules.append(_rule(b"services\0", [*matches, *_destination(_NOWHERE)]))
    return rules


def _match_address(offset: int, address: str) -> list[bytes]:
    """*offset* in the IP header: 12 is the source, 16 the destination."""
    return [_payload(1, offset, 4), _equals(address_bytes(address))]


def _match_protocol(protocol: str) -> list[bytes]:
    number = {"TCP": socket.IPPROTO_TCP, "UDP": socket.IPPROTO_UDP, "SCTP": 132}[protocol]
    meta = _number(2, 16) + _number(1, _REGISTER)  # NFT_META_L4PROTO
    return [_expression(b"meta\0", meta), _equals(bytes([number]))]


def _match_port(port: int) -> list[bytes]:
    return [_payload(2, 2, 2), _equals(struct.pack(">H", port))]


def _payload(base: int, offset: int, length: int) -> bytes:
    body = _number(1, _REGISTER) + _number(2, base) + _number(3, offset) + _number(4, length)
    return _expression(b"payload\0", body)


def _equals(value: bytes) -> bytes:
    return _expression(b"cmp\0", _number(1, _REGISTER) + _number(2, 0) + _nest(3, attribute(1, value)))


def _one_in(count: int) -> list[bytes]:
    """``numgen random mod count == 0``."""
    body = _number(1, _REGISTER) + _number(2, count) + _number(3, 1) + _number(4, 0)
    return [_expression(b"numgen\0", body), _equals(struct.pack("=I", 0))]


def _destination(endpoint: Endpoint) -> list[bytes]:
    nat = _number(1, _DNAT) + _number(2, _IPV4) + _number(3, _REGISTER) + _number(4, _REGISTER)
    nat += _number(5, _SECOND) + _number(6, _SECOND)
    return [
        _immediate(_REGISTER, address_bytes(endpoint.address)),
        _immediate(_SECOND, struct.pack(">H", endpoint.port)),
        _expression(b"nat\0", nat),
    ]


def _immediate(register: int, value: bytes) -> bytes:
    return _expression(b"immediate\0", _number(1, register) + _nest(2, attribute(1, value)))


def _verdict(code: int) -> bytes:
    return _expression(b"immediate\0", _number(1, _VERDICT_REGISTER) + _nest(2, _nest(2, _number(1, code))))


def _jump(chain: bytes) -> bytes:
    verdict = _nest(2, _number(1, _JUMP) + attribute(2, chain))
    return _expression(b"immediate\0", _number(1, _VERDICT_REGISTER) + _nest(2, verdict))


def _expression(name: bytes, body: bytes) -> bytes:
    return _nest(1, attribute(1, name) + _nest(2, body))


def _chain(name: bytes, *, hook: int | None = None, priority: int = 0) -> bytes:
    body = _text(1, TABLE) + attribute(3, name)
    if hook is not None:
        body += _nest(4, _number(1, hook) + _number(2, priority)) + attribute(7, b"nat\0")
    return _message(_NEW_CHAIN, _CREATE, body)


def _rule(chain: bytes, expressions: Sequence[bytes]) -> bytes:
    body = _text(1, TABLE) + attribute(2, chain) + _nest(4, b"".join(expressions))
    return _message(_NEW_RULE, _CREATE | _APPEND, body)


def _flush(chain: bytes) -> bytes:
    return _message(_DELETE_RULE, 0, _text(1, TABLE) + attribute(2, chain))


def _text(kind: int, value: bytes) -> bytes:
    return attribute(kind, value)


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack(">i" if value < 0 else ">I", value))


def _nest(kind: int, body: bytes) -> bytes:
    return attribute(kind | _NESTED, body)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    header = struct.pack(">BBH", _IPV4, 0, 0)
    size = 16 + len(header) + len(body)
    return struct.pack("=IHHII", size, _SUBSYSTEM << 8 | kind, flags | _REQUEST | _ACK, 0, 0) + header + body


def _batch(messages: Sequence[bytes]) -> bytes:
    # The sequence numbers tell the kernel's answers apart; the batch's own two messages are not acknowledged.
    numbered = [one[:8] + struct.pack("=I", place + 1) + one[12:] for place, one in enumerate(messages)]
    return _mark(_BATCH_BEGIN) + b"".join(numbered) + _mark(_BATCH_END)


def _mark(kind: int) -> bytes:
    return struct.pack("=IHHII", 20, kind, _REQUEST, 0, 0) + struct.pack(">BBH", 0, 0, _SUBSYSTEM)
