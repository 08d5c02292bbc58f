"""
The cluster's DNS: A, AAAA (always empty), CNAME, SRV and PTR for names of the cluster, NXDOMAIN at once for all others.

An unknown name fails in milliseconds instead of waiting for a server that an air-gapped room does not have; lessons
count on it. Names outside of the cluster do not resolve: a Pod of the embedded node reaches no other network.
"""

from __future__ import annotations

import asyncio
import struct
from typing import cast

from podlab.embedded.network.zone import ZONE, Zone

_A, _CNAME, _PTR, _AAAA, _SRV, _ANY = 1, 5, 12, 28, 33, 255
_MOST_ALIASES = 8  # CoreDNS follows as many
_TTL_S = 5
_NO_ERROR, _FORMAT_ERROR, _NAME_ERROR, _NOT_IMPLEMENTED = 0, 1, 3, 4
_FLAGS = 0x8580  # response, authoritative, recursion desired and available
IDLE_S = 10.0  # a silent connection is closed then
_REVERSE = ".in-addr.arpa"
_QUESTION = b"\xc0\x0c"  # the name in the question, as a pointer to it


class Responder(asyncio.DatagramProtocol):
    """Answers queries from a zone on one UDP socket."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # asyncio's own class for datagrams does not derive from the documented one on 3.11
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query; other data is dropped."""
        reply = answer(data, self._zone)
        if reply and self._transport:
            self._transport.sendto(reply, addr)


async def converse(zone: Zone, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """
    Answer the queries of one TCP connection, each behind its length in two bytes, until the client is silent or gone.

    Source: RFC 7766.
    """
    try:
        while True:
            async with asyncio.timeout(IDLE_S):
                size = int.from_bytes(await reader.readexactly(2), "big")
                reply = answer(await reader.readexactly(size), zone)
                if not reply:
                    return
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def answer(query: bytes, zone: Zone) -> bytes | None:
    """Return the reply to one query; None for other data."""
    if len(query) < 12 or query[2] & 0x80:
        return None
    if query[2] & 0x78:
        return query[:2] + struct.pack(">HHHHH", _FLAGS | _NOT_IMPLEMENTED, 0, 0, 0, 0)
    try:
        name, end = _read_name(query, 12)
        kind, _class = struct.unpack_from(">HH", query, end)
    except (IndexError, struct.error, UnicodeDecodeError):
        return query[:2] + struct.pack(">HHHHH", _FLAGS | _FORMAT_ERROR, 0, 0, 0, 0)
    code, records = _look_up(name.lower(), kind, zone)
    header = query[:2] + struct.pack(">HHHHH", _FLAGS | code, 1, len(records), 0, 0)
    return header + query[12 : end + 4] + b"".join(records)


def _look_up(name: str, kind: int, zone: Zone) -> tuple[int, list[bytes]]:
    if name.endswith(_REVERSE):
        target = zone.pointer(".".join(reversed(name.removesuffix(_REVERSE).split("."))))
        return (_NO_ERROR, [_record(_PTR, _encode(target))]) if target else (_NAME_ERROR, [])
    ports = zone.services(name)
    if ports is not None:
        targets = [struct.pack(">HHH", 0, 100, port) + _encode(target) for port, target in ports]
        return _NO_ERROR, [_record(_SRV, one) for one in targets] if kind in (_SRV, _ANY) else []
    aliases, name, owner = _aliases(name, kind, zone)
    addresses = zone.addresses(name)
    if addresses is None and name != ZONE:
        return (_NO_ERROR, aliases) if aliases else (_NAME_ERROR, [])
    if kind not in (_A, _ANY):
        return _NO_ERROR, aliases
    found = [bytes(int(part) for part in one.split(".")) for one in addresses or ()]
    return _NO_ERROR, [*aliases, *(_record(_A, one, owner) for one in found)]


def _aliases(name: str, kind: int, zone: Zone) -> tuple[list[bytes], str, bytes]:
    """
    Follow Services of type ExternalName.

    Returns:
        The CNAME records on the way, the name at its end, and that name as the owner of its records.

    Source: ``UpstreamString`` and ``A`` of CoreDNS' plugin/backend_lookup.go. A target outside of the cluster is
    given without addresses: there is nobody to ask.
    """
    records: list[bytes] = []
    owner = _QUESTION
    while (target := zone.alias(name)) and len(records) < _MOST_ALIASES:
        records.append(_record(_CNAME, _encode(target), owner))
        name, owner = target, _encode(target)
        if kind == _CNAME:
            break
    return records, name, owner


def _record(kind: int, data: bytes, owner: bytes = _QUESTION) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, _TTL_S, len(data)) + data


def _encode(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _read_name(data: bytes, offset: int) -> tuple[str, int]:
    """Return a name without compression, as questions have it, and where it ends."""
    labels = []
    while data[offset]:
        length = data[offset]
        if length > 63:
            raise IndexError("a question's name is not compressed")
        label = data[offset + 1 : offset + 1 + length]
        if len(label) < length:
            raise IndexError("cut short")
        labels.append(label.decode("ascii"))
        offset += 1 + length
    return ".".join(labels), offset + 1
