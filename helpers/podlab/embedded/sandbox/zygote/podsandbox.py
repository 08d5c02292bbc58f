"""
The namespaces of one Pod, shared by its containers: network, IPC and host name, one address, maybe one PID 1.

The namespaces are held as descriptors; there is no pause process unless the Pod shares its process namespace. Pods are
connected to the node by a routed point-to-point pair, not by a bridge: source addresses survive, and all traffic
passes the node's forward hook.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import os

from podlab.embedded.network import netlink
from podlab.embedded.sandbox.zygote import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

GATEWAY = "10.244.0.1"
_SHARED = linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
_AF_NETLINK, _ROUTE = 16, 0


class PodSandbox:
    """The namespaces of one Pod; ``network``, ``ipc`` and ``uts`` are descriptors."""

    def __init__(self, uid: str, network: int, ipc: int, uts: int, link: int | None) -> None:
        self.uid, self.network, self.ipc, self.uts, self.link = uid, network, ipc, uts, link
        self.pause: tuple[int, int] | None = None  # (pid, pidfd) of PID 1 of a shared process namespace
        self.memory = ""  # folder of /dev/shm, mounted in the node
        self.terminals = ""  # its /dev/pts, mounted in the node
        self.users = -1  # the user namespace of its containers and its network, where that is not the node's

    def close(self) -> None:
        """Let the namespaces go; their last process takes them along."""
        for descriptor in (self.network, self.ipc, self.uts):
            os.close(descriptor)


def own_namespaces() -> tuple[int, int, int]:
    """Descriptors of the caller's network, IPC and UTS namespaces."""
    flags = os.O_RDONLY | os.O_CLOEXEC
    network, ipc, uts = (os.open(f"/proc/self/ns/{kind}", flags) for kind in ("net", "ipc", "uts"))
    return network, ipc, uts


def talk(sock: _socket.socket, messages: bytes, expected: int) -> None:
    """Send route requests and raise OSError for the first that the kernel refused."""
    sock.sendall(messages)
    answers: list[int] = []
    while len(answers) < expected:
        answers += netlink.errors(sock.recv(65536))
    for number in answers:
        if number:
            raise OSError(number, os.strerror(number), "netlink")


def route_socket() -> _socket.socket:
    """Return a route-netlink socket in the present network namespace."""
    sock = _socket.socket(_AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _ROUTE)
    sock.bind((0, 0))
    return sock


def make_pod(
    home: tuple[int, int, int], node: _socket.socket, request: dict[str, Any], network: int = -1
) -> PodSandbox:
    """
    Make the namespaces of a Pod and connect them.

    Args:
        home: The node's own namespaces, to come back to.
        node: Route socket of the node's network.
        request: ``uid``, ``hostname``, ``ip``, ``link`` (index of the node's end), ``host_network``, ``sysctls``.
        network: One that is there already; -1 makes one.
    """
    kinds = _SHARED & ~(linux.CLONE_NEWNET | linux.CLONE_NEWUTS) if request["host_network"] else _SHARED
    link = None if request["host_network"] else int(request["link"])
    try:
        if network >= 0:
            kinds &= ~linux.CLONE_NEWNET
            linux.setns(network, linux.CLONE_NEWNET)
        linux.unshare(kinds)
        of_pod = own_namespaces()
        if link is not None:
            linux.sethostname(request["hostname"])
        inside = route_socket()
        for key, value in request["sysctls"].items():
            linux.write_file("/proc/sys/" + key.replace(".", "/"), value)
    finally:
        _back(home)
    pod = PodSandbox(request["uid"], *of_pod, link)
    try:
        if link is not None:
            _connect(node, inside, pod, request["ip"], link)
    except OSError:
        pod.close()
        raise
    finally:
        inside.close()
    return pod


def _back(home: tuple[int, int, int]) -> None:
    for descriptor, kind in zip(
        home, (linux.CLONE_NEWNET, linux.CLONE_NEWIPC, linux.CLONE_NEWUTS), strict=True
    ):
        linux.setns(descriptor, kind)


