"""
Start the zygote: cheap, synchronous, and meant to be called before a daemon imports asyncio, ssl and the rest.

The two processes then load at the same time on two cores, and the zygote is small whatever the caller has loaded.
"""

from __future__ import annotations

import _socket
import fcntl
import marshal
import os
import sys

from podlab.embedded import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NODE_IP = "172.18.0.2"
SERVICE_RANGE = ("10.96.0.0", 16)
_CONTROL, _LIFE = 3, 4
KEEP = b"k"  # on the life line: the daemon goes on, so its folders stay


class Zygote:
    """A zygote that was started: the control socket, the life line, and the janitor's pid."""

    def __init__(
        self, pid: int, control: _socket.socket | None, life: int, folder: str, settings: dict[str, object]
    ) -> None:
        self.pid, self.control, self.life = pid, control, life
        self.folder, self.settings = folder, settings


def launch(
    folder: str | os.PathLike[str],
    *,
    node_name: str = "podlab",
    remove: Sequence[str | os.PathLike[str]] = (),
) -> Zygote:
    """
    Start the zygote of one cluster.

    Args:
        folder: The cluster's folder; ``sandbox`` is made below it.
        node_name: Host name of the node.
        remove: Folders that must not outlive the daemon, even after ``kill -9``; the sandbox's own is added.

    Returns:
        A handle for ``open_runtime``. Whether namespaces could be made is only known there.
    """
    base = os.path.abspath(os.fspath(folder)) + "/sandbox"
    os.makedirs(base + "/node", mode=0o700, exist_ok=True)
    settings: dict[str, object] = {
        "name": f"podlab-{node_name}-{os.getpid()}",
        "node_name": node_name,
        "clock": clock.OF_CLUSTER.offset_ns,
        "folder": base + "/node",
        "node_ip": NODE_IP,
        "service_range": SERVICE_RANGE,
        "pid": os.getpid(),
        "remove": [base, *(os.path.abspath(os.fspath(one)) for one in remove)],
    }
    return _start(base, settings)


def launch_again(former: Zygote) -> Zygote:
    """Start another zygote in the place of one that has ended."""
    return _start(former.folder, former.settings)


def _start(base: str, settings: dict[str, object]) -> Zygote:
    if not sys.platform.startswith("linux"):
        return Zygote(0, None, -1, base, settings)  # only the reduced mode, which needs none
    ours, theirs = _socket_pair()
    life_read, life_write = os.pipe2(os.O_CLOEXEC)
    try:
        pid = _spawn(theirs.fileno(), life_read, marshal.dumps(settings).hex())
    finally:
        theirs.close()
        os.close(life_read)
    return Zygote(pid, ours, life_write, base, settings)


def _socket_pair() -> tuple[_socket.socket, _socket.socket]:
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    for one in (ours, theirs):
        one.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, 1 << 20)
    return ours, theirs


def _spawn(control: int, life: int, settings: str) -> int:
    """posix_spawn, for its price does not grow with what the caller has loaded."""
    main = os.path.dirname(os.path.abspath(__file__)) + "/zygote/main.py"
    python = getattr(sys, "_base_executable", "") or sys.executable
    # Out of the way first: either descriptor may already be 3 or 4 here.
    high_control, high_life = (fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (control, life))
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, high_control, _CONTROL),
        (os.POSIX_SPAWN_DUP2, high_life, _LIFE),
    ]
    arguments = [python, "-S", "-I", "-X", "utf8", main, str(_CONTROL), str(_LIFE), settings]
    try:
        return os.posix_spawn(python, arguments, os.environ, file_actions=actions, setsigmask=())
    finally:
        os.close(high_control)
        os.close(high_life)
