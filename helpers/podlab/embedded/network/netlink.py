"""
Route-netlink requests as bytes: links, addresses, routes. No sockets, so that it can be tested without a kernel.

Loaded by the zygote, hence no imports beyond ``_struct``. Every request asks for an acknowledgement; several joined
together are handled in order by one send. Source: rtnetlink(7), linux/if_link.h, linux/veth.h.
"""

from __future__ import annotations

from _struct import pack, unpack_from

_NEWLINK, _DELLINK, _NEWADDR, _NEWROUTE = 16, 17, 20, 24
_REQUEST, _ACK, _REPLACE, _EXCL, _CREATE = 1, 4, 0x100, 0x200, 0x400
_IFF_UP = 1
_AF_INET = 2
_UNIVERSE, _LINK, _HOST = 0, 253, 254
_UNICAST, _LOCAL = 1, 2
_TABLE_MAIN, _TABLE_LOCAL = 254, 255
_ERROR = 2


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    return pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def request(kind: int, flags: int, body: bytes, sequence: int = 0) -> bytes:
    """Return one message with its header; *flags* beyond REQUEST and ACK."""
    return pack("=IHHII", 16 + len(body), kind, flags | _REQUEST | _ACK, sequence, 0) + body


def address_bytes(text: str) -> bytes:
    """Return the four bytes of a dotted IPv4 address."""
    return bytes(int(part) for part in text.split("."))


def link_up(index: int) -> bytes:
    """Set one interface up."""
    return request(_NEWLINK, 0, pack("=BxHiII", 0, 0, index, _IFF_UP, _IFF_UP))


def delete_link(index: int) -> bytes:
    """Remove one interface; a veth takes its peer along."""
    return request(_DELLINK, 0, pack("=BxHiII", 0, 0, index, 0, 0))


def veth(name: str, index: int, peer: str, peer_index: int, peer_namespace: int) -> bytes:
    """Make a veth pair, both ends down, the peer in the namespace behind descriptor *peer_namespace*."""
    other = pack("=BxHiII", 0, 0, peer_index, 0, 0)
    other += attribute(3, peer.encode() + b"\0") + attribute(28, pack("=i", peer_namespace))
    info = attribute(1, b"veth") + attribute(2, attribute(1, other))
    body = pack("=BxHiII", 0, 0, index, _IFF_UP, _IFF_UP)
    return request(
        _NEWLINK, _CREATE | _EXCL, body + attribute(3, name.encode() + b"\0") + attribute(18, info)
    )


def add_address(index: int, address: str, prefix: int = 32) -> bytes:
    """Give interface *index* an IPv4 address."""
    raw = address_bytes(address)
    body = pack("=BBBBI", _AF_INET, prefix, 0, _UNIVERSE, index) + attribute(2, raw) + attribute(1, raw)
    return request(_NEWADDR, _CREATE | _REPLACE, body)


def add_route(
    destination: str, prefix: int, index: int, *, gateway: str = "", source: str = "", local: bool = False
) -> bytes:
    """Route *destination*/*prefix* through interface *index*; *local* makes every address of it the node's own."""
    scope = _HOST if local else _UNIVERSE if gateway else _LINK
    table, kind = (_TABLE_LOCAL, _LOCAL) if local else (_TABLE_MAIN, _UNICAST)
    body = pack("=BBBBBBBBI", _AF_INET, prefix, 0, 0, table, 4, scope, kind, 0)
    if prefix:
        body += attribute(1, address_bytes(destination))
    body += attribute(4, pack("=I", index))
    if gateway:
        body += attribute(5, address_bytes(gateway))
    if source:
        body += attribute(7, address_bytes(source))
    return request(_NEWROUTE, _CREATE | _REPLACE, body)


def errors(reply: bytes) -> list[int]:
    """Return the errno of every acknowledgement in *reply*; 0 is success."""
    found = []
    offset = 0
    while offset + 16 <= len(reply):
        length, kind = unpack_from("=IH", reply, offset)
        if kind == _ERROR:
            found.append(-unpack_from("=i", reply, offset + 16)[0])
        offset += max(16, (length + 3) & ~3)
    return found
