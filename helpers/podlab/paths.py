"""
Where podlab keeps things on a machine: one folder for what can be made again, one for what runs now.

Follows the XDG base directories, so ``XDG_CACHE_HOME`` and ``XDG_STATE_HOME`` move them; ``PODLAB_HOME`` moves both.
``PODLAB_DATA`` moves what is kept of a learner alone: a page that is run as a test must not open a second hint.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path


def _base(variable: str, fallback: str) -> Path:
    home = os.environ.get("PODLAB_HOME")
    if home:
        return Path(home) / fallback.rsplit("/", 1)[-1]
    return Path(os.environ.get(variable) or Path.home() / fallback) / "podlab"


def refuse_no_file(path: Path) -> None:
    """
    Raise OSError where *path* is there and no ordinary file.

    What podlab writes takes the place of what is there. Root would lose ``/dev/null`` that way, for the whole machine.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is not a regular file, and is not replaced", str(path))


def shipped(name: str) -> Path:
    """
    Return a file or folder that is not a module: in the working tree, or in the installed wheel, which holds a copy.

    Args:
        name: Path below the repository, such as ``clusters/kind``; it need not exist.
    """
    package = Path(__file__).resolve().parent
    tree = package.parents[1]
    return (
        tree if (tree / "clusters").is_dir() and (tree / "notebooks").is_dir() else package / "course"
    ) / name


COURSE_MARKER = ".podlab-course.json"


def course_folder(start: Path | None = None) -> Path | None:
    """
    Return the learner's folder around *start* (default: the current folder), see ``podlab.course``; None outside of
    one.
    """
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / COURSE_MARKER).is_file()), None)


def data_folder() -> Path:
    """Return what a learner would miss: progress outside of a learner's folder. Not made by this call."""
    apart = os.environ.get("PODLAB_DATA")
    return Path(apart) if apart else _base("XDG_DATA_HOME", ".local/share")


def cache_folder() -> Path:
    """Downloads and builds that can be made again; safe to delete. Not made by this call."""
    return _base("XDG_CACHE_HOME", ".cache")


def state_folder() -> Path:
    """Kubeconfigs, pids and sockets of clusters that exist now. Not made by this call."""
    return _base("XDG_STATE_HOME", ".local/state")


def cluster_folder(name: str) -> Path:
    """Folder of one cluster, ``<state>/clusters/<name>``, mode 0700 once its driver has made it."""
    return state_folder() / "clusters" / name
