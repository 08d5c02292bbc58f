"""A folder that a container wrote: its size, and its removal, whatever its modes forbid."""

from __future__ import annotations

import os


def remove_tree(path: str) -> None:
    """Remove *path* and all below it, links not followed; what cannot be removed is left. Idempotent."""
    try:
        entries = list(os.scandir(path))
    except NotADirectoryError:
        _unlink(path)
        return
    except FileNotFoundError:
        return
    except PermissionError:
        entries = _forced(path)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        elif not _unlink(entry.path):
            _allow(path)
            _unlink(entry.path)
    try:
        os.rmdir(path)
    except OSError:
        pass


def _forced(path: str) -> list[os.DirEntry[str]]:
    _allow(path)
    try:
        return list(os.scandir(path))
    except OSError:
        return []


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
    """Bytes that the files below *path* take on disk; what vanishes while it is counted is left out."""
    total = 0
    for folder, _folders, names in os.walk(path):
        for one in names:
            try:
                total += os.lstat(os.path.join(folder, one)).st_blocks * 512
            except OSError:
                continue
    return total
