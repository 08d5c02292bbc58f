"""
The node: PID 1 of its own process namespace, with its own user, network, mount, IPC and UTS namespaces.

One thread, one loop: requests from the daemon, reports of children on their way to exec, and exits. Nothing here
waits for a container, so a slow one holds up no other. When this process dies, the kernel kills everything in its
process namespace, and with it go all mounts and interfaces: that is what leaves nothing behind after ``kill -9``.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import fcntl
import os
import select
import stat
import sys

from podlab.embedded import clock, trees
from podlab.embedded.network import netlink
from podlab.embedded.sandbox.zygote import cgroups, container, linux, netadmin, podsandbox, rootfs, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NETLINK, _NETFILTER = 16, 12
_LOOK_MS, _MOST_LOOKS = 10, 500
_NO_PROGRAMS = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
_POD_MEMORY = (
    "size=65m,nr_inodes=16k,mode=755"  # 64 MiB of shared memory, as containerd gives, and some small files
)


class StartedProcess:
    """One started process: a container's first one, or a command in a container."""

    def __init__(
        self, name: str, pid: int, pidfd: int, folders: list[str], sequence: int, report: int
    ) -> None:
        self.name, self.pid, self.pidfd, self.folders = name, pid, pidfd, folders
        self.sequence, self.report = sequence, report
        self.started = False
        self.shared = False  # lives in the Pod's process namespace
        self.mount_namespace = 0
        self.users = -1  # its user namespace, where that is not the node's
        # Held where members are killed after the end: the number of a namespace that nothing holds is soon another's.
        self.held = -1


