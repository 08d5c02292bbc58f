"""
Where the zygote begins: ``python -S -I main.py CONTROL-FD LIFE-FD SETTINGS`` started by the daemon.

This process stays outside of the namespaces, as the **janitor**: it writes the id maps, waits, and when the node or
the daemon ends it removes what a kernel does not remove by itself (cgroups, files). Its clone becomes the node.
"""

from __future__ import annotations

import sys

# The package itself is not imported: its __init__ would cost more than all of this process.
_HERE = __file__.rsplit("/", 5)[0]
for _name, _path in (
    ("podlab", "/podlab"),
    ("podlab.embedded", "/podlab/embedded"),
    ("podlab.embedded.sandbox", "/podlab/embedded/sandbox"),
    ("podlab.embedded.sandbox.zygote", "/podlab/embedded/sandbox/zygote"),
    ("podlab.embedded.network", "/podlab/embedded/network"),
):
    if _name not in sys.modules:
        _module = type(sys)(_name)
        _module.__path__ = [_HERE + _path]
        sys.modules[_name] = _module

import _signal  # type: ignore[import-not-found]  # noqa: E402
import _socket  # noqa: E402
import gc  # noqa: E402
import marshal  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import select  # noqa: E402

from podlab.embedded import clock, filetrees  # noqa: E402
from podlab.embedded.sandbox.zygote import cgroups, linux, wire  # noqa: E402
from podlab.embedded.sandbox.zygote.node import NodeProcess  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NODE_NAMESPACES = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
)


def main() -> None:
    """Become janitor, clone the node, wait for the end."""
    control, life = int(sys.argv[1]), int(sys.argv[2])
    settings: dict[str, Any] = marshal.loads(bytes.fromhex(sys.argv[3]))
    clock.OF_CLUSTER.offset_ns = settings["clock"]
    for inherited in (control, life):
        # They came through exec, so nothing closes them at the next one: a container that held the control socket
        # could speak to the daemon as the node does.
        os.set_inheritable(inherited, False)
    os.umask(0o022)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # containers have it so on a real node, too
    os.closerange(5, 4096)  # whatever the daemon did not mark close-on-exec
    os.setsid()
    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGPIPE):
        _signal.signal(number, _signal.SIG_IGN)
    linux.set_title(f"podlab: janitor of {settings['name']}")
    groups = cgroups.find(settings["name"])
    settings["groups"] = groups.plain()
    gc.disable()
    gc.freeze()
    sock = _socket.socket(fileno=control)
    try:
        pid, pidfd, mapped = _clone_node(sock, life, settings)
    except OSError as error:
        wire.send(sock, (0, "refused", (error.errno or 0, f"clone: {error.strerror}")))
        cgroups.remove_all(groups)
        return
    try:
        _map_ids(pid)
    except OSError as error:
        wire.send(sock, (0, "refused", (error.errno or 0, f"{error.filename}: {error.strerror}")))
        linux.pidfd_send_signal(pidfd, 9)
    os.write(mapped, b"1")
    os.close(mapped)
    sock.close()
    _wait(life, pidfd)
    linux.pidfd_send_signal(pidfd, 9)
    os.waitpid(pid, 0)
    _remove_groups(groups)
    # The node may have ended before its daemon, which then makes another one and needs the folders of its Pods.
    if not os.read(life, 1):
        _remove_folders(settings)


def _clone_node(sock: _socket.socket, life: int, settings: dict[str, Any]) -> tuple[int, int, int]:
    mapped, tell = os.pipe2(os.O_CLOEXEC)
    pid, pidfd = linux.clone(_NODE_NAMESPACES)
    if pid:
        os.close(mapped)
        return pid, pidfd, tell
    os.close(tell)
    os.close(life)
    status = 1
    try:
        _be_node(sock, mapped, settings)
        status = 0
    finally:
        os._exit(status)


def _be_node(sock: _socket.socket, mapped: int, settings: dict[str, Any]) -> None:
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
    if os.read(mapped, 1) != b"1":
        return
    os.close(mapped)
    os.setgid(0)
    os.setuid(0)
    linux.set_title(f"podlab: node {settings['name']}")
    node = NodeProcess(sock, settings)
    try:
        facts = node.prepare()
    except OSError as error:
        wire.send(sock, (0, "refused", (error.errno or 0, f"{error.filename}: {error.strerror}")))
        return
    folder = os.open(node.folder, os.O_PATH | os.O_CLOEXEC)
    wire.send(sock, (0, "ready", facts), (folder,))
    os.close(folder)
    node.run()


def _map_ids(pid: int) -> None:
    """Root maps every id, so that runAsUser is real; anybody else only itself, which is all the kernel allows."""
    if os.geteuid() == 0:
        entries = (("uid_map", b"0 0 4294967295"), ("gid_map", b"0 0 4294967295"))
    else:
        entries = (("uid_map", b"0 %d 1" % os.geteuid()), ("gid_map", b"0 %d 1" % os.getegid()))
        linux.write_file(f"/proc/{pid}/setgroups", b"deny")
    for name, text in entries:
        linux.write_file(f"/proc/{pid}/{name}", text)


def _wait(life: int, pidfd: int) -> None:
    """Until the daemon's end of *life* closes or the node ends."""
    poll = select.poll()
    poll.register(life, select.POLLIN)
    poll.register(pidfd, select.POLLIN)
    poll.poll()


def _remove_groups(groups: cgroups.Groups) -> None:
    for _try in range(50):
        cgroups.remove_all(groups)
        if not any(os.path.isdir(folder) for folder in (groups.memory, groups.pids) if folder):
            break
        select.poll().poll(10)


def _remove_folders(settings: dict[str, Any]) -> None:
    for folder in settings["remove"]:
        filetrees.remove_tree(folder)


if __name__ == "__main__":
    main()
