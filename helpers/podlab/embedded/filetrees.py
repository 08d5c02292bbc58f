"""
Removing and counting what a container wrote: its modes may forbid what its owner may, and its folders may lie deeper
than a path or a stack can reach. Neither may stop anything, and no link is followed.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def remove_tree(path: str) -> None:
    """
    Remove *path* and all below it; what cannot be removed is left. Idempotent.

    A folder in a folder is first moved up, to lie directly below *path*: so no path grows with the depth.
    """
    if not _is_folder(path):
        _unlink(path)
        return
    prefix = f"{path}/.{os.urandom(8).hex()}-"
    waiting = [path]
    moved = 0
    while waiting:
        folder = waiting.pop()
        for entry in _entries(folder):
            if not entry.is_dir(follow_symlinks=False):
                if not _unlink(entry.path):
                    _allow(folder)
                    _unlink(entry.path)
            elif folder == path:
                waiting.append(entry.path)
            else:
                moved += 1
                if _move(folder, entry.path, f"{prefix}{moved}"):
                    waiting.append(f"{prefix}{moved}")
        _rmdir(folder)
    _rmdir(path)


def files_of(path: str) -> Iterator[os.DirEntry[str]]:
    """Return all but folders at and below *path*; files that vanish, or lie beyond a path's length, are left out."""
    waiting = [path]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry


def _entries(folder: str) -> list[os.DirEntry[str]]:
    for _attempt in range(2):
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except PermissionError:
            _allow(folder)
        except OSError:
            break
    return []


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _move(folder: str, path: str, target: str) -> bool:
    """Moving a folder needs the right to write to where it lies and, for its "..", to itself."""
    for _attempt in range(2):
        try:
            os.rename(path, target)
        except PermissionError:
            _allow(folder)
            _allow(path)
        except OSError:
            return False
        else:
            return True
    return False


def _rmdir(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        pass


def _allow(path: str) -> None:
    try:
        os.chmod(path, 0o700)
    except OSError:
        pass


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def tree_bytes(path: str | os.PathLike[str]) -> int:
    """Return bytes that the files below *path* take on disk; what vanishes while it is counted is left out."""
    total = 0
    for entry in files_of(os.fspath(path)):
        try:
            total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total
