"""Layers of an image: tar archives through gzip, with the digest of the tar inside."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
from pathlib import Path
from typing import IO, Any

from .failure import BuildError


def compress_layer(root: Path, archive: Path) -> dict[str, Any]:
    """Pack the tree *root* as an image layer; return {"diff_id": digest of the tar itself}."""
    command = ["tar", "--numeric-owner", "--sort=name", "--one-file-system", "-C", str(root), "-cf", "-", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as packer:
        assert packer.stdout is not None
        diff_id = compress_stream(packer.stdout, archive)
    if packer.returncode != 0:
        raise BuildError(f"tar could not pack {root}", cause=f"exit code {packer.returncode}")
    return {"diff_id": diff_id}


def compress_stream(tar: IO[bytes], archive: Path) -> str:
    """Write *tar* to *archive* through gzip (level 1: the reader's speed is what counts)."""
    sha = hashlib.sha256()
    with archive.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
        while block := tar.read(1 << 20):
            sha.update(block)
            packed.write(block)
    return f"sha256:{sha.hexdigest()}"
