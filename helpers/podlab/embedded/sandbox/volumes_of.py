"""
A container's mounts as requests to the node, and the files that the containers of one Pod share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from podlab.embedded.runtime import Mount, SandboxConfig
from podlab.embedded.volumes import memory_size

CLUSTER_DNS = "10.96.0.10"
_HOSTS = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def write_pod_files(folder: str, config: SandboxConfig) -> None:
    """``resolv.conf`` and ``hostname`` of one Pod, in its folder."""
    os.makedirs(folder, exist_ok=True)
    _write(f"{folder}/hostname", config.hostname + "\n")
    _write(f"{folder}/resolv.conf", resolv_conf(config))


def resolv_conf(config: SandboxConfig) -> str:
    """As the kubelet writes it; without a server the cluster's own, for the node has no other."""
    lines = []
    if config.dns_searches:
        lines.append("search " + " ".join(config.dns_searches))
    lines += [f"nameserver {server}" for server in config.dns_servers or (CLUSTER_DNS,)]
    if config.dns_options:
        lines.append("options " + " ".join(config.dns_options))
    return "\n".join(lines) + "\n"


def add_files(root: dict[str, Any], mounts: Sequence[Mount]) -> None:
    """A hosts file of the container's own, unless one is mounted."""
    if root["kind"] == "scratch" and not any(one.target == "/etc/hosts" for one in mounts):
        root["files"] = [*root["files"], ("/etc/hosts", _HOSTS, 0o644)]


def requests(
    mounts: Sequence[Mount],
    folder: str,
    in_node: Callable[[str], str],
    image_root: Callable[[str], dict[str, Any]],
) -> list[dict[str, Any]]:
    """
    Return all mounts in the order of their depth, so that a mount does not cover another below it.

    Args:
        folder: Where the Pod's own files are.
        in_node: Maps a path of this process to the node's path.
        image_root: The root that an image would give to a container of its own.
    """
    found = [_request(in_node(f"{folder}/{name}"), f"/etc/{name}") for name in ("hostname", "resolv.conf")]
    for one in mounts:
        target = os.path.normpath("/" + one.target.lstrip("/"))
        if one.image:
            found.append(_of_image(one.image, image_root(one.image), target, one.sub_path))
        else:
            found.append(_request(in_node(one.source), target, one.sub_path, one.read_only))
    last = {one["target"]: one for one in found}  # the Pod's own mount of /etc/resolv.conf wins
    return sorted(last.values(), key=lambda one: one["target"].count("/"))


def _request(source: str, target: str, sub_path: str = "", read_only: bool = False) -> dict[str, Any]:
    return {"source": source, "target": target, "sub_path": sub_path, "read_only": read_only}


def _of_image(name: str, root: dict[str, Any], target: str, sub_path: str) -> dict[str, Any]:
    """Return a mount of an image's files: its folder, or what a stand-in of the catalogue is put together from."""
    source = root["layers"][0] if root["kind"] == "overlay" else name
    made = {"root": root} if root["kind"] == "scratch" else {}
    return {**_request(source, target, sub_path, read_only=True), "existing": True, **made}


def lacks(root: dict[str, Any], sub_path: str) -> bool:
    """Return whether an image surely has nothing at *sub_path*, or a link there that leads out of it."""
    if not sub_path or root["kind"] != "overlay":
        return False
    folder = os.path.realpath(root["layers"][0])
    place = os.path.realpath(f"{folder}/{sub_path}")
    return not os.path.exists(place) or os.path.commonpath([folder, place]) != folder


def memory_volumes(mounts: Sequence[Mount]) -> Iterator[tuple[str, int]]:
    """Path and size (0: no limit) of the sources that are emptyDirs in memory."""
    for one in mounts:
        size = memory_size(one.source)
        if size is not None:
            yield one.source, size


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, text.encode())
        os.fchmod(descriptor, 0o644)  # whatever the daemon's umask: the container's user need not be ours
    finally:
        os.close(descriptor)