def _connect(node: _socket.socket, inside: _socket.socket, pod: PodSandbox, ip: str, link: int) -> None:
    pair = netlink.veth(f"pod{link}", link, "eth0", 2, pod.network)
    talk(node, pair + netlink.link_up(link) + netlink.add_route(ip, 32, link, source=GATEWAY), 3)
    requests = (
        netlink.link_up(1),
        netlink.link_up(2),
        netlink.add_address(2, ip),
        netlink.add_route(GATEWAY, 32, 2),
        netlink.add_route("0.0.0.0", 0, 2, gateway=GATEWAY),
    )
    talk(inside, b"".join(requests), len(requests))


def disconnect(node: _socket.socket, pod: PodSandbox) -> None:
    """Remove the Pod's pair at once, so that its address can be given to another."""
    if pod.link is not None:
        try:
            talk(node, netlink.delete_link(pod.link), 1)
        except OSError:
            pass  # gone with its namespace already
        pod.link = None


def socket_in(home: tuple[int, int, int], network: int, family: int, kind: int) -> _socket.socket:
    """Return a socket made in the network namespace *network*; it stays there wherever it is used."""
    linux.setns(network, linux.CLONE_NEWNET)
    try:
        return _socket.socket(family, kind | _socket.SOCK_CLOEXEC, 0)
    finally:
        linux.setns(home[0], linux.CLONE_NEWNET)


def start_pause(proc: str) -> tuple[int, int]:
    """Start PID 1 of a shared process namespace: it reaps what is left to it and does nothing else."""
    pid, pidfd = linux.clone(linux.CLONE_NEWPID | linux.CLONE_NEWNS)
    if pid:
        return pid, pidfd
    try:
        _be_pause(proc)
    finally:
        os._exit(1)


def _be_pause(proc: str) -> NoReturn:
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
    linux.prctl(linux.PR_SET_NAME, _NAME_ADDRESS)
    linux.set_title("/pause")
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)  # the kernel reaps
    # As the real pause does: a container that sends its Pod's PID 1 a SIGTERM loses the sandbox.
    for number in (_signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, _leave)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGTERM, _signal.SIGINT))
    try:
        linux.mount("proc", proc, "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    except OSError:
        pass  # only for its own view; containers mount theirs
    os.chroot(proc)  # a container sees this process as /proc/1, and its root must not be the node's
    os.closerange(0, 65536)
    while True:
        _signal.pause()


def _leave(*_: object) -> None:
    os._exit(0)


_EXITING = 0x4  # PF_EXITING of the kernel's task flags


def outlook(proc: str, pid: int) -> str:
    """
    Return what PID 1 of a Pod is about to do: ``sleeps``, with no signal on its way, ``acts`` on one, or ``ends``.

    A signal is pending, or the process runs, from the moment in which ``kill`` returns to the sender; so after a
    container has ended, this says for certain whether its last deed was to end PID 1. One that ends waits for all
    processes of its namespace to be reaped (``zap_pid_ns_processes`` of the kernel), the containers among them, whose
    parent is the node: nobody may wait for its end before they are.
    """
    try:
        with open(f"{proc}/{pid}/status", "rb") as file:
            signals = [line for line in file if line.startswith((b"SigPnd:", b"ShdPnd:"))]
        with open(f"{proc}/{pid}/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
    except OSError:
        return "acts"  # it is gone, or nearly: its descriptor will tell
    state, flags = words[0], int(words[6])
    if flags & _EXITING:
        return "ends"
    pending = any(int(line.split()[1], 16) for line in signals)
    return "sleeps" if state == b"S" and not pending else "acts"


_NAME = bytearray(b"pause\0")
_NAME_ADDRESS = linux.address_of(_NAME)


def setup_node_network(node: _socket.socket, node_ip: str, service_range: tuple[str, int]) -> None:
    """Loopback, the node's two addresses, and the local route that makes unused Service addresses refuse at once."""
    requests = (
        netlink.link_up(1),
        netlink.add_address(1, GATEWAY),
        netlink.add_address(1, node_ip),
        netlink.add_route(*service_range, 1, source=node_ip, local=True),
    )
    talk(node, b"".join(requests), len(requests))
    linux.write_file("/proc/sys/net/ipv4/ip_forward", "1")
    # A packet counts only if an answer would go back through the interface that it came by: a Pod that gives itself
    # another one's address is not heard.
    linux.write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "1")
