"""
Where downloads, programs and finished images lie, and how they come to be there whole or not at all.

A folder ``NAME-HASH`` is filled under ``tmp/``, stamped with the size of each of its files, and renamed. The hash is
that of everything the result depends on. ``PODLAB_IMAGES_CACHE`` moves the whole; it is safe to delete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from podlab import paths
from podlab.errors import BuildError
from podlab.files import make_folder, take_lock

STAMP = "stamp.json"
Progress = Callable[[str], None]


def folder() -> Path:
    """Return the cache of images; not made by this call."""
    given = os.environ.get("PODLAB_IMAGES_CACHE")
    return Path(given) if given else paths.cache_folder() / "images"


def digest(value: Any) -> str:
    """Return the first 12 hex digits of the SHA-256 of *value*, anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree(root: Path) -> list[tuple[str, str]]:
    """Return path and SHA-256 of each file below *root*, for a digest of all of it."""
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return [(str(path.relative_to(root)), sha256(path)) for path in found]


def finished(key: str) -> dict[str, Any] | None:
    """Return what the finished folder *key* has to say of itself; None where it is missing or was cut short."""
    home = folder() / key
    try:
        stamp: dict[str, Any] = json.loads((home / STAMP).read_text())
        whole = all((home / name).stat().st_size == size for name, size in stamp["files"].items())
    except (OSError, ValueError, KeyError):
        return None
    return stamp if whole else None


@contextlib.contextmanager
def making(key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """
    Give a folder to fill, and notes for its stamp; when the block ends well, the folder is there as *key*.

    Whatever ends the block otherwise (an error, Ctrl-C, SIGTERM) leaves nothing.
    """
    with _work(key) as work:
        notes: dict[str, Any] = {}
        yield work, notes
        sizes = {
            str(path.relative_to(work)): path.stat().st_size for path in work.rglob("*") if path.is_file()
        }
        for name in sizes:
            _sync(work / name)
        (work / STAMP).write_text(json.dumps({"files": sizes, **notes}, indent=1))
        _sync(work / STAMP)
        shutil.rmtree(folder() / key, ignore_errors=True)  # one whose files were cut short
        work.rename(folder() / key)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder beside the results, removed at the end."""
    with _work("scratch") as work:
        yield work


@contextlib.contextmanager
def _work(name: str) -> Iterator[Path]:
    base = folder() / "tmp"
    make_folder(base, 0o755)
    work = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def locked(name: str, progress: Progress, *, deadline_s: float = 3600.0) -> Iterator[None]:
    """
    Let one build of *name* run at a time. The kernel drops the lock when its holder ends, however it ends.

    Raises:
        BuildError: Another build still holds it after *deadline_s*.
    """
    home = folder() / "locks"
    make_folder(home, 0o755)
    until, waiting = time.monotonic() + deadline_s, False
    with (home / name).open("a") as handle:
        while not take_lock(handle.fileno()):
            if time.monotonic() > until:
                raise BuildError(
                    f"another build of {name} did not end within {deadline_s:.0f} s",
                    hint="wait for it to end, or end it; a build goes on with what is finished",
                )
            if not waiting:
                progress(f"waiting for another build of {name}")
                waiting = True
            time.sleep(0.2)
        yield


def sweep() -> None:
    """Remove what killed builds left under ``tmp/``: anything older than a day."""
    for path in (folder() / "tmp").glob("*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > 86400:
                shutil.rmtree(path)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
