"""Sockets, terminals and batches of rules that the node makes for the daemon, which lives in the host's network."""

from __future__ import annotations

import _socket
import fcntl
import os
import sys

from podlab.embedded.network import netlink
from podlab.embedded.sandbox.zygote import linux, podsandbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NETLINK, _NETFILTER = 16, 12


def bound_socket(home: tuple[int, int, int], network: int, request: dict[str, Any]) -> _socket.socket:
    """Make a socket in *network*, bound and listening if *request* asks for it. Raises OSError."""
    sock = podsandbox.socket_in(home, network, request["family"], request["kind"])
    try:
        if request["bind"]:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            sock.bind(tuple(request["bind"]))
            if request["kind"] == _socket.SOCK_STREAM:
                sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def new_terminal(folder: str) -> tuple[int, int, int]:
    """
    Make a terminal, one that the containers of a Pod have below their own /dev/pts. Raises OSError.

    Returns:
        Its number, and descriptors of both ends, ours first; the caller closes them.
    """
    ours = os.open(folder + "/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(ours, linux.TIOCSPTLCK, b"\0\0\0\0")
        number = int.from_bytes(fcntl.ioctl(ours, linux.TIOCGPTN, b"\0\0\0\0"), sys.byteorder)
        theirs = os.open(f"{folder}/{number}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        os.close(ours)
        raise
    return number, ours, theirs


def apply_rules(batch: bytes, acknowledgements: int) -> list[int]:
    """Hand one nftables batch to the kernel; returns the errno of every message that was refused."""
    sock = _socket.socket(_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETFILTER)
    try:
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, 1 << 20)
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, 1 << 20)
        sock.sendall(batch)
        return _refused(sock, acknowledgements)
    finally:
        sock.close()


def _refused(sock: _socket.socket, expected: int) -> list[int]:
    from_kernel: list[int] = []
    while len(from_kernel) < expected:
        try:
            part = netlink.errors(sock.recv(1 << 16, _socket.MSG_DONTWAIT))
        except BlockingIOError:
            break  # the kernel answers a refused batch once, for the wrong message
        from_kernel += part
    return [number for number in from_kernel if number]
