"""A container's configuration as the request to the node that starts it, and the pipes that go with the request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from podlab.embedded.runtime import ContainerConfig, RuntimeFault
from podlab.embedded.sandbox import program, volumes_of
from podlab.embedded.sandbox.image import ImageSource
from podlab.embedded.sandbox.records import KnownContainer
from podlab.embedded.sandbox.runningnode import RunningNode

_PIDS = 1024
IN_EXEC = (
    "env", "cwd", "uid", "gid", "groups", "ids", "drop", "add", "no_new_privileges", "seccomp", "limits",
)  # fmt: skip
"""The fields of a start that a command in the running container takes over."""


def start_request(
    container: KnownContainer, node: RunningNode, images: ImageSource, process_namespace_of: str | None
) -> dict[str, Any]:
    """
    Return the request that starts *container*.

    Args:
        process_namespace_of: The id of the running container whose process namespace it joins.

    Raises:
        RuntimeFault: If an image that it mounts is not on the node.
    """
    config, image, entry = container.config, container.image.record, container.record
    root = container.image.root(container.layer)
    volumes_of.add_files(root, config.mounts)
    user = program.user(config, image)
    return {
        "name": entry.id,
        "pod": entry.sandbox_id,
        "root": root,
        "mounts": volumes_of.requests(
            config.mounts,
            node.shared_files(entry.pod_uid, entry.sandbox_id),
            node.path_in_node,
            lambda name: image_root(images, name),
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
        "process_namespace_of": process_namespace_of,
    }


def image_root(images: ImageSource, name: str) -> dict[str, Any]:
    """Return the root of an image, for a volume. Raises RuntimeFault."""
    found = images.find(name)
    if found is None:
        raise RuntimeFault("CreateContainerError", f'image "{name}": not found')
    root: dict[str, Any] = found.root("")
    return root


def check_image_volumes(config: ContainerConfig, images: ImageSource) -> None:
    """Refuse a container that asks for files that an image does not have. Raises RuntimeFault."""
    for one in config.mounts:
        if one.image and volumes_of.lacks(image_root(images, one.image), one.sub_path):
            text = f'failed to mount image volume "{one.image}" at "{one.target}": '
            raise RuntimeFault("CreateContainerError", f"{text}{one.sub_path}: no such file or directory")


def pipes(config: ContainerConfig, terminal: Sequence[int]) -> tuple[dict[str, int], list[int]]:
    """Return our ends by name, and theirs as stdin, stdout, stderr; of *terminal*, if it holds both ends of one."""
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
