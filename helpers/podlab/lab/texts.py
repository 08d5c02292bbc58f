"""
Where the text of a manifest comes from: a ``%%manifest`` cell, a file, or the caller's own YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from podlab.errors import ManifestError, NotFoundError


def find(manifest: str | Path, cells: Mapping[str, str]) -> tuple[str, str]:
    """
    Return the text of *manifest* and what errors shall call it.

    A relative path is looked for here and in the folder above, so that ``labs/…`` is found from the project's folder
    and from a notebook in ``notebooks/``.

    Raises:
        NotFoundError: There is neither a cell nor a file of that name.
        ManifestError: The file cannot be read.
    """
    if isinstance(manifest, str) and manifest in cells:
        return cells[manifest], manifest
    if isinstance(manifest, str) and ("\n" in manifest or ":" in manifest):
        return manifest, "manifest"
    path = next((one for one in (Path(manifest), Path("..") / manifest) if one.exists()), None)
    if path is not None:
        return _read(path), str(path)
    raise NotFoundError(
        f"unknown manifest {str(manifest)!r}",
        cause=f"no file of that name; known from cells: {', '.join(cells) or 'none so far'}",
        hint="run its %%manifest cell first, or correct the path",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"byte {error.start} is not UTF-8"
        raise ManifestError(f"{path} cannot be read", cause=why, hint="name a YAML file") from error
