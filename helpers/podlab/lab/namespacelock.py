"""
One namespace, one kernel: who opens a lab holds its namespace until the process ends, however it ends.

A second kernel that asks for the same name works in the next one that is free (``podlab-04-2``), so that neither
empties or deletes what the other works with. The hold is a lock on a file beside the cluster's record: the system lets
it go with the process, so a killed kernel leaves nothing behind that somebody would have to clear.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from podlab.errors import PodlabError
from podlab.files import make_folder, take_lock

MOST = 50
_held: dict[Path, int] = {}  # lock file -> its descriptor, for the life of this process


def hold(folder: Path, wanted: str) -> tuple[str, str]:
    """
    Take *wanted*, or the next name that nobody holds.

    Args:
        folder: Where the locks are; made where it is missing.

    Returns:
        The namespace, and who holds the one that was wanted, in words; empty where it could be had.

    Raises:
        PodlabError: ``MOST`` kernels hold all of the names.
    """
    holder = ""
    make_folder(folder)
    for number in range(1, MOST + 1):
        name = wanted if number == 1 else f"{wanted}-{number}"
        path = folder / f"{name}.lock"
        if path in _held or _lock(path):
            return name, holder
        holder = holder or f"process {path.read_text().strip() or 'unknown'}"
    raise PodlabError(
        f"namespace {wanted} is in use, and so are {MOST - 1} beside it",
        cause=f"the first is held by {holder}",
        hint="shut down kernels that are no longer needed",
    )


def release(folder: Path, namespace: str) -> None:
    """Let a namespace go; nothing happens where this process does not hold it."""
    descriptor = _held.pop(folder / f"{namespace}.lock", None)
    if descriptor is not None:
        with suppress(OSError):
            os.close(descriptor)


def _lock(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not take_lock(descriptor):
        os.close(descriptor)
        return False
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    _held[path] = descriptor
    return True
