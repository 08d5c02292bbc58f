"""
Images as files, in the form that `docker load` and `ctr images import` read.

Written here, byte for byte the same from the same inputs, so no Docker engine is needed to make
an image. A layer is a gzipped tar with the digest of the tar inside it (its "diff id").
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .packing import compress_stream
from .versions import load_versions

EPOCH = "2026-01-01T00:00:00Z"  # a fixed date of making, so that equal inputs give equal images
EPOCH_S = 1767225600
ARCHITECTURE = load_versions().architecture


@dataclass(frozen=True)
class Layer:
    """One gzipped layer on disk."""

    archive: Path
    diff_id: str


@dataclass(frozen=True)
class Entry:
    """
    One file of a layer.

    Attributes:
        name: Path in the container, without the leading slash.
        source: A file to copy, or its bytes; a str is a symbolic link to that target.
    """

    name: str
    source: Path | bytes | str
    mode: int = 0o644


@dataclass(frozen=True)
class Image:
    """An image: its names, its layers from the bottom up, and how it starts."""

    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    labels: dict[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    user: str = ""


def write_layer(entries: Iterable[Entry], archive: Path) -> Layer:
    """Pack *entries* (and the folders above them) as a layer owned by root."""
    plain = archive.with_suffix(".plain")
    with tarfile.open(plain, "w", format=tarfile.GNU_FORMAT) as tar:
        folders: set[str] = set()
        for entry in sorted(entries, key=lambda e: e.name):
            _add_folders(tar, entry.name, folders)
            _add(tar, entry)
    with plain.open("rb") as stream:
        diff_id = compress_stream(stream, archive)
    plain.unlink()
    return Layer(archive, diff_id)


def write_image(image: Image, archive: Path) -> str:
    """Write *image* in the form of `docker save`; return its id (the digest of its configuration)."""
    config = json.dumps(_config(image), sort_keys=True).encode()
    image_id = hashlib.sha256(config).hexdigest()
    names = [f"{layer.diff_id.removeprefix('sha256:')}.tar.gz" for layer in image.layers]
    manifest = [{"Config": f"{image_id}.json", "RepoTags": list(image.names), "Layers": names}]
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        _add(tar, Entry("manifest.json", json.dumps(manifest).encode()))
        _add(tar, Entry(f"{image_id}.json", config))
        for name, layer in dict(zip(names, image.layers, strict=True)).items():
            _add(tar, Entry(name, layer.archive))
    return f"sha256:{image_id}"


def _config(image: Image) -> dict[str, Any]:
    config: dict[str, Any] = {"Env": list(image.environment), "Labels": image.labels}
    if image.entrypoint:
        config["Entrypoint"] = list(image.entrypoint)
    if image.command:
        config["Cmd"] = list(image.command)
    if image.stop_signal:
        config["StopSignal"] = image.stop_signal
    if image.user:
        config["User"] = image.user
    diff_ids: Sequence[str] = [layer.diff_id for layer in image.layers]
    history = [{"created": EPOCH, "created_by": "podlab airgap build"} for _ in diff_ids]
    return {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "created": EPOCH,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }


def _add_folders(tar: tarfile.TarFile, name: str, done: set[str]) -> None:
    for folder in reversed(Path(name).parents):
        path = str(folder)
        if path == "." or path in done:
            continue
        info = _info(path, 0o1777 if path == "tmp" else 0o755)
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
        done.add(path)


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    info = _info(entry.name, entry.mode)
    if isinstance(entry.source, str):
        info.type, info.linkname = tarfile.SYMTYPE, entry.source
        tar.addfile(info)
    elif isinstance(entry.source, bytes):
        info.size = len(entry.source)
        tar.addfile(info, io.BytesIO(entry.source))
    else:
        info.size = entry.source.stat().st_size
        with entry.source.open("rb") as stream:
            tar.addfile(info, stream)


def _info(name: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = mode, EPOCH_S
    return info
