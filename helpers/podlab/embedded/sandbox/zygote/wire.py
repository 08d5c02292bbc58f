"""
Messages with descriptors between the daemon and the node: marshal over one SOCK_SEQPACKET socket.

A message keeps its bounds and its descriptors. One longer than ``_INLINE`` bytes (a large environment) travels in a
memory file of its own, because a sequenced packet must fit the socket's buffer. Only plain values: numbers, text,
bytes, None, lists, tuples, dicts.
"""

from __future__ import annotations

import _socket
import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_INLINE = 48 * 1024
_SCM_RIGHTS = 1
_MSG_CMSG_CLOEXEC = 0x40000000
MAX_DESCRIPTORS = 16


def send(sock: _socket.socket, message: Any, descriptors: Sequence[int] = ()) -> None:
    """Send one message; the descriptors stay open here. Raises OSError."""
    body = marshal.dumps(message)
    if len(body) <= _INLINE:
        _send(sock, b"m" + body, descriptors)
        return
    memory = os.memfd_create("podlab-message", os.MFD_CLOEXEC)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(memory, view) :]
        _send(sock, b"f", (*descriptors, memory))
    finally:
        os.close(memory)


def _send(sock: _socket.socket, data: bytes, descriptors: Sequence[int]) -> None:
    ancillary = []
    if descriptors:
        packed = b"".join(number.to_bytes(4, "little") for number in descriptors)
        ancillary = [(_socket.SOL_SOCKET, _SCM_RIGHTS, packed)]
    sock.sendmsg([data], ancillary)


def receive(sock: _socket.socket) -> tuple[Any, list[int]] | None:
    """Return the next message and its descriptors, or None at the end of the stream."""
    data, ancillary, _flags, _address = sock.recvmsg(
        _INLINE + 16, _socket.CMSG_SPACE(4 * MAX_DESCRIPTORS), _MSG_CMSG_CLOEXEC
    )
    descriptors: list[int] = []
    for level, kind, packed in ancillary:
        if level == _socket.SOL_SOCKET and kind == _SCM_RIGHTS:
            usable = len(packed) - len(packed) % 4
            descriptors += [int.from_bytes(packed[i : i + 4], "little") for i in range(0, usable, 4)]
    if not data:
        return None
    if data[:1] == b"m":
        return marshal.loads(data[1:]), descriptors
    memory = descriptors.pop()
    try:
        return marshal.loads(_whole(memory)), descriptors
    finally:
        os.close(memory)


def _whole(memory: int) -> bytes:
    size = os.fstat(memory).st_size
    parts = []
    offset = 0
    while offset < size:
        part = os.pread(memory, size - offset, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)
