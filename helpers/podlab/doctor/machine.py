"""
The facts about a machine, as plain data: the probes fill it, the checks judge it.

Every field has a value that means "not found" or "could not be looked at", so that a test can start from a
healthy machine and change one thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GIB = 2**30


@dataclass(frozen=True)
class SandboxTrial:
    """
    The results of a trial in a child process; each is ``""`` when it worked, else the kernel's word.

    Args:
        user: A user namespace, with this user mapped in it.
        mount, pid, net, ipc, uts: The other namespaces, from inside that one.
        proc: A new /proc in a new pid namespace.
        nftables: A table of nftables in a new network namespace.
    """

    user: str = ""
    mount: str = ""
    pid: str = ""
    net: str = ""
    ipc: str = ""
    uts: str = ""
    proc: str = ""
    nftables: str = ""

    def failed(self) -> list[str]:
        """Return the namespaces that were refused, the decisive one first."""
        return [name for name in ("user", "mount", "pid", "net", "ipc", "uts") if getattr(self, name)]


@dataclass(frozen=True)
class Port:
    """A port of this machine that something of ours would like to have, and who has it."""

    number: int
    purpose: str
    holder: str = ""


@dataclass(frozen=True)
class MachineFacts:
    """One machine, at one moment."""

    platform: str = "linux"
    kernel: str = ""
    host: str = ""
    """``Binder``, ``Codespaces``, ``a devcontainer`` or ``JupyterHub``, where one of them runs this."""
    editor: str = ""
    """``VS Code`` where its terminal asks."""
    editor_shows_notebooks: bool = True
    python: tuple[int, int, int] = (3, 11, 0)
    in_environment: bool = True
    conda: str = ""
    """The conda environment that is active."""
    missing_packages: Sequence[str] = ()
    missing_for_pages: Sequence[str] = ()
    docker_version: str | None = None
    docker_problem: str = ""
    docker_detail: str = ""
    docker_skew_s: float | None = None
    kind_path: str | None = None
    kind_version: str | None = None
    go_path: str | None = None
    kubectl_path: str | None = None
    kubectl_version: str | None = None
    node_image: str | None = None
    node_image_detail: str = ""
    disk_free_bytes: Mapping[str, int] = field(default_factory=dict)
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    cgroup_version: int | None = None
    inotify_watches: int | None = None
    inotify_instances: int | None = None
    ports: Sequence[Port] = ()
    clock_synchronised: bool | None = None
    year: int = 2026
    proxies: Mapping[str, str] = field(default_factory=dict)
    no_proxy: str = ""
    sandbox: SandboxTrial | None = None
    max_user_namespaces: int | None = None
    unprivileged_userns_clone: int | None = None
    apparmor_restricts_userns: bool = False
    seccomp_filtered: bool = False
    in_container: bool = False
    lab_images: Mapping[str, bool] = field(default_factory=dict)
    """Each image of the labs, and whether it has been built here; empty where there are no recipes."""
    lab_obstacles: Sequence[tuple[str, str, str]] = ()
    """Image, why it cannot be had here, and what to do."""
    labs_without_images: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Each of these images, and the labs that need it, such as ``05-certificates``."""
