"""
An image as one file, in the form of ``docker save``: the embedded cluster, containerd and Docker read it.

One layer, not compressed, as Docker itself writes it. All files belong to root and bear one date, so that equal files
give the same image id.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from podlab.images import cache
from podlab.images.recipes import ImageRecipe

EPOCH_S, EPOCH = 1767225600, "2026-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write(image: ImageRecipe, root: Path, archive: Path) -> str:
    """Write *archive* from the files below *root*; return the image's id, ``sha256:…``."""
    layer = archive.with_suffix(".layer")
    _write_layer(root, layer)
    diff_id = cache.sha256(layer)
    config = json.dumps(configuration(image, diff_id), sort_keys=True).encode()
    digest = hashlib.sha256(config).hexdigest()
    names = [f"docker.io/library/{image.name}"]
    manifest = [{"Config": f"{digest}.json", "RepoTags": names, "Layers": [f"{diff_id}/layer.tar"]}]
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
        _add_bytes(tar, f"{digest}.json", config)
        tar.add(layer, f"{diff_id}/layer.tar", filter=_plain)
    layer.unlink()
    return f"sha256:{digest}"


def configuration(image: ImageRecipe, diff_id: str) -> dict[str, Any]:
    """Return the image's configuration, as the image specification of the Open Container Initiative has it."""
    environment = {"PATH": PATH, **image.environment}
    config: dict[str, Any] = {"Env": [f"{name}={value}" for name, value in environment.items()]}
    for key, value in (("User", image.user), ("Entrypoint", image.entrypoint), ("Cmd", image.command)):
        if value:
            config[key] = value
    machine = os.uname().machine
    return {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "created": EPOCH,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created": EPOCH, "created_by": "podlab images build"}],
    }


def _write_layer(root: Path, layer: Path) -> None:
    with tarfile.open(layer, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, str(path.relative_to(root)), recursive=False, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = EPOCH_S
    return member


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = _plain(tarfile.TarInfo(name))
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
