"""
Where results live, and how a result comes to be there whole or not at all.

Each step has a folder ``STEP-HASH`` in the cache, the hash being that of everything it is made
from. A step works in a folder under ``tmp/``; when it is done a stamp with the sizes of its files
is written there and the folder is renamed. So a killed build leaves only rubbish under ``tmp/``,
which the next build removes, and what is there under its own name is complete.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failure import BuildError

STAMP = "stamp.json"


def cache_dir() -> Path:
    """The folder of all results: PODLAB_AIRGAP_CACHE, else podlab/airgap in the user's cache folder."""
    chosen = os.environ.get("PODLAB_AIRGAP_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podlab" / "airgap"


def digest(value: Any) -> str:
    """First 12 hex digits of the SHA-256 of *value* (anything that JSON can say)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def tree_digest(root: Path) -> str:
    """A digest of names, modes (executable or not) and bytes of all files below *root*, or of one file."""
    files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    entries = []
    for path in files:
        if "__pycache__" in path.parts:
            continue
        name = path.name if path == root else str(path.relative_to(root))
        entries.append([name, os.access(path, os.X_OK), hashlib.sha256(path.read_bytes()).hexdigest()])
    return digest(entries)


@dataclass(frozen=True)
class Step:
    """
    One thing to make.

    Attributes:
        name: Short, fit for a file name.
        inputs: Everything the result depends on, as JSON; other steps by their key.
        make: Called with an empty folder to fill; may return notes (JSON) to keep in the stamp.
    """

    name: str
    inputs: dict[str, Any]
    make: Callable[[Path], dict[str, Any] | None]

    @property
    def key(self) -> str:
        return f"{self.name}-{digest(self.inputs)}"


class Cache:
    """The folder of results. Hold its lock (`with cache.locked():`) while making any."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_dir()

    @contextmanager
    def locked(self, say: Callable[[str], None] = print, *, deadline_s: float = 3600.0) -> Iterator[None]:
        """
        Keep other builds out. The kernel drops the lock when its holder dies, however it dies.

        Raises:
            BuildError: If another build still holds it after *deadline_s*.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a+") as handle:
            _take(handle, say, deadline_s)
            handle.seek(0)
            handle.truncate()
            handle.write(f"{os.getpid()}\n")
            handle.flush()
            shutil.rmtree(self.root / "tmp", ignore_errors=True)
            yield

    def path(self, step: Step) -> Path:
        return self.root / step.key

    def stamp(self, step: Step) -> dict[str, Any] | None:
        """The stamp of a finished step; None if it was never finished or its files were cut short."""
        return read_stamp(self.path(step))

    def finish(self, step: Step, say: Callable[[str], None] = print) -> Path:
        """Return the folder of *step*, making it first where need be."""
        target = self.path(step)
        if self.stamp(step) is not None:
            return target
        work = self.root / "tmp" / step.key
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        say(f"{step.name}: making it")
        began = time.monotonic()
        notes = step.make(work) or {}
        self._publish(step, work, notes, time.monotonic() - began)
        say(f"{step.name}: done in {time.monotonic() - began:.0f} s")
        return target

    def _publish(self, step: Step, work: Path, notes: dict[str, Any], seconds: float) -> None:
        files = {str(p.relative_to(work)): p.stat().st_size for p in sorted(work.rglob("*")) if p.is_file()}
        stamp = {
            "step": step.name,
            "inputs": step.inputs,
            "seconds": round(seconds, 3),
            "files": files,
            "bytes": sum(files.values()),
            "notes": notes,
            "made_at": int(time.time()),
        }
        write_whole(work / STAMP, json.dumps(stamp, indent=1, sort_keys=True))
        for name in files:
            _sync(work / name)
        target = self.path(step)
        if target.exists():  # a result whose files were cut short
            shutil.rmtree(target)
        work.rename(target)


def read_stamp(folder: Path) -> dict[str, Any] | None:
    """The stamp of *folder* if its files still have the sizes that it names."""
    try:
        stamp: dict[str, Any] = json.loads((folder / STAMP).read_text())
        whole = all((folder / name).stat().st_size == size for name, size in stamp["files"].items())
    except (OSError, ValueError, KeyError):
        return None
    return stamp if whole else None


def write_whole(path: Path, text: str) -> None:
    """Write *text* so that a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    _sync(beside)
    beside.replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def _take(handle: Any, say: Callable[[str], None], deadline_s: float) -> None:
    until = time.monotonic() + deadline_s
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
        if time.monotonic() > until:
            raise BuildError(
                "another build holds the cache and did not end in time",
                cause=f"process {holder} has the lock {handle.name}",
                hint="wait for it, or end that process and run the build again (it resumes)",
            )
        if not told:
            say(f"waiting for another build (process {holder})")
            told = True
        time.sleep(0.2)
