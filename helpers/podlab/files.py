"""
Write a file aside, then rename it: a reader meets the old content or the new one, never half of it.

A full disk, an error and Ctrl-C leave the old file as it was, and remove the half-written one. A process that is
killed in between leaves a hidden file ``.NAME.….part``. Only ``os`` is imported: the embedded cluster starts with it.

Also here: folders of podlab's own, and locks that end with the process that holds them.
"""

from __future__ import annotations

import contextlib
import errno
import os
from os import PathLike

PRIVATE = 0o600
READABLE = 0o666  # less the umask, as open() does
SHARED = 0o644  # whatever the umask: others may read it, and never write


def make_folder(path: str | PathLike[str], mode: int = 0o700) -> None:
    """
    Make a folder and its missing parents, all with *mode*; one that is there is left as it is.

    ``Path.mkdir`` gives parents what the umask leaves of 0777: under umask 000 anybody could put a kubeconfig, or a
    program, in the place of podlab's own.

    Raises:
        OSError: It cannot be made, or a file is in the way.
    """
    folder = os.path.abspath(path)  # noqa: PTH100
    if os.path.isdir(folder):  # noqa: PTH112
        return
    make_folder(os.path.dirname(folder), mode)  # noqa: PTH120
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, mode)  # noqa: PTH102
    if not os.path.isdir(folder):  # noqa: PTH112
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)


def make_output(path: str | PathLike[str]) -> None:
    """
    Make a folder that a user named for results, and its missing parents; one that is there is left as it is.

    Raises:
        OSError: It cannot be made; never ENOENT, which means nothing where the parent exists, as in /proc.
    """
    try:
        os.makedirs(path, exist_ok=True)  # noqa: PTH103
    except FileNotFoundError as error:
        raise PermissionError(
            errno.EACCES, "folders cannot be created in its file system", os.fspath(path)
        ) from error


def take_lock(descriptor: int) -> bool:
    """
    Lock an open file or folder without waiting; the kernel drops the lock when its holder ends, however it ends.

    Returns:
        False where somebody else holds it.

    Raises:
        OSError: The file system has no locks.
    """
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_whole(
    path: str | PathLike[str], data: str | bytes, *, mode: int = READABLE, durable: bool = False
) -> None:
    """
    Write *data* to *path*, all of it or nothing; text is written as UTF-8.

    Args:
        path: Its folder must exist; a file that is there is replaced.
        mode: Permissions of a new file; the old file's are not kept.
        durable: Also if the power fails just after.

    Raises:
        OSError: It cannot be written; the old file is unchanged.
    """
    target = os.fspath(path)
    folder, name = os.path.split(target)
    draft = os.path.join(folder, f".{name}.{os.getpid()}.{os.urandom(4).hex()}.part")  # noqa: PTH118
    content = data.encode() if isinstance(data, str) else data
    try:
        _write(draft, content, mode, durable)
        os.replace(draft, target)  # noqa: PTH105
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        if isinstance(error, OSError):
            error.filename, error.filename2 = target, None  # a reader knows nothing of the draft
        raise


def _write(path: str, content: bytes, mode: int, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(descriptor)
