"""
The files behind a Pod's volumes: emptyDir, and the kinds whose content comes from objects.

Content volumes (configMap, secret, downwardAPI, projected) are written the way the kubelet writes them: a folder named
by its time, ``..data`` pointing at it and swapped by one rename, and a link for each key. A reader sees the old set
or the new one, never a mixture. Deciding what goes into a volume, and when, is the kubelet's.

Source: pkg/volume/util/atomic_writer.go, read at v1.34.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from podlab.embedded.sandbox.zygote.trees import remove_tree, tree_bytes

_DATA, _NEW_DATA = "..data", "..data_tmp"
# Beside an emptyDir in memory: its size in bytes. The mount itself is made by the node, in its own namespace.
_MEMORY_MARK = ".memory"


class Volumes:
    """Volumes below one folder, ``<folder>/<pod uid>/<volume name>``."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def materialise(
        self,
        pod_uid: str,
        name: str,
        files: Mapping[str, bytes],
        mode: int,
        modes: Mapping[str, int] | None = None,
        gid: int | None = None,
    ) -> str:
        """
        Write the content of one volume, or swap it for new content.

        Args:
            pod_uid: Whose volume.
            name: The volume's name in the Pod.
            files: Content by path inside the volume; paths may hold "/".
            mode: Mode of every file.
            modes: Modes of single files, by path.
            gid: ``fsGroup``; files are then readable by that group, where the id can be had.

        Returns:
            The host path to mount. The same content again changes nothing.

        Raises:
            ValueError: For a path that is absolute, leads out, or begins with "..".
            OSError: If the disk is full or not writable.
        """
        place = self._place(pod_uid, name)
        wanted = {_safe(path): (content, (modes or {}).get(path, mode)) for path, content in files.items()}
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)  # whatever the daemon's umask
        if _present(place) != {
            path: (content, bits | _group_bits(gid)) for path, (content, bits) in wanted.items()
        }:
            _swap(place, wanted, gid)
        return str(place)

    def empty_dir(
        self, pod_uid: str, name: str, medium: str = "", size_bytes: int | None = None, gid: int | None = None
    ) -> str:
        """
        Make an emptyDir, mode 0777, and return its host path; an existing one is kept as it is.

        With *medium* ``Memory`` the node mounts a tmpfs of *size_bytes* there when a container first uses it. A size
        limit on disk is not enforced here: ``used_bytes`` tells the kubelet, which evicts.
        """
        place = self._place(pod_uid, name)
        if not place.exists():
            place.mkdir(parents=True)
            place.chmod(0o777)
            if gid is not None and _may_change_owner():
                os.chown(place, -1, gid)
                place.chmod(0o2777)
        if medium == "Memory":
            (place.parent / (name + _MEMORY_MARK)).write_text(str(size_bytes or 0))
        return str(place)

    def used_bytes(self, pod_uid: str, name: str) -> int:
        """Bytes that the files of one volume take on disk; what vanishes while it is counted is left out."""
        return tree_bytes(self._place(pod_uid, name))

    def remove(self, pod_uid: str) -> None:
        """Remove all volumes of a Pod; idempotent."""
        remove_tree(str(self.folder / _name(pod_uid)))

    def _place(self, pod_uid: str, name: str) -> Path:
        return self.folder / _name(pod_uid) / _name(name)


def memory_size(path: str) -> int | None:
    """Size of the tmpfs that belongs at *path* (0: no limit), or None if *path* is no emptyDir in memory."""
    try:
        with open(path + _MEMORY_MARK) as mark:
            return int(mark.read())
    except (OSError, ValueError):
        return None


def _name(text: str) -> str:
    if not text or "/" in text or text in (".", ".."):
        raise ValueError(f"not a name of a volume or Pod: {text!r}")
    return text


def _safe(path: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or "\0" in path or not parts or ".." in parts:
        raise ValueError(f"path {path!r} of a volume must be relative and stay inside")
    if parts[0].startswith(".."):
        raise ValueError(f"path {path!r} of a volume must not start with '..'")
    return "/".join(parts)


def _present(place: Path) -> dict[str, tuple[bytes, int]] | None:
    """Content and modes as they are now; None if there is none yet. Asked at every sync, so without pathlib."""
    data = os.path.join(place, _DATA)
    if not os.path.exists(data):
        return None
    found = {}
    for folder, _folders, names in os.walk(data):
        for one in names:
            path = os.path.join(folder, one)
            with open(path, "rb") as file:
                bits = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                found[path[len(data) + 1 :]] = (file.read(), bits)
    return found


def _swap(place: Path, wanted: Mapping[str, tuple[bytes, int]], gid: int | None) -> None:
    fresh = _write_set(place, wanted, gid)
    former = place / _DATA
    old = place / os.path.basename(os.readlink(former)) if former.is_symlink() else None
    temporary = place / _NEW_DATA
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(fresh.name)
    temporary.replace(former)
    _link_keys(place, wanted)
    if old is not None and old != fresh:
        remove_tree(str(old))


def _write_set(place: Path, wanted: Mapping[str, tuple[bytes, int]], gid: int | None) -> Path:
    now = time.time_ns()
    stamp = time.strftime("..%Y_%m_%d_%H_%M_%S", time.gmtime(now // 10**9))
    fresh = place / f"{stamp}.{now % 10**9:09d}"
    fresh.mkdir()
    try:
        fresh.chmod(0o755)
        for path, (content, bits) in wanted.items():
            target = fresh / path
            _folders(fresh, target.parent)
            target.write_bytes(content)
            if gid is not None and _may_change_owner():
                os.chown(target, -1, gid)
            target.chmod(bits | _group_bits(gid))
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return fresh


def _folders(top: Path, folder: Path) -> None:
    """Make *folder* below *top*, every level mode 0755."""
    if folder != top and not folder.is_dir():
        _folders(top, folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


def _link_keys(place: Path, wanted: Mapping[str, tuple[bytes, int]]) -> None:
    tops = {path.split("/")[0] for path in wanted}
    for entry in os.listdir(place):
        # A folder is none of ours: a subPath that named no key made it.
        if not entry.startswith("..") and entry not in tops and (place / entry).is_symlink():
            (place / entry).unlink()
    for top in tops:
        link = place / top
        if not link.is_symlink():
            link.symlink_to(f"{_DATA}/{top}")


def _group_bits(gid: int | None) -> int:
    return 0o040 if gid is not None else 0


def _may_change_owner() -> bool:
    return os.geteuid() == 0
