"""Parts of the node's set-up: its folders, its /proc, and the rule against user namespaces of containers."""

from __future__ import annotations

import os

from podlab.embedded.sandbox.zygote import linux

_FOLDERS = ("stage", "stage-upper", "proc", "dev", "pause-proc", "files", "pods", "terminals")


def make_folders(folder: str) -> None:
    """
    Mount memory at *folder* and make the node's folders in it.

    ``files`` has memory of its own for what the daemon writes for Pods. What their containers may write too lies in
    ``pods``, where each Pod has its own memory: a Pod that fills that takes no room from others.
    """
    linux.mount("node", folder, "tmpfs", linux.MS_NOSUID, "mode=700,size=64m")
    for name in _FOLDERS:
        os.mkdir(f"{folder}/{name}", 0o755)
    linux.mount("files", folder + "/files", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1g,mode=755")


def mount_proc(folder: str) -> str:
    """Mount the node's own /proc and return its path; empty where the kernel refuses it."""
    place = folder + "/proc"
    try:
        linux.mount("proc", place, "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    except PermissionError:
        return ""
    return place


def forbid_user_namespaces(proc: str) -> None:
    """
    In one of its own a container's root would have all capabilities again: it could mount, and change limits.

    The number is that of this user namespace and those below; only CAP_SYS_RESOURCE, which no container has, may
    change it.
    """
    try:
        descriptor = os.open(proc + "/sys/user/max_user_namespaces", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:  # a kernel without them
        return
    try:
        os.write(descriptor, b"0")
    finally:
        os.close(descriptor)


def kernel_version() -> tuple[int, int]:
    """Major and minor version of the running kernel."""
    major, minor = os.uname().release.split(".")[:2]
    digits = minor.split("-")[0]
    return int(major), int(digits) if digits.isdigit() else 0
