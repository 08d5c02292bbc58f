"""Layers of images that tests make by hand."""

from __future__ import annotations

import io
import tarfile


def sparse_layer(size: int) -> bytes:
    """Return a layer of one file that is all hole: 1 KiB in the archive, *size* bytes once unpacked."""
    buffer = io.BytesIO()
    info = tarfile.TarInfo("GNUSparseFile.0/hole")
    keys = {"major": "1", "minor": "0", "name": "hole", "realsize": str(size)}
    info.pax_headers = {f"GNU.sparse.{key}": value for key, value in keys.items()}
    info.size = 512
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(b"1\n0\n0\n".ljust(512, b"\0")))
    return buffer.getvalue()
