"""
Memory and pid limits through cgroups, v1 or v2, where this machine lets us make any; else a plain "cannot".

A container's groups are made before it is cloned and entered by the clone itself before exec, so that no allocation
of the program escapes the limit. OOMKilled means: the main process died by SIGKILL *and* the group's counter rose.
A container sees its own groups, read-only, where programs look for their limits: below /sys/fs/cgroup.
"""

from __future__ import annotations

import os

from podlab.embedded.sandbox.zygote import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOUNT = "/sys/fs/cgroup"


class Groups:
    """The parent groups that this node may use: ``memory`` and ``pids`` are folders, or empty where it may not."""

    def __init__(self, memory: str = "", pids: str = "", version: int = 0) -> None:
        self.memory, self.pids, self.version = memory, pids, version

    def plain(self) -> tuple[str, str, int]:
        """For the wire."""
        return (self.memory, self.pids, self.version)


def find(name: str) -> Groups:
    """Make the node's parent groups, called *name*, below the caller's own ones."""
    own = _own_groups()
    if os.path.exists(_MOUNT + "/cgroup.controllers"):
        return _version_two(own.get("", "/"), name)
    return Groups(_version_one(own, "memory", name), _version_one(own, "pids", name), 1)


def _own_groups() -> dict[str, str]:
    found = {}
    try:
        with open("/proc/self/cgroup") as lines:
            for line in lines:
                _number, controllers, path = line.rstrip("\n").split(":", 2)
                for controller in controllers.split(","):
                    found[controller] = path
    except OSError:
        pass
    return found


def _version_one(own: dict[str, str], controller: str, name: str) -> str:
    folder = f"{_MOUNT}/{controller}{own.get(controller, '/')}".rstrip("/") + "/" + name
    try:
        os.makedirs(folder, exist_ok=True)
        if not os.access(folder + "/cgroup.procs", os.W_OK):
            os.rmdir(folder)
            return ""
    except OSError:
        return ""
    return folder


def _version_two(own: str, name: str) -> Groups:
    """Delegation is needed: our own group must already hand memory and pids to its children."""
    folder = f"{_MOUNT}{own}".rstrip("/") + "/" + name
    try:
        os.makedirs(folder, exist_ok=True)
        given = _read(folder + "/cgroup.controllers").split()
        if "memory" not in given:
            os.rmdir(folder)
            return Groups()
        linux.write_file(
            folder + "/cgroup.subtree_control",
            " ".join("+" + one for one in given if one in ("memory", "pids")),
        )
    except OSError:
        return Groups()
    return Groups(folder, folder if "pids" in given else "", 2)


def make(groups: Groups, container: str, memory: int | None, pids: int) -> list[str]:
    """
    Make the groups of one container and return their folders; limits that the kernel does not offer are left out.

    One without a limit of memory has a group for it too: it may get a limit while it runs.
    """
    made = []
    if groups.memory:
        folder = f"{groups.memory}/{container}"
        os.mkdir(folder)
        made.append(folder)
        if memory and groups.version == 2:
            linux.write_file(folder + "/memory.max", str(memory))
            _try_write(folder + "/memory.swap.max", "0")
        elif memory:
            linux.write_file(folder + "/memory.limit_in_bytes", str(memory))
            _try_write(folder + "/memory.memsw.limit_in_bytes", str(memory))
    if pids and groups.pids:
        folder = f"{groups.pids}/{container}"
        if folder not in made:
            os.mkdir(folder)
            made.append(folder)
        linux.write_file(folder + "/pids.max", str(pids))
    return made


def shown(groups: Groups, folders: list[str]) -> list[tuple[str, str]]:
    """Return what a container sees of its groups: the place in it, and the folder on the node."""
    if groups.version == 2:
        return [(_MOUNT, folder) for folder in folders]
    parents = {groups.memory: "memory", groups.pids: "pids"}
    return [(f"{_MOUNT}/{parents[os.path.dirname(folder)]}", folder) for folder in folders]


def limit(groups: Groups, folders: list[str], memory: int) -> bool:
    """Change the memory limit of one container (0: none any more); False where it has no group for it."""
    steps: list[tuple[str, int | str]]
    if groups.version == 2:
        limited = "memory.max"
        steps = [(limited, memory or "max"), ("memory.swap.max", 0 if memory else "max")]
    else:
        limited, with_swap = "memory.limit_in_bytes", ("memory.memsw.limit_in_bytes", memory or -1)
        # Together with swap it must not be the smaller of the two, whichever way the limit moves.
        steps = [with_swap, (limited, memory or -1), with_swap]
    for folder in folders:
        if os.path.exists(f"{folder}/{limited}"):
            for name, amount in steps:
                _try_write(f"{folder}/{name}", str(amount))
            return True
    return False


def oom_kills(folders: list[str]) -> int:
    """Return how often the kernel killed in these groups for want of memory."""
    total = 0
    for folder in folders:
        for name in ("memory.oom_control", "memory.events"):
            for line in _read(f"{folder}/{name}").splitlines():
                if line.startswith("oom_kill "):
                    total += int(line.split()[1])
    return total


def members(folders: list[str]) -> list[int]:
    """Node-side pids in the first of *folders*."""
    return [int(pid) for pid in _read(folders[0] + "/cgroup.procs").split()] if folders else []


def remove(folders: list[str]) -> list[str]:
    """Remove groups; those still busy are returned, to be tried again."""
    left = []
    for folder in folders:
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            left.append(folder)
    return left


def remove_all(groups: Groups) -> None:
    """Remove the node's parent groups and whatever is in them; their processes must be gone."""
    for parent in {groups.memory, groups.pids} - {""}:
        try:
            inside = [entry.path for entry in os.scandir(parent) if entry.is_dir()]
        except OSError:
            continue
        remove(inside)
        remove([parent])


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _try_write(path: str, text: str) -> None:
    try:
        linux.write_file(path, text)
    except OSError:
        pass


def describe(groups: Groups) -> dict[str, Any]:
    """Return what limits this node can set, as plain values."""
    return {"version": groups.version, "memory": bool(groups.memory), "pids": bool(groups.pids)}
