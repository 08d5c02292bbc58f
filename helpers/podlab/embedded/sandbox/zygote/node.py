"""
The node: PID 1 of its own process namespace, with its own user, network, mount, IPC and UTS namespaces.

One thread, one loop: requests from the daemon, reports of children on their way to exec, and exits. Nothing here
waits for a container, so a slow one holds up no other. When this process dies, the kernel kills everything in its
process namespace, and with it go all mounts and interfaces: that is what leaves nothing behind after ``kill -9``.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import os
import select
import stat

from podlab.embedded import filetrees
from podlab.embedded.sandbox.zygote import (
    cgroups,
    container,
    handover,
    linux,
    netadmin,
    podsandbox,
    rootfs,
    setup,
    wire,
)
from podlab.embedded.sandbox.zygote.children import Children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LOOK_MS, _MOST_LOOKS = 10, 500
_NO_PROGRAMS = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
_POD_MEMORY = (
    "size=65m,nr_inodes=16k,mode=755"  # 64 MiB of shared memory, as containerd gives, and some small files
)


class NodeProcess:
    """State of the node and its request handlers, named ``on_<operation>``."""

    def __init__(self, control: _socket.socket, settings: dict[str, Any]) -> None:
        self.control, self.settings = control, settings
        self.folder: str = settings["folder"]
        self.groups = cgroups.Groups(*settings["groups"])
        self.pods: dict[str, podsandbox.PodSandbox] = {}
        self.poll = select.poll()
        self.children = Children(self.poll, self._answer)
        self.users = -1  # the user namespace of Pods that may change their network
        # Since Linux 6.14 each pid namespace has its own pid_max: cheaper than a cgroup made, entered and removed.
        self.namespaces_bound_pids = setup.kernel_version() >= (6, 14)

    # --- set-up ---------------------------------------------------------------------------------

    def prepare(self) -> dict[str, Any]:
        """Make mounts and network of the node; returns what this machine could and could not do."""
        linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)
        linux.drop_capabilities()  # from what exec may give: this process keeps its own, and never execs
        container.note_ignored_signals()
        setup.make_folders(self.folder)
        own_proc = setup.mount_proc(self.folder)
        if own_proc:  # elsewhere Pods see each other's processes, and could open their networks
            self.children.proc = own_proc
            self.users = netadmin.make_users(own_proc)
        setup.forbid_user_namespaces(self.children.proc)
        rootfs.prepare_devices(self.folder + "/dev")
        self.home = podsandbox.own_namespaces()
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self.route = podsandbox.route_socket()
        linux.sethostname(self.settings["node_name"])
        podsandbox.setup_node_network(self.route, self.settings["node_ip"], self.settings["service_range"])
        return {
            "own_proc": bool(own_proc),
            "net_admin": self.users >= 0,
            "cgroups": cgroups.describe(self.groups),
            "pid": self.settings["pid"],
        }

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
                elif descriptor in self.children.reports:
                    self.children.read_report(self.children.reports[descriptor])
            self.children.reap(self._report_lost_sandboxes)

    # --- requests -------------------------------------------------------------------------------

    def _serve(self, message: Any, descriptors: list[int]) -> None:
        sequence, operation, arguments = message
        handler: Callable[[int, dict[str, Any], list[int]], Any] = getattr(self, "on_" + operation)
        try:
            result = handler(sequence, arguments, descriptors)
        except OSError as error:
            text = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
            self._answer(sequence, "error", (error.errno or 0, text))
        except Exception as error:  # a bug in podlab must not end the node and all its Pods
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
        network = netadmin.make_network(self.users, self.children.proc)
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
        filetrees.remove_tree(place)
        return True

    def on_pod_stop(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Kill what is left of a Pod and take its network away."""
        pod = self.pods.pop(request["uid"], None)
        if pod is None:
            return True
        for name in request["containers"]:
            running = self.children.by_name.get(name)
            if running:
                self.children.signal(running, 9, group=False)
        if pod.pause:
            linux.pidfd_send_signal(pod.pause[1], 9)
            os.close(pod.pause[1])
        podsandbox.disconnect(self.route, pod)
        pod.close()
        filetrees.remove_tree(pod.memory)
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
        joined = self.children.by_name.get(request["process_namespace_of"] or "")
        init = joined.pidfd if joined else pod.pause[1] if pod.pause else None
        shared = init is not None
        try:
            controls = [os.open(folder + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in folders]
            request["groups_shown"] = cgroups.shown(self.groups, folders)
            if init is not None:
                linux.setns(init, linux.CLONE_NEWPID)
            self._spawn(sequence, request, [*descriptors, *controls], folders, pod, shared)
        except OSError:
            self.children.busy_groups += cgroups.remove(folders)
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
        running = self.children.register(request["name"], pid, pidfd, folders, sequence, report)
        running.shared, running.users = shared, pod.users
        self.children.note_members(running)

    def on_exec(self, sequence: int, request: dict[str, Any], descriptors: list[int]) -> None:
        """Start a command inside a running container; answered like ``start``."""
        target = self.children.by_name.get(request["container"])
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
        self.children.register(request["name"], pid, pidfd, [], sequence, report)

    def on_signal(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Send a signal to a container's first process, or to the whole group of an exec'd command."""
        running = self.children.by_name.get(request["name"])
        return running is not None and self.children.signal(
            running, request["signal"], group=request["group"]
        )

    def on_socket(self, sequence: int, request: dict[str, Any], _descriptors: list[int]) -> None:
        """Make a socket in the network of the node or of a Pod, bind and listen if asked, and hand it over."""
        network = self.home[0] if request["pod"] is None else self.pods[request["pod"]].network
        sock = handover.bound_socket(self.home, network, request)
        try:
            self._answer(sequence, "ok", True, (sock.fileno(),))
        finally:
            sock.close()

    def on_terminal(self, sequence: int, request: dict[str, Any], _descriptors: list[int]) -> None:
        """Hand over both ends of a new terminal of a Pod."""
        number, *ends = handover.new_terminal(self.pods[request["pod"]].terminals)
        try:
            self._answer(sequence, "ok", number, tuple(ends))
        finally:
            for descriptor in ends:
                os.close(descriptor)

    def on_netfilter(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> list[int]:
        """Hand one nftables batch to the kernel; returns the errno of every message that was refused."""
        return handover.apply_rules(request["batch"], request["acknowledgements"])

    def on_usage(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> int:
        """Return the resident bytes of all processes of a container; 0 for one that does not run."""
        running = self.children.by_name.get(request["name"])
        return self.children.resident_bytes(running) if running else 0

    def on_limit(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> bool:
        """Change the memory limit of a container that has one."""
        running = self.children.by_name.get(request["name"])
        if running is None:
            return False
        return cgroups.limit(self.groups, running.folders, request["memory"])

    def on_written(self, _sequence: int, request: dict[str, Any], _descriptors: list[int]) -> int:
        """Return bytes that a container wrote into a root in memory; -1 when its writable layer lies on the disk."""
        running = self.children.by_name.get(request["name"])
        return self.children.written_bytes(running) if running else 0

    def on_probe(self, _sequence: int, _request: dict[str, Any], _descriptors: list[int]) -> dict[str, Any]:
        """Counts of what this node holds, for tests and for ``podlab doctor``."""
        return {
            "pods": len(self.pods),
            "processes": len(self.children.by_pid),
            "descriptors": len(os.listdir("/proc/self/fd")),
        }

    # --- children -------------------------------------------------------------------------------

    def _report_lost_sandboxes(self) -> None:
        """
        Report each Pod whose PID 1 has ended before the containers that end with it.

        A container that seems to have ended by itself would be started again in a dead namespace.
        """
        for uid, pod in self.pods.items():
            if pod.pause and _has_ended(*pod.pause, self.children.proc):
                os.close(pod.pause[1])
                pod.pause = None
                self._answer(0, "sandbox-lost", {"uid": uid})


def _has_ended(pid: int, pidfd: int, proc: str) -> bool:
    """
    Return whether a Pod's PID 1 has ended, or is about to: a signal may be on its way to it, or its last process is.

    The wait is bounded: a PID 1 that a user has stopped must not hold up the node.
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


def _nothing(_number: int, _frame: Any) -> None:
    """A handler must exist, or the wakeup descriptor is not written."""
