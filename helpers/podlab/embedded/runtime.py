"""
The interface between the kubelet and a container runtime: the seam between decisions and processes.

The shape follows CRI, cut to what one node of a teaching cluster needs. There are two implementations:
``sandbox.ProcessRuntime`` starts real processes in Linux namespaces on the wall clock, ``simulate.ScriptedRuntime``
plays scripted containers on a manual clock. The kubelet cannot tell them apart.

Every instant is an ``int``: nanoseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, Protocol


class ContainerState(Enum):
    """Where a container is in its life, as CRI counts it."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


class Mount(NamedTuple):
    """
    One path of a container: *source* on the host appears at *target* inside it.

    With *image*, the name of an image that is present, its files do, read-only; *source* is empty then.
    """

    source: str
    target: str
    read_only: bool = False
    # A path inside *source*, relative and without "..": the runtime resolves it below *source* (symlinks that leave
    # it are refused) and makes a folder, with the mode of *source*, where nothing is. "" is *source* itself.
    sub_path: str = ""
    image: str = ""


class SandboxConfig(NamedTuple):
    """The configuration that the containers of one Pod share."""

    pod_uid: str
    namespace: str
    name: str
    hostname: str
    attempt: int = 0
    host_network: bool = False
    share_process_namespace: bool = False
    # /etc/hosts is a Mount of each container, written by the kubelet; /etc/resolv.conf is the runtime's, from these
    # three. No servers: the cluster's own DNS; no searches and no options either: the node's own file, as
    # dnsPolicy Default has it.
    dns_servers: Sequence[str] = ()
    dns_searches: Sequence[str] = ()
    dns_options: Sequence[str] = ()
    sysctls: Mapping[str, str] = MappingProxyType({})
    net_admin: bool = False  # a container asks to change the Pod's network


class SandboxRecord(NamedTuple):
    """One sandbox that the runtime knows; ``ready`` is False once it is stopped or its network is gone."""

    id: str
    pod_uid: str
    attempt: int
    created_at: int
    ready: bool
    ip: str


class ContainerConfig(NamedTuple):
    """Everything that starting one container needs, with all names and variables already resolved."""

    name: str
    image: str
    image_id: str
    # None: the image's own entrypoint or command. Both follow the rules of command/args in the Pod API.
    command: Sequence[str] | None
    args: Sequence[str] | None
    env: Mapping[str, str]
    mounts: Sequence[Mount]
    attempt: int
    log_path: str  # CRI log file: "<RFC3339Nano> stdout F line"
    # The runtime bounds its own logs: a file that grew beyond this is renamed to "<log_path>.1" (an older one is
    # dropped) and a new one is begun, so that a container that writes without end costs twice this and no more.
    log_max_bytes: int = 10 << 20
    working_dir: str | None = None  # made if the image has none such
    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: Sequence[int] = ()
    strict_groups: bool = False  # those alone, without the groups in which the image's files have the user
    read_only_root: bool = False
    # Of the capabilities that engines leave to root: which are taken too ("ALL": all), and given back.
    drop_capabilities: Sequence[str] = ()
    add_capabilities: Sequence[str] = ()
    no_new_privileges: bool = False
    default_seccomp: bool = False  # the runtime's own list of system calls that a container may not make
    memory_limit_bytes: int | None = None
    cpu_limit_millis: int | None = None
    tty: bool = False
    stdin: bool = False
    # The container whose PID namespace is joined (ephemeral containers with a target); None: its own, or the Pod's.
    pid_namespace_of: str | None = None
    ports: Sequence[int] = ()  # declared ports: only the reduced mode, which shares one host, needs to know


class ContainerUser(NamedTuple):
    """Who the first process of a container is; *groups* are sorted, the primary group among them."""

    uid: int
    gid: int
    groups: Sequence[int]


class ContainerRecord(NamedTuple):
    """
    One instance of a container that the runtime knows: the truth about its life.

    ``exit_code`` is 128+signal for a container that died by a signal; ``reason`` of an EXITED one is ``Completed``,
    ``Error``, ``OOMKilled`` or ``StartError``. The termination message is no concern of the runtime: the kubelet
    mounts a file for it and reads it; ``message`` is only what the runtime itself has to say of a StartError.
    """

    id: str
    sandbox_id: str
    pod_uid: str
    name: str
    image: str
    image_id: str
    attempt: int
    state: ContainerState
    created_at: int
    started_at: int | None = None
    finished_at: int | None = None  # of EXITED always set, after a StartError too
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    log_path: str = ""
    user: ContainerUser | None = None  # None before it was started


