"""
Pods that may change their own network (NET_ADMIN), and nobody else's.

Rights over a network belong to the user namespace that made it. If a Pod's network belonged to the node's, NET_ADMIN
over it would be NET_ADMIN over the node's own too: a Pod's interface names the network of its other end by a number
(``link-netnsid``), and with that number one may list and delete the interfaces there. So these Pods' networks, and all
their containers, belong to one user namespace below the node's. There is one for all such Pods, made before the node
forbids to make any: no Pod has a number or a descriptor of another Pod's network.
"""

from __future__ import annotations

import os

from podlab.embedded.sandbox.zygote import linux

NET_ADMIN = 12


def make_users(proc: str) -> int:
    """
    Make the user namespace, with every id of the present one under its own number.

    Args:
        proc: Where the /proc of this process namespace is mounted.

    Returns:
        Its descriptor. Raises OSError.
    """
    waits, holds = os.pipe2(os.O_CLOEXEC)
    pid, pidfd = linux.clone(linux.CLONE_NEWUSER)
    if pid == 0:
        os.close(holds)
        os.read(waits, 1)
        os._exit(0)
    os.close(waits)
    try:
        for name in ("uid_map", "gid_map"):
            linux.write_file(f"{proc}/{pid}/{name}", _same_ids(f"/proc/self/{name}"))
        return os.open(f"{proc}/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(holds)
        os.close(pidfd)
        os.waitpid(pid, 0)


def make_network(users: int, proc: str) -> int:
    """Make a network namespace that belongs to *users*; returns its descriptor. Raises OSError."""
    waits, holds = os.pipe2(os.O_CLOEXEC)
    tells, told = os.pipe2(os.O_CLOEXEC)
    pid, pidfd = linux.clone(0)
    if pid == 0:
        os.close(holds)
        _be_maker(users, told, waits)
    os.close(waits)
    os.close(told)
    try:
        number = int(os.read(tells, 16) or b"3")
        if number:
            raise OSError(number, os.strerror(number), "network namespace")
        return os.open(f"{proc}/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for descriptor in (holds, tells, pidfd):
            os.close(descriptor)
        os.waitpid(pid, 0)


def _be_maker(users: int, told: int, waits: int) -> None:
    number = 1
    try:
        linux.setns(users, linux.CLONE_NEWUSER)
        linux.unshare(linux.CLONE_NEWNET)
        number = 0
    except OSError as error:
        number = error.errno or 1
    finally:
        os.write(told, b"%d" % number)
        os.read(waits, 1)
        os._exit(0)


def _same_ids(path: str) -> bytes:
    with open(path, "rb") as file:
        first, _outside, count = file.readline().split()
    return b"%s %s %s" % (first, first, count)
