"""
``ProcessRuntime``: the kubelet's runtime on real processes.

It keeps the records (the kubelet asks for them without waiting), turns configurations into requests to the node, and
writes down the exact moment of everything that happened, for timelines. Decisions are the kubelet's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from podlab.embedded import clock
from podlab.embedded.runtime import (
    ContainerConfig,
    ContainerRecord,
    ContainerState,
    ExecResult,
    ExecSession,
    ImageRecord,
    RuntimeFault,
    SandboxConfig,
    SandboxRecord,
)
from podlab.embedded.sandbox import execs, launch, podaddresses, program, record, volumes_of
from podlab.embedded.sandbox.image import ImageSource, RunnableImage
from podlab.embedded.sandbox.link import Link, NodeError, NodeLink
from podlab.embedded.sandbox.logfiles import LogFile, Stream
from podlab.embedded.sandbox.zygote import seccomp
from podlab.embedded.trees import remove_tree, tree_bytes
from podlab.errors import SandboxError

_T = TypeVar("_T")
_RUNC = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
_START = _RUNC + "unable to start container process: "
_PIDS = 1024
_READY_S = 20.0
_CLOSE_S = 10.0
_WATCH_S = 0.1


class _Container:
    """Everything about one container instance."""

    def __init__(
        self, sandbox: _Sandbox, config: ContainerConfig, image: RunnableImage, entry: ContainerRecord
    ) -> None:
        self.sandbox, self.config, self.image, self.record = sandbox, config, image, entry
        self.exited = asyncio.Event()
        self.log: LogFile | None = None
        self.streams: list[Stream] = []
        self.stdin_fd: int | None = None
        self.watchdog: asyncio.Task[None] | None = None
        self.over_limit = False
        # News of the end that came together with the answer to the start, which is told first.
        self.early_exit: Mapping[str, Any] | None = None


class _Sandbox:
    """One Pod sandbox: its record, its folder and its containers."""

    def __init__(self, config: SandboxConfig, entry: SandboxRecord, folder: str) -> None:
        self.config, self.record, self.folder = config, entry, folder
        self.containers: list[_Container] = []
        self.memory_volumes: set[str] = set()


class ProcessRuntime:
    """Implements ``podlab.embedded.runtime.Runtime``."""

    def __init__(
        self,
        zygote: launch.Zygote,
        images: ImageSource,
        make_link: Callable[[Callable[[str, Any], None]], NodeLink] | None = None,
    ) -> None:
        self._zygote, self._images = zygote, images
        self.link: NodeLink
        if make_link:
            self.link = make_link(self._on_event)
        else:
            self.link = self._link_to(zygote)
        _raise_descriptor_limit()
        self.reduced = ""  # why this is the reduced mode and what it cannot do; empty on a real node
        self.facts: dict[str, Any] = {}
        self.granted: frozenset[str] = frozenset()
        self.filters_calls = False
        self.lost = ""  # why the node is gone
        self.node_ip = launch.NODE_IP
        # Where the files of Pods are kept: small, many, and gone with the node. In its memory if it has one, whose
        # folder appears there under another path than here.
        self.files = self._files_in_node = f"{zygote.folder}/node"
        self._folder = -1
        self.events = record.NodeEvents()
        self._addresses = podaddresses.AddressPool()
        self._links = 100  # interface indices of the node's ends, never used twice
        self._sandboxes: dict[str, _Sandbox] = {}
        self._containers: dict[str, _Container] = {}
        self._by_pod: dict[str, list[_Sandbox]] = {}
        self._execs: dict[str, execs.RunningExec] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    async def ready(self) -> None:
        """Wait until the node serves. Raises SandboxError."""
        try:
            await self._greet()
        except SandboxError:
            await self.close()
            raise

    def _link_to(self, zygote: launch.Zygote) -> Link:
        assert zygote.control
        return Link(socket.socket(fileno=zygote.control.detach()), self._on_event)

    async def _greet(self) -> None:
        link = self.link
        assert isinstance(link, Link)
        try:
            async with asyncio.timeout(_READY_S):
                outcome, value = await asyncio.shield(link.greeting)
        except TimeoutError:
            outcome, value = "refused", (0, f"the node did not answer within {_READY_S:.0f} s")
        if outcome == "ready":
            self.facts = value
            self.granted = frozenset({"NET_ADMIN"} if value["net_admin"] else ())
            self.filters_calls = seccomp.supported()
            assert link.folder is not None
            self._keep_folder(link.folder)
            return
        raise SandboxError(
            "this machine does not let podlab make a node of its own",
            cause=f"the kernel refused: {value[1]}",
            hint="podlab doctor   (names what is missing and the setting that allows it)",
        )

    def _keep_folder(self, descriptor: int) -> None:
        """Hold the node's folder open, that of a later node under the same number: others know the path."""
        if self._folder < 0:
            self._folder = descriptor
        else:
            os.dup2(descriptor, self._folder, inheritable=False)
            os.close(descriptor)
        self.files = f"/proc/self/fd/{self._folder}"

    async def renew(self) -> None:
        """
        Make a node in the place of one whose processes have ended; what ran there stays dead. Raises SandboxError.

        The files of Pods on disk stay: their logs, their volumes. What lay in the node's memory is gone. Until the
        caller takes `lost` back, the kubelet starts nothing.
        """
        await self._end_zygote(keep_folders=True)
        self._zygote = launch.launch_again(self._zygote)
        self.link = self._link_to(self._zygote)
        await self._greet()

    async def _end_zygote(self, *, keep_folders: bool = False) -> None:
        """End node and janitor, which removes control groups, and the folders of Pods if they are not to stay."""
        life, self._zygote.life = self._zygote.life, -1
        if life >= 0 and keep_folders:
            with contextlib.suppress(BrokenPipeError):  # the janitor was killed, too
                os.write(life, launch.KEEP)
        if life >= 0:
            os.close(life)
        self.link.close()
        if life >= 0:
            await asyncio.get_running_loop().run_in_executor(None, _wait_for, self._zygote.pid)

    def set_lost(self, why: str) -> None:
        """Tell the kubelet why the node is lost; empty: it serves again."""
        self.lost = why
        self._changed("")

    def use_addresses(self, prefix: str) -> None:
        """Give Pods addresses that start with *prefix*; empty: the node's own for all."""
        self._addresses = podaddresses.AddressPool(prefix)

    # --- what the kubelet sees --------------------------------------------------------------------

    def watch(self, on_change: Callable[[str], None]) -> None:
        """Call *on_change(pod_uid)* after every change of a record of that Pod."""
        self._listeners.append(on_change)

    def unwritten(self) -> int:
        """How many writes to logs were refused since the last time that this was asked."""
        found = sum(one.log.refused for one in self._containers.values() if one.log)
        for one in self._containers.values():
            if one.log:
                one.log.refused = 0
        return found

    def view(self, pod_uid: str) -> tuple[Sequence[SandboxRecord], Sequence[ContainerRecord]]:
        """All records of one Pod, newest first."""
        sandboxes = self._by_pod.get(pod_uid, [])
        containers = [one.record for sandbox in sandboxes for one in sandbox.containers]
        containers.sort(key=lambda one: one.created_at, reverse=True)
        return [one.record for one in reversed(sandboxes)], containers

    async def find_image(self, name: str) -> ImageRecord | None:
        """The image behind *name* when it is present on the node."""
        found = self._images.find(name)
        return found.record if found else None

    async def pull_image(self, name: str) -> ImageRecord:
        """Make *name* present. Raises ImageError."""
        return (await self._images.pull(name)).record

    # --- sandboxes --------------------------------------------------------------------------------

    async def start_sandbox(self, config: SandboxConfig) -> SandboxRecord:
        """Make namespaces and network of one Pod. Raises RuntimeFault."""
        return await self._finish(self._start_sandbox(config))

    async def _start_sandbox(self, config: SandboxConfig) -> SandboxRecord:
        identity = os.urandom(32).hex()
        ip = self.node_ip if config.host_network else self._take_address()
        self._links += 1
        request = {
            "uid": identity,
            "owner": config.pod_uid,
            "hostname": config.hostname,
            "ip": ip,
            "link": self._links,
            "host_network": config.host_network,
            "share_processes": config.share_process_namespace,
            "sysctls": dict(config.sysctls),
            "net_admin": config.net_admin,
        }
        folder = f"{self._zygote.folder}/pods/{identity[:24]}"
        try:
            await self.link.call("pod_start", request)
            volumes_of.write_pod_files(self._shared_files(config.pod_uid, identity), config)
        except OSError as error:
            self._addresses.give_back(ip)
            await self._quietly("pod_stop", {"uid": identity, "containers": []})
            text = f'failed to setup network for sandbox "{identity}": {error.strerror}'
            raise RuntimeFault("FailedCreatePodSandBox", text) from error
        entry = SandboxRecord(identity, config.pod_uid, config.attempt, clock.now_ns(), True, ip)
        sandbox = _Sandbox(config, entry, folder)
        self._sandboxes[identity] = sandbox
        self._by_pod.setdefault(config.pod_uid, []).append(sandbox)
        self.events.add(config.pod_uid, "sandbox-start", entry.created_at)
        self._changed(config.pod_uid)
        return entry

    def _shared_files(self, pod_uid: str, sandbox_id: str) -> str:
        return f"{self.files}/pods/{pod_uid}/sandbox-{sandbox_id[:24]}"

    def _in_node(self, source: str) -> str:
        """The path under which the node sees *source*."""
        return source.replace(self.files, self._files_in_node, 1) if source.startswith(self.files) else source

    def _take_address(self) -> str:
        try:
            return self._addresses.take()
        except LookupError as error:
            text = f"plugin failed (add): failed to allocate for range 0: {error.args[0]}"
            raise RuntimeFault("FailedCreatePodSandBox", text) from error

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what is left in the sandbox and take its network away; idempotent."""
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is not None and sandbox.record.ready:
            await self._finish(self._stop_sandbox(sandbox))

    async def _stop_sandbox(self, sandbox: _Sandbox) -> None:
        sandbox.record = sandbox.record._replace(ready=False)
        alive = [one for one in sandbox.containers if one.record.state is ContainerState.RUNNING]
        await asyncio.gather(*(self._kill(one) for one in alive))
        await self._quietly("pod_stop", {"uid": sandbox.record.id, "containers": []})
        if sandbox.memory_volumes and not self._others_of(sandbox):
            await self._quietly("unmount", {"paths": sorted(sandbox.memory_volumes)})
        self._addresses.give_back(sandbox.record.ip)
        self.events.add(sandbox.record.pod_uid, "sandbox-stop", clock.now_ns())
        self._changed(sandbox.record.pod_uid)

    def _others_of(self, sandbox: _Sandbox) -> bool:
        """A memory volume outlives its sandbox if the Pod gets another one."""
        same_pod = self._by_pod.get(sandbox.record.pod_uid, [])
        return any(one.record.ready for one in same_pod if one is not sandbox)

    async def remove_pod(self, pod_uid: str) -> None:
        """Forget all sandboxes and containers of a Pod and remove their files; idempotent."""
        for sandbox in list(self._by_pod.get(pod_uid, [])):
            await self.stop_sandbox(sandbox.record.id)
        for sandbox in self._by_pod.pop(pod_uid, []):
            self._sandboxes.pop(sandbox.record.id, None)
            for one in sandbox.containers:
                self._forget(one)
            await asyncio.to_thread(remove_tree, sandbox.folder)
        await self._quietly("forget", {"owner": pod_uid})

    # --- containers -------------------------------------------------------------------------------

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        """Prepare a container and return its id. Raises RuntimeFault(CreateContainerError)."""
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.record.ready:
            raise RuntimeFault("CreateContainerError", f'failed to find sandbox id "{sandbox_id}"')
        image = self._images.find(config.image)
        if image is None:
            raise RuntimeFault("CreateContainerError", f'image "{config.image}": not found')
        if not program.arguments(config, image.record):
            text = f'failed to generate container "{config.name}" spec: failed to generate spec: no command specified'
            raise RuntimeFault("CreateContainerError", text)
        self._check_image_volumes(config)
        identity = os.urandom(32).hex()
        entry = ContainerRecord(
            id=identity,
            sandbox_id=sandbox_id,
            pod_uid=sandbox.record.pod_uid,
            name=config.name,
            image=config.image,
            image_id=config.image_id,
            attempt=config.attempt,
            state=ContainerState.CREATED,
            created_at=clock.now_ns(),
            log_path=config.log_path,
            # Elsewhere every container is the user who started the cluster, whatever the Pod asks for.
            user=program.user(config, image.record) if os.geteuid() == 0 and not self.reduced else None,
        )
        container = _Container(sandbox, config, image, entry)
        sandbox.containers.append(container)
        self._containers[identity] = container
        self._note(container, "create", entry.created_at)
        return identity

    async def start_container(self, container_id: str) -> None:
        """Start it; a program that cannot be started leaves an EXITED record and raises RuntimeFault."""
        container = self._get(container_id)
        if container.record.state is ContainerState.CREATED:
            await self._finish(self._start(container))

    async def _start(self, container: _Container) -> None:
        config = container.config
        ends: dict[str, int] = {}
        theirs: list[int] = []
        try:
            container.log = LogFile(config.log_path, config.log_max_bytes)
            ends, theirs = _pipes(config, await self._terminal(container) if config.tty else ())
            await self._mount_memory_volumes(container)
            answer = self.link.request("start", self._start_request(container), theirs)
        except OSError as error:
            # A full disk or no descriptor left is a fault of this container alone.
            _close(ends.values())
            await self._start_failed(container, error.strerror or str(error))
            return
        finally:
            _close(theirs)
        container.stdin_fd = ends.get("stdin")
        container.streams = [
            Stream(ends[name], name.encode(), container.log, _nothing)
            for name in ("stdout", "stderr")
            if name in ends
        ]
        try:
            value, _descriptors = await answer
        except NodeError as error:
            await self._start_failed(container, error.text if error.errno == -1 else f"start: {error.text}")
            return
        self._started(container, value)

    def _started(self, container: _Container, value: Mapping[str, Any]) -> None:
        at = int(value["at"])
        container.record = container.record._replace(state=ContainerState.RUNNING, started_at=at)
        self._note(container, "start", at)
        if container.config.memory_limit_bytes and not self.facts["cgroups"]["memory"]:
            container.watchdog = self._task(self._watch_memory(container))
        self._changed(container.record.pod_uid)
        if container.early_exit is not None:
            self._exited(container, container.early_exit)

    async def _start_failed(self, container: _Container, text: str) -> None:
        message = _START + text
        now = clock.now_ns()
        container.record = container.record._replace(
            state=ContainerState.EXITED,
            finished_at=now,
            exit_code=128,
            reason="StartError",
            message=message,
        )
        self._close_streams(container)
        container.exited.set()
        self._note(container, "exit", now, exit_code=128)
        self._changed(container.record.pod_uid)
        raise RuntimeFault("RunContainerError", message)

    def _image_root(self, name: str) -> dict[str, Any]:
        """The root of an image, for a volume. Raises RuntimeFault."""
        found = self._images.find(name)
        if found is None:
            raise RuntimeFault("CreateContainerError", f'image "{name}": not found')
        root: dict[str, Any] = found.root("")
        return root

    def _check_image_volumes(self, config: ContainerConfig) -> None:
        """Refuse a container that asks for files that an image does not have. Raises RuntimeFault."""
        for one in config.mounts:
            if one.image and volumes_of.lacks(self._image_root(one.image), one.sub_path):
                text = f'failed to mount image volume "{one.image}" at "{one.target}": '
                raise RuntimeFault("CreateContainerError", f"{text}{one.sub_path}: no such file or directory")

    def _start_request(self, container: _Container) -> dict[str, Any]:
        config, image = container.config, container.image.record
        root = container.image.root(_layer(container))
        volumes_of.add_files(root, config.mounts)
        user = program.user(config, image)
        joined = self._containers.get(config.pid_namespace_of or "")
        return {
            "name": container.record.id,
            "pod": container.record.sandbox_id,
            "root": root,
            "mounts": volumes_of.requests(
                config.mounts,
                self._shared_files(container.record.pod_uid, container.record.sandbox_id),
                self._in_node,
                self._image_root,
            ),
            "read_only": config.read_only_root,
            "argv": list(program.arguments(config, image)),
            "env": program.environment(config, image, container.sandbox.config.hostname),
            "cwd": config.working_dir or image.working_dir or "/",
            "uid": user.uid,
            "gid": user.gid,
            "groups": list(user.groups),
            "ids": os.geteuid() == 0,
            "drop": program.dropped(config),
            "add": program.added(config),
            "no_new_privileges": config.no_new_privileges,
            "seccomp": config.default_seccomp,
            "memory": config.memory_limit_bytes,
            "pids": _PIDS,
            "limits": [],
            "tty": config.tty,
            "process_namespace_of": joined.record.id if joined else None,
        }

    async def _mount_memory_volumes(self, container: _Container) -> None:
        for path, size in volumes_of.memory_volumes(container.config.mounts):
            container.sandbox.memory_volumes.add(path)
            await self.link.call("tmpfs", {"path": path, "size": size})

    async def update_container(
        self, container_id: str, memory_limit_bytes: int | None, cpu_limit_millis: int | None
    ) -> None:
        """Give a running container other limits."""
        container = self._containers.get(container_id)
        if container is None:
            return
        container.config = container.config._replace(
            memory_limit_bytes=memory_limit_bytes, cpu_limit_millis=cpu_limit_millis
        )
        if memory_limit_bytes:
            await self._quietly("limit", {"name": container_id, "memory": memory_limit_bytes})

    async def stop_container(self, container_id: str, grace_s: float) -> None:
        """SIGTERM to PID 1, SIGKILL when *grace_s* is over; returns once it is EXITED."""
        container = self._containers.get(container_id)
        if container is None or container.record.state is not ContainerState.RUNNING:
            return
        if grace_s > 0:
            await self._signal(container, signal.SIGTERM)
            try:
                async with asyncio.timeout(grace_s):
                    await container.exited.wait()
                return
            except TimeoutError:
                pass
        await self._finish(self._kill(container))

    async def _kill(self, container: _Container) -> None:
        await self._signal(container, signal.SIGKILL)
        await container.exited.wait()

    async def _signal(self, container: _Container, number: signal.Signals) -> None:
        self._note(container, "signal", clock.now_ns(), signal=int(number))
        await self._quietly("signal", {"name": container.record.id, "signal": int(number), "group": False})

    async def remove_container(self, container_id: str) -> None:
        """Forget one EXITED container."""
        container = self._containers.get(container_id)
        if container is None:
            return
        await self.stop_container(container_id, 0)
        self._forget(container)
        container.sandbox.containers.remove(container)
        layer = _layer(container)
        if os.path.lexists(layer):
            await asyncio.to_thread(remove_tree, layer)

    async def written_bytes(self, container_id: str) -> int:
        """Bytes that a container wrote into its root and its logs."""
        container = self._containers.get(container_id)
        if container is None:
            return 0
        try:
            written = int(await self.link.call("written", {"name": container_id}))
        except NodeError:
            written = 0
        if written < 0:
            written = tree_bytes(f"{container.sandbox.folder}/{container_id[:24]}/up")
        return written + tree_bytes(os.path.dirname(container.config.log_path))

    def _forget(self, container: _Container) -> None:
        self._containers.pop(container.record.id, None)
        self._close_streams(container)

    # --- commands inside, sockets -------------------------------------------------------------------

    async def exec_sync(
        self, container_id: str, command: Sequence[str], timeout_s: float | None
    ) -> ExecResult:
        """Run *command* inside a running container."""
        running = await self._exec(container_id, command, execs.Pipes(stdin=False))
        return await execs.collect(running, timeout_s)

    async def exec_stream(
        self, container_id: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Start *command* inside with pipes or a terminal."""
        terminal = await self._terminal(self._get(container_id)) if tty else ()
        return await self._exec(container_id, command, execs.Pipes(stdin=stdin, terminal=terminal))

    async def _terminal(self, container: _Container) -> Sequence[int]:
        """Both ends of a new terminal of a container's Pod, ours first. Raises OSError."""
        request = {"pod": container.record.sandbox_id}
        _number, ends = await self.link.call_with_descriptors("terminal", request)
        return ends

    async def _exec(self, container_id: str, command: Sequence[str], pipes: execs.Pipes) -> execs.RunningExec:
        container = self._containers.get(container_id)
        if container is None or container.record.state is not ContainerState.RUNNING:
            pipes.close()
            raise RuntimeFault("NotRunning", f"container {container_id} is not running")
        start = self._start_request(container)
        kept = (
            "env",
            "cwd",
            "uid",
            "gid",
            "groups",
            "ids",
            "drop",
            "add",
            "no_new_privileges",
            "seccomp",
            "limits",
        )
        request = {key: start[key] for key in kept}
        request |= {"name": os.urandom(16).hex(), "container": container_id, "argv": list(command)}
        request |= {"tty": pipes.tty, "pids": 0}
        if pipes.tty:
            request["env"] = {**request["env"], "TERM": "xterm"}
        running = execs.RunningExec(request["name"], pipes, self._end_exec)
        self._execs[running.name] = running
        try:
            await self.link.call("exec", request, pipes.theirs)
        except NodeError as error:
            self._execs.pop(running.name, None)
            if error.errno != -1:
                pipes.close()
                raise RuntimeFault("NotRunning", error.text) from error
            running.never_started(error.text)
        finally:
            pipes.close_theirs()
        return running

    async def _end_exec(self, name: str, group: bool) -> None:
        await self._quietly("signal", {"name": name, "signal": int(signal.SIGKILL), "group": group})

    async def connect(self, sandbox_id: str, port: int, host: str = "127.0.0.1") -> int:
        """A connected TCP socket made in the Pod's network namespace."""
        return await self._connect(sandbox_id, host, port, 10.0)

    async def node_connect(self, host: str, port: int, timeout_s: float) -> int:
        """A connected TCP socket from the node. Raises OSError as connect() does."""
        return await self._connect(None, host, port, timeout_s)

    async def _connect(self, sandbox_id: str | None, host: str, port: int, timeout_s: float) -> int:
        descriptor = await self.make_socket(sandbox_id, socket.SOCK_STREAM)
        with socket.socket(fileno=descriptor) as sock:
            sock.setblocking(False)
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(sock, (host, port))
            return sock.detach()

    async def make_socket(
        self, sandbox_id: str | None, kind: int, bind: tuple[str, int] | None = None
    ) -> int:
        """An IPv4 socket in the network of a Pod, or of the node (None); bound, and listening if it is a stream."""
        request = {"pod": sandbox_id, "family": int(socket.AF_INET), "kind": int(kind), "bind": bind}
        _value, descriptors = await self.link.call_with_descriptors("socket", request)
        return descriptors[0]

    async def netfilter(self, batch: bytes, acknowledgements: int) -> list[int]:
        """Give one nftables batch to the node's kernel; the errno of every refused message."""
        found: list[int] = await self.link.call(
            "netfilter", {"batch": batch, "acknowledgements": acknowledgements}
        )
        return found

    # --- events -------------------------------------------------------------------------------------

    def _on_event(self, name: str, value: Any) -> None:
        if name == "exited":
            running = self._execs.pop(value["name"], None)
            if running is not None:
                running.ended(os.waitstatus_to_exitcode(value["status"]))
            elif value["name"] in self._containers:
                self._exited(self._containers[value["name"]], value)
        elif name == "sandbox-lost":
            self._sandbox_lost(value["uid"])
        elif name == "gone":
            self._node_gone()

    def _exited(self, container: _Container, value: Mapping[str, Any]) -> None:
        if container.record.state is ContainerState.CREATED:
            container.early_exit = value
            return
        status = os.waitstatus_to_exitcode(value["status"])
        code = status if status >= 0 else 128 - status
        reason = "Completed" if code == 0 else "Error"
        message = ""
        if value["oom"] or container.over_limit:
            reason = "OOMKilled"
            self._note(container, "oom", int(value["at"]))
        if container.over_limit:
            message = (
                "killed over its memory limit by podlab's own watch: this machine allows no memory cgroups"
            )
        self._close_streams(container)
        container.record = container.record._replace(
            state=ContainerState.EXITED,
            finished_at=int(value["at"]),
            exit_code=code,
            reason=reason,
            message=message,
        )
        details = {"exit_code": code} if status >= 0 else {"exit_code": code, "signal": -status}
        self._note(container, "exit", int(value["at"]), **details)
        container.exited.set()
        self._changed(container.record.pod_uid)

    def attach(
        self, container_id: str, on_output: Callable[[bytes, bytes], None]
    ) -> tuple[int | None, Callable[[], None], Callable[[], None]]:
        """
        Join a running container's streams, for ``kubectl attach``.

        Returns:
            Its stdin (the runtime's own descriptor; None when it has none), what closes that stdin for good, and
            what ends the subscription of *on_output(stream, bytes)*.
        """
        container = self._get(container_id)
        streams = list(container.streams)
        for stream in streams:
            stream.listeners.append(on_output)

        def close_stdin() -> None:
            if container.stdin_fd is not None:
                os.close(container.stdin_fd)
                container.stdin_fd = None

        def detach() -> None:
            for stream in streams:
                stream.listeners.remove(on_output)

        return container.stdin_fd, close_stdin, detach

    def unlogged(self, container_id: str) -> list[tuple[bytes, bytes]]:
        """(stream, bytes) that wait for the end of their line before they are logged."""
        return [(stream.name, stream.rest) for stream in self._get(container_id).streams if stream.rest]

    def _close_streams(self, container: _Container) -> None:
        if container.watchdog:
            container.watchdog.cancel()
        for stream in container.streams:
            stream.drain()
            stream.finish()
        container.streams = []
        if container.stdin_fd is not None:
            os.close(container.stdin_fd)
            container.stdin_fd = None
        if container.log:
            container.log.close()

    def _sandbox_lost(self, sandbox_id: str) -> None:
        """PID 1 of a shared process namespace ended, and everything in it: the kubelet makes another sandbox."""
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is not None and sandbox.record.ready:
            sandbox.record = sandbox.record._replace(ready=False)
            task = asyncio.get_running_loop().create_task(self._stop_sandbox(sandbox))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _node_gone(self) -> None:
        """The node ended under us: everything in it is dead."""
        now = clock.now_ns()
        for container in list(self._containers.values()):
            if container.record.state is ContainerState.RUNNING:
                self._exited(container, {"status": int(signal.SIGKILL), "oom": 0, "at": now})
        for sandbox in self._sandboxes.values():
            if sandbox.record.ready:
                sandbox.record = sandbox.record._replace(ready=False)
                self._addresses.give_back(sandbox.record.ip)
        for running in self._execs.values():
            running.ended(-int(signal.SIGKILL))
        self._execs.clear()
        self.lost = "its processes have ended"
        self._changed("")

    async def _watch_memory(self, container: _Container) -> None:
        """Without cgroups: look at the memory ten times a second and kill above the limit."""
        while container.record.state is ContainerState.RUNNING:
            await asyncio.sleep(_WATCH_S)
            used = await self.link.call("usage", {"name": container.record.id})
            if used > (container.config.memory_limit_bytes or float("inf")):
                container.over_limit = True
                await self._signal(container, signal.SIGKILL)
                return

    # --- small things -------------------------------------------------------------------------------

    def _get(self, container_id: str) -> _Container:
        try:
            return self._containers[container_id]
        except KeyError:
            raise RuntimeFault("RunContainerError", f'container "{container_id}" not found') from None

    def _changed(self, pod_uid: str) -> None:
        for listener in self._listeners:
            listener(pod_uid)

    def _note(self, container: _Container, event: str, at: int, **details: int) -> None:
        entry = container.record
        self.events.add(
            entry.pod_uid,
            event,
            at,
            container=entry.name,
            container_id=entry.id,
            attempt=entry.attempt,
            **details,
        )

    async def _quietly(self, operation: str, arguments: dict[str, Any]) -> None:
        try:
            await self.link.call(operation, arguments)
        except NodeError:
            pass  # the process or the node is gone, which is what was wanted

    async def _finish(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run *work* to its end even if the caller is cancelled."""
        return await asyncio.shield(self._task(work))

    def _task(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asked for, so that asyncio does not print what the caller no longer waits for

    async def close(self) -> None:
        """Kill everything and leave nothing behind: the janitor removes files and cgroups, and is waited for."""
        await self._end_zygote()
        for task in list(self._tasks):
            task.cancel()
        if self._folder >= 0:  # not before: its number would soon be another file's
            os.close(self._folder)
            self._folder = -1


def _raise_descriptor_limit() -> None:
    """Two pipes a container: the usual soft limit of 1024 would end at some 300 containers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _wait_for(pid: int) -> None:
    """Wait for the janitor, at most ten seconds; it is then ended too."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        waiter = select.poll()  # not select(): the descriptor may be beyond its 1024
        waiter.register(pidfd, select.POLLIN)
        if not waiter.poll(_CLOSE_S * 1000):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass
    finally:
        os.close(pidfd)


def _layer(container: _Container) -> str:
    """The folder for what the container writes to an unpacked image."""
    return f"{container.sandbox.folder}/{container.record.id[:24]}"


def _nothing(_stream: Stream) -> None:
    """A stream's end needs no action of its own: the exit of the process is what counts."""


def _close(descriptors: Sequence[int] | Any) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _pipes(config: ContainerConfig, terminal: Sequence[int]) -> tuple[dict[str, int], list[int]]:
    """Our ends by name, and theirs as stdin, stdout, stderr."""
    if terminal:
        ours, theirs = terminal
        copies = [theirs, os.dup(theirs), os.dup(theirs)]
        return {"stdout": ours, **({"stdin": os.dup(ours)} if config.stdin else {})}, copies
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    ends = {"stdout": out_read, "stderr": err_read}
    if config.stdin:
        in_read, ends["stdin"] = os.pipe()
    else:
        in_read = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    return ends, [in_read, out_write, err_write]
