"""Images written here are what `docker load` and containerd expect, and the same every time."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from pathlib import Path

from builder.archives import Entry, Image, write_image, write_layer
from builder.packing import compress_layer

ENTRIES = [
    Entry("usr/local/bin/app", b"#!/bin/sh\n", 0o755),
    Entry("bin/sh", "/bin/busybox"),
    Entry("tmp/.keep", b""),
]


def test_a_layer_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    """Neither the clock nor the order of the entries is in it."""
    first = write_layer(ENTRIES, tmp_path / "a.tar.gz")
    second = write_layer(ENTRIES[::-1], tmp_path / "b.tar.gz")

    assert first.diff_id == second.diff_id
    assert first.archive.read_bytes() == second.archive.read_bytes()


def test_a_layer_has_folders_links_and_modes(tmp_path: Path) -> None:
    """Everything belongs to root; /tmp is open to all."""
    layer = write_layer(ENTRIES, tmp_path / "a.tar.gz")

    with tarfile.open(layer.archive) as tar:
        members = {m.name: m for m in tar.getmembers()}
    assert members["bin/sh"].linkname == "/bin/busybox"
    assert members["usr/local/bin/app"].mode == 0o755
    assert members["usr/local"].isdir()
    assert members["tmp"].mode == 0o1777
    assert {(m.uid, m.gid) for m in members.values()} == {(0, 0)}


def test_the_diff_id_is_the_digest_of_the_tar_inside(tmp_path: Path) -> None:
    """Engines refuse an image where it is not."""
    layer = write_layer(ENTRIES, tmp_path / "a.tar.gz")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "f").write_text("x")
    packed = compress_layer(tmp_path / "tree", tmp_path / "b.tar.gz")

    for archive, diff_id in [(layer.archive, layer.diff_id), (tmp_path / "b.tar.gz", packed["diff_id"])]:
        inside = gzip.decompress(archive.read_bytes())
        assert diff_id == f"sha256:{hashlib.sha256(inside).hexdigest()}"


def test_an_image_names_its_layers_and_how_it_starts(tmp_path: Path) -> None:
    """The form of `docker save`: a manifest, a configuration named by its digest, layers."""
    layer = write_layer(ENTRIES, tmp_path / "a.tar.gz")
    image = Image(("docker.io/library/app:1",), (layer,), entrypoint=("app",), stop_signal="SIGTERM")

    image_id = write_image(image, tmp_path / "image.tar")

    with tarfile.open(tmp_path / "image.tar") as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]  # type: ignore[arg-type]
        raw = tar.extractfile(manifest["Config"]).read()  # type: ignore[union-attr]
        names = tar.getnames()
    config = json.loads(raw)
    assert image_id == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert manifest["RepoTags"] == ["docker.io/library/app:1"]
    assert set(manifest["Layers"]) <= set(names)
    assert config["rootfs"]["diff_ids"] == [layer.diff_id]
    assert config["config"]["Entrypoint"] == ["app"]
    assert config["config"]["StopSignal"] == "SIGTERM"