class ImageRecord(NamedTuple):
    """An image that is present: its id (``sha256:…``), the names it answers to, and its default process."""

    id: str
    names: Sequence[str]
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    env: Mapping[str, str] = MappingProxyType({})
    working_dir: str = "/"
    user: str = ""
    size_bytes: int = 0
    ids: tuple[int, int] | None = None  # of ``user``, by the image's own files; None where they are not known
    primary_groups: Mapping[int, int] = MappingProxyType({})  # user -> group, by the image's passwd
    member_groups: Mapping[int, Sequence[int]] = MappingProxyType(
        {}
    )  # user -> groups that list it, by its group file


class ExecResult(NamedTuple):
    """
    The result of a command that ran inside a container; output is bounded by the caller's limit.

    ``start_error`` is the runtime's text when there was no such program: nothing ran, and the exit code is made up.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    start_error: str = ""


class ImageError(Exception):
    """
    An image is not available; ``reason`` is the kubelet's word for it (``ErrImagePull``, ``InvalidImageName``…).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class RuntimeFault(Exception):
    """The runtime could not create or start something; ``reason`` is RunContainerError, CreateContainerError…"""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class Runtime(Protocol):
    """Runs sandboxes and containers. All coroutines may be cancelled; what they began is then undone or finished."""

    @property
    def granted(self) -> frozenset[str]:
        """Capabilities that a container gets if it asks, beside the usual ones."""

    @property
    def lost(self) -> str:
        """Why nothing can be run any more; empty while it can."""

    @property
    def filters_calls(self) -> bool:
        """Whether a container that asks for the runtime's seccomp profile gets it."""

    def watch(self, on_change: Callable[[str], None]) -> None:
        """Call *on_change(pod_uid)* soon after any container or sandbox of that Pod changed state."""

    def unwritten(self) -> int:
        """Return how many writes to logs were refused since the last time that this was asked."""

    def view(self, pod_uid: str) -> tuple[Sequence[SandboxRecord], Sequence[ContainerRecord]]:
        """All records of one Pod, newest first. Immediate: no process is asked."""

    async def find_image(self, name: str) -> ImageRecord | None:
        """
        Return the image behind *name* when it is present on the node; never pulls. Raises ImageError(InvalidImageName).
        """

    async def pull_image(self, name: str) -> ImageRecord:
        """Make *name* present. Raises ImageError."""

    async def start_sandbox(self, config: SandboxConfig) -> SandboxRecord:
        """Make namespaces and network of one Pod. Raises RuntimeFault."""

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what is left in the sandbox and take its network away; idempotent."""

    async def remove_pod(self, pod_uid: str) -> None:
        """Forget all sandboxes and containers of a Pod and remove their files; idempotent."""

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        """Prepare a container and return its id. Raises RuntimeFault(CreateContainerError)."""

    async def start_container(self, container_id: str) -> None:
        """Start it. A command that is missing leaves an EXITED record, exit code 128, reason StartError,
        and raises RuntimeFault(RunContainerError) with the runtime's text."""

    async def update_container(
        self, container_id: str, memory_limit_bytes: int | None, cpu_limit_millis: int | None
    ) -> None:
        """Give a running container other limits."""

    async def stop_container(self, container_id: str, grace_s: float) -> None:
        """SIGTERM to PID 1, SIGKILL when *grace_s* is over; returns once it is EXITED. Idempotent."""

    async def remove_container(self, container_id: str) -> None:
        """Forget one EXITED container. Its log file stays until remove_pod."""

    async def written_bytes(self, container_id: str) -> int:
        """Return bytes that a container wrote into its root and its logs; 0 for one that does not run."""

    async def exec_sync(
        self, container_id: str, command: Sequence[str], timeout_s: float | None
    ) -> ExecResult:
        """Run *command* inside; for probes and hooks. Output kept: first 16 KiB of each stream.
        A missing program is exit code 126/127-like ExecResult; a dead container raises RuntimeFault."""

    async def exec_stream(
        self, container_id: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Start *command* inside with pipes (or a terminal) for kubectl exec."""

    async def connect(self, sandbox_id: str, port: int, host: str = "127.0.0.1") -> int:
        """Return a connected TCP socket (a file descriptor owned by the caller) made in the Pod's network namespace."""

    async def node_connect(self, host: str, port: int, timeout_s: float) -> int:
        """
        Return a connected TCP socket from the node to a Pod's address: what HTTP, TCP and gRPC probes use. Raises
        OSError as connect() does (ConnectionRefusedError, TimeoutError).
        """

    async def close(self) -> None:
        """Kill everything and leave nothing behind."""


class ExecSession(Protocol):
    """A running exec: file descriptors of the daemon's ends, and its exit code."""

    stdin_fd: int | None
    stdout_fd: int
    stderr_fd: int | None  # None with a terminal

    async def wait(self) -> int:
        """Exit code, 128+signal when it died by one."""

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; nothing without one."""

    async def kill(self) -> None:
        """End the command; idempotent."""