class NodeProcess:
    """State of the node and its request handlers, named ``on_<operation>``."""

    def __init__(self, control: _socket.socket, settings: dict[str, Any]) -> None:
        self.control, self.settings = control, settings
        self.folder: str = settings["folder"]
        self.groups = cgroups.Groups(*settings["groups"])
        self.pods: dict[str, podsandbox.PodSandbox] = {}
        self.by_pid: dict[int, StartedProcess] = {}
        self.by_name: dict[str, StartedProcess] = {}
        self.reports: dict[int, StartedProcess] = {}
        self.busy_groups: list[str] = []
        self.poll = select.poll()
        self.proc = "/proc"
        self.users = -1  # the user namespace of Pods that may change their network
        # Since Linux 6.14 each pid namespace has its own pid_max: cheaper than a cgroup made, entered and removed.
        self.namespaces_bound_pids = _kernel_version() >= (6, 14)

    # --- set-up ---------------------------------------------------------------------------------

    def prepare(self) -> dict[str, Any]:
        """Make mounts and network of the node; returns what this machine could and could not do."""
        linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)
        linux.drop_capabilities()  # from what exec may give: this process keeps its own, and never execs
        container.note_ignored_signals()
        linux.mount("node", self.folder, "tmpfs", linux.MS_NOSUID, "mode=700,size=64m")
        for name in (
            "stage",
            "stage-upper",
            "proc",
            "dev",
            "pause-proc",
            "files",
            "pods",
            "terminals",
        ):
            os.mkdir(f"{self.folder}/{name}", 0o755)
        # What the daemon writes for Pods. What their containers may write too lies in ``pods``, in memory of each
        # one's own: whoever fills that takes nobody else's place.
        linux.mount(
            "files", self.folder + "/files", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1g,mode=755"
        )
        own_proc = self._mount_proc()
        if own_proc:  # elsewhere Pods see each other's processes, and could open their networks
            self.users = netadmin.make_users(self.proc)
        self._forbid_user_namespaces()
        rootfs.prepare_devices(self.folder + "/dev")
        self.home = podsandbox.own_namespaces()
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self.route = podsandbox.route_socket()
        linux.sethostname(self.settings["node_name"])
        podsandbox.setup_node_network(self.route, self.settings["node_ip"], self.settings["service_range"])
        return {
            "own_proc": own_proc,
            "net_admin": self.users >= 0,
            "cgroups": cgroups.describe(self.groups),
            "pid": self.settings["pid"],
        }

    def _mount_proc(self) -> bool:
        try:
            linux.mount(
                "proc", self.folder + "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
            )
        except PermissionError:
            return False
        self.proc = self.folder + "/proc"
        return True

    def _forbid_user_namespaces(self) -> None:
        """
        In one of its own a container's root would have all capabilities again: it could mount, and change limits.

        The number is that of this user namespace and those below; only CAP_SYS_RESOURCE, which no container has, may
        change it.
        """
        try:
            descriptor = os.open(self.proc + "/sys/user/max_user_namespaces", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:  # a kernel without them
            return
        try:
            os.write(descriptor, b"0")
        finally:
            os.close(descriptor)

    def run(self) -> None:
        """Serve until the daemon's end of the control socket closes."""
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, _nothing)
        control = self.control.fileno()
        self.poll.register(control, select.POLLIN)
        self.poll.register(wake_read, select.POLLIN)
        while True:
            for descriptor, _events in self.poll.poll():
                if descriptor == control:
                    received = wire.receive(self.control)
                    if received is None:
                        return
                    self._serve(*received)
                elif descriptor == wake_read:
                    os.read(wake_read, 4096)
                elif descriptor in self.reports:
                    self._read_report(self.reports[descriptor])
            self._reap()

    # --- requests -------------------------------------------------------------------------------

    def _serve(self, message: Any, descriptors: list[int]) -> None:
        sequence, operation, arguments = message
        handler: Callable[[int, dict[str, Any], list[int]], Any] = getattr(self, "on_" + operation)
        try:
            result = handler(sequence, arguments, descriptors)
        except OSError as error:
            text = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
            self._answer(sequence, "error", (error.errno or 0, text))
        except Exception as error:  # a fault of ours must not end the node and all Pods with it
            self._answer(sequence, "error", (0, f"{type(error).__name__}: {error}"))
        else:
            if result is not None:
                self._answer(sequence, "ok", result)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _answer(self, sequence: int, outcome: str, value: Any, descriptors: tuple[int, ...] = ()) -> None:
        try:
            wire.send(self.control, (sequence, outcome, value), descriptors)
        except OSError:
            pass  # the daemon is gone: run() ends at the next turn

    def on_pod_start(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Namespaces and network of a Pod."""
        pod = self._make_pod(request)
        if request["share_processes"]:
            pod.pause = podsandbox.start_pause(self.folder + "/pause-proc")
        self._mount_memory(request["owner"])
        pod.memory = f"{self.folder}/pods/{request['owner']}/shm-{pod.uid}"
        os.mkdir(pod.memory)
        os.chmod(pod.memory, 0o1777)  # noqa: S103  as /dev/shm is
        pod.terminals = f"{self.folder}/terminals/{pod.uid}"
        rootfs.prepare_terminals(pod.terminals)
        self.pods[request["uid"]] = pod
        return True

    def _make_pod(self, request: dict[str, Any]) -> podsandbox.PodSandbox:
        if not request["net_admin"] or self.users < 0:
            return podsandbox.make_pod(self.home, self.route, request)
        network = netadmin.make_network(self.users, self.proc)
        try:
            pod = podsandbox.make_pod(self.home, self.route, request, network)
        finally:
            os.close(network)
        pod.users = self.users
        return pod

    def _mount_memory(self, owner: str) -> None:
        """Memory for what the containers of one Pod write outside of their volumes, through all its sandboxes."""
        place = f"{self.folder}/pods/{owner}"
        if not os.path.ismount(place):
            os.makedirs(place, exist_ok=True)
            linux.mount("pod", place, "tmpfs", _NO_PROGRAMS, _POD_MEMORY)

    def on_forget(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Give the memory of a Pod back that will have no sandbox any more."""
        place = f"{self.folder}/pods/{request['owner']}"
        if os.path.ismount(place):
            linux.umount(place)
        trees.remove_tree(place)
        return True

    def on_pod_stop(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Kill what is left of a Pod and take its network away."""
        pod = self.pods.pop(request["uid"], None)
        if pod is None:
            return True
        for name in request["containers"]:
            running = self.by_name.get(name)
            if running:
                self._kill(running)
        if pod.pause:
            linux.pidfd_send_signal(pod.pause[1], 9)
            os.close(pod.pause[1])
        podsandbox.disconnect(self.route, pod)
        pod.close()
        trees.remove_tree(pod.memory)
        linux.umount(pod.terminals)
        os.rmdir(pod.terminals)
        return True

    def on_tmpfs(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """
        Mount a memory volume in the node, once; *path* is a folder of the volume code.

        The root of the mount has the owner and mode of the folder below it, which follow from the Pod's fsGroup.
        """
        path = request["path"]
        if not os.path.ismount(path):
            wanted = os.stat(path)
            size = f"size={request['size']}," if request["size"] else ""
            linux.mount("volume", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, size + "mode=1777")
            os.chown(path, -1, wanted.st_gid)
            os.chmod(
                path, stat.S_IMODE(wanted.st_mode) | stat.S_ISVTX
            )  # the kubelet leaves tmpfs its sticky bit
        return True

    def on_unmount(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Unmount memory volumes."""
        for path in request["paths"]:
            try:
                linux.umount(path)
            except OSError:
                pass
        return True

    def on_start(self, sequence: int, request: dict[str, Any], descriptors: list[int]) -> None:
        """Start a container; answered when it has become its program, or could not."""
        pod = self.pods.get(request["pod"])
        if pod is None:
            raise ProcessLookupError(3, "the sandbox is gone")
        by_group = 0 if self.namespaces_bound_pids else request["pids"]
        if by_group:
            request["pids"] = (
                0  # an older kernel has one pid_max, the host's, which its root could change from here
            )
        folders = cgroups.make(self.groups, request["name"], request["memory"], by_group)
        joined = self.by_name.get(request["process_namespace_of"] or "")
        init = joined.pidfd if joined else pod.pause[1] if pod.pause else None
        shared = init is not None
        try:
            controls = [os.open(folder + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in folders]
            if init is not None:
                linux.setns(init, linux.CLONE_NEWPID)
            self._spawn(sequence, request, [*descriptors, *controls], folders, pod, shared)
        except OSError:
            self.busy_groups += cgroups.remove(folders)
            raise
        finally:
            if shared:
                linux.setns(self.own_pids, linux.CLONE_NEWPID)

    def _spawn(
        self,
        sequence: int,
        request: dict[str, Any],
        given: list[int],
        folders: list[str],
        pod: podsandbox.PodSandbox,
        shared: bool,
    ) -> None:
        report, their_end = os.pipe2(os.O_CLOEXEC)
        flags = linux.CLONE_NEWNS if shared else linux.CLONE_NEWNS | linux.CLONE_NEWPID
        try:
            pid, pidfd = linux.clone(flags)
            if pid == 0:
                ends = [*given[:3], their_end, *given[3:]]
                container.become(request, pod, self.folder + "/stage", self.folder + "/dev", ends)
        except OSError:
            os.close(report)
            raise
        finally:
            for descriptor in (their_end, *given[3:]):
                os.close(descriptor)
        running = self._register(request["name"], pid, pidfd, folders, sequence, report)
        running.shared, running.users = shared, pod.users
        self._know_members(running, pid)

    def _know_members(self, running: StartedProcess, pid: int) -> None:
        """
        Note the mount namespace that tells a container's processes.

        It is held where the Pod shares processes: its number must not be given to another while members live.
        A program that has ended already has no namespace to look at, and no members.
        """
        try:
            descriptor = os.open(f"{self.proc}/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        running.mount_namespace = os.fstat(descriptor).st_ino
        if running.shared:
            running.held = descriptor
        else:
            os.close(descriptor)

    def on_exec(self, sequence: int, request: dict[str, Any], descriptors: list[int]) -> None:
        """Start a command inside a running container; answered like ``start``."""
        target = self.by_name.get(request["container"])
        if target is None:
            raise ProcessLookupError(3, "container not running")
        report, their_end = os.pipe2(os.O_CLOEXEC)
        controls = [
            os.open(folder + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in target.folders
        ]
        try:
            linux.setns(target.pidfd, linux.CLONE_NEWPID)
            pid, pidfd = linux.clone(0)
            if pid == 0:
                ends = [*descriptors, their_end, *controls]
                container.become_exec(request, target.pidfd, target.users, ends)
        except OSError:
            os.close(report)
            raise
        finally:
            linux.setns(self.own_pids, linux.CLONE_NEWPID)
            for descriptor in (their_end, *controls):
                os.close(descriptor)
        self._register(request["name"], pid, pidfd, [], sequence, report)

    def on_signal(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Send a signal to a container's first process, or to the whole group of an exec'd command."""
        running = self.by_name.get(request["name"])
        if running is None:
            return False
        if request["group"]:
            try:
                os.killpg(running.pid, request["signal"])
            except ProcessLookupError:
                return False
            return True
        if request["signal"] == 9:
            self._kill(running)
            return True
        return linux.pidfd_send_signal(running.pidfd, request["signal"])

    def on_socket(self, sequence: int, request: dict[str, Any], _descriptors: list[int]) -> None:
        """Make a socket in the network of the node or of a Pod, bind and listen if asked, and hand it over."""
        network = self.home[0] if request["pod"] is None else self.pods[request["pod"]].network
        sock = podsandbox.socket_in(self.home, network, request["family"], request["kind"])
        try:
            if request["bind"]:
                sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
                sock.bind(tuple(request["bind"]))
                if request["kind"] == _socket.SOCK_STREAM:
                    sock.listen(128)
            self._answer(sequence, "ok", True, (sock.fileno(),))
        finally:
            sock.close()

    def on_terminal(self, sequence: int, request: dict[str, Any], _descriptors: list[int]) -> None:
        """Hand over both ends of a new terminal, one that the containers of a Pod have below their own /dev/pts."""
        folder = self.pods[request["pod"]].terminals
        ours = os.open(folder + "/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(ours, linux.TIOCSPTLCK, b"\0\0\0\0")
            number = int.from_bytes(fcntl.ioctl(ours, linux.TIOCGPTN, b"\0\0\0\0"), sys.byteorder)
            theirs = os.open(f"{folder}/{number}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            try:
                self._answer(sequence, "ok", number, (ours, theirs))
            finally:
                os.close(theirs)
        finally:
            os.close(ours)

    def on_netfilter(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> list[int]:
        """Hand one nftables batch to the kernel; returns the errno of every message that was refused."""
        sock = _socket.socket(_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETFILTER)
        try:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, 1 << 20)
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, 1 << 20)
            sock.sendall(request["batch"])
            return self._netfilter_errors(sock, request["acknowledgements"])
        finally:
            sock.close()

    @staticmethod
    def _netfilter_errors(sock: _socket.socket, expected: int) -> list[int]:
        from_kernel: list[int] = []
        while len(from_kernel) < expected:
            try:
                part = netlink.errors(sock.recv(1 << 16, _socket.MSG_DONTWAIT))
            except BlockingIOError:
                break  # a refused batch is answered once, for the message that was at fault
            from_kernel += part
        return [number for number in from_kernel if number]

    def on_usage(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> int:
        """Return the resident bytes of all processes of a container, for limits on machines without cgroups."""
        running = self.by_name.get(request["name"])
        if running is None:
            return 0
        pages = 0
        for pid in self._members(running):
            try:
                with open(f"{self.proc}/{pid}/statm", "rb") as file:
                    pages += int(file.read().split()[1])
            except (OSError, IndexError):
                continue
        return pages * 4096

    def on_limit(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Change the memory limit of a container that has one."""
        running = self.by_name.get(request["name"])
        if running is None:
            return False
        return cgroups.limit(self.groups, running.folders, request["memory"])

    def on_written(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> int:
        """Bytes that a container wrote into a root in memory; -1 when its writable layer lies on the disk."""
        running = self.by_name.get(request["name"])
        if running is None:
            return 0
        try:
            with open(f"{self.proc}/{running.pid}/mountinfo", encoding="utf-8", errors="replace") as file:
                root = next(line for line in file if line.split()[4] == "/")
            found = os.statvfs(f"{self.proc}/{running.pid}/root")
        except (OSError, StopIteration, IndexError):
            return 0
        if " - overlay " in root and "-upper/up," not in root:
            return -1
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def on_probe(self, _sequence: int, _request: dict[str, Any], _descriptors: list[int]) -> dict[str, Any]:
        """Counts of what this node holds, for tests and for ``podlab doctor``."""
        return {
            "pods": len(self.pods),
            "processes": len(self.by_pid),
            "descriptors": len(os.listdir("/proc/self/fd")),
        }

    # --- children -------------------------------------------------------------------------------

    def _register(
        self, name: str, pid: int, pidfd: int, folders: list[str], sequence: int, report: int
    ) -> StartedProcess:
        running = StartedProcess(name, pid, pidfd, folders, sequence, report)
        self.by_pid[pid] = self.by_name[name] = self.reports[report] = running
        self.poll.register(report, select.POLLIN)
        return running

    def _read_report(self, running: StartedProcess) -> None:
        text = os.read(running.report, 8192)
        if text[:1] == b"t" and text.find(b"e") < 0:
            running.started = True
            # exec may still fail: the pipe then carries an error, else it just closes
            rest = _read_rest(running.report)
            if rest[:1] == b"e":
                running.started = False
                text = rest
        elif text[:1] == b"t":
            text = text[text.find(b"e") :]
        self._close_report(running)
        if running.started:
            value = {"at": int(text[1:]), "pid": running.pid}
            self._answer(running.sequence, "ok", value)
        else:
            words = text[1:].decode("utf-8", "replace") or "the process ended before it became the program"
            self._answer(running.sequence, "error", (-1, words))

    def _close_report(self, running: StartedProcess) -> None:
        self.poll.unregister(running.report)
        self.reports.pop(running.report)
        os.close(running.report)
        running.report = -1

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            at = clock.now_ns()
            running = self.by_pid.pop(pid, None)
            if running is None or running.shared:
                self._report_lost_sandboxes()
            if running is not None:
                self._ended(running, status, at)
        if self.busy_groups:
            self.busy_groups = cgroups.remove(self.busy_groups)

    def _report_lost_sandboxes(self) -> None:
        """
        Tell of each Pod whose PID 1 has ended, before the containers that end with it are told of: one that
        seems to have ended by itself would be started again in a dead namespace.
        """
        for uid, pod in self.pods.items():
            if pod.pause and _has_ended(*pod.pause, self.proc):
                os.close(pod.pause[1])
                pod.pause = None
                self._answer(0, "sandbox-lost", {"uid": uid})

    def _ended(self, running: StartedProcess, status: int, at: int) -> None:
        if running.report >= 0:
            self._read_report(running)
        self.by_name.pop(running.name, None)
        if running.held >= 0:
            self._kill_members(running)
            os.close(running.held)
        if running.started:
            oom = cgroups.oom_kills(running.folders) if running.folders else 0
            value = {"name": running.name, "at": at, "status": status, "oom": oom}
            self._answer(0, "exited", value)
        if running.folders:
            self.busy_groups += cgroups.remove(running.folders)
        os.close(running.pidfd)

    def _kill(self, running: StartedProcess) -> None:
        linux.pidfd_send_signal(running.pidfd, 9)

    def _mount_namespace(self, pid: int) -> int:
        try:
            return os.stat(f"{self.proc}/{pid}/ns/mnt").st_ino
        except OSError:
            return 0

    def _members(self, running: StartedProcess) -> list[int]:
        """Processes of one container, told by their mount namespace: true also where the Pod shares processes."""
        if self.proc == "/proc" or not running.mount_namespace:
            return []
        pids = [int(name) for name in os.listdir(self.proc) if name.isdigit()]
        return [pid for pid in pids if pid != 1 and self._mount_namespace(pid) == running.mount_namespace]

    def _kill_members(self, running: StartedProcess) -> None:
        for pid in self._members(running):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue


def _has_ended(pid: int, pidfd: int, proc: str) -> bool:
    """
    Whether a Pod's PID 1 has ended, or is about to: a signal may be on its way to it, or its last process is.

    Bounded: one that somebody has stopped holds up the node for so long and no longer.
    """
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    for _ in range(_MOST_LOOKS):
        if poll.poll(0):
            return True
        outlook = podsandbox.outlook(proc, pid)
        if outlook != "acts":
            return outlook == "ends"
        poll.poll(_LOOK_MS)
    return bool(poll.poll(0))


def _kernel_version() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    digits = minor.split("-")[0]
    return int(major), int(digits) if digits.isdigit() else 0


def _read_rest(report: int) -> bytes:
    """Return what follows the time stamp. Blocks for the few microseconds until exec closes the pipe."""
    return os.read(report, 8192)


def _nothing(_number: int, _frame: Any) -> None:
    """A handler must exist, or the wakeup descriptor is not written."""
