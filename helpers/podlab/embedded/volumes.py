"""
The files behind a Pod's volumes: emptyDir, and the kinds whose content comes from objects.

Content volumes (configMap, secret, downwardAPI, projected) are written the way the kubelet writes them: a folder named
by its time, ``..data`` pointing at it and swapped by one rename, and a link for each key. A reader sees the old set
or the new one, never a mixture. Deciding what goes into a volume, and when, is the kubelet's.

Source: pkg/volume/util/atomic_writer.go, read at v1.34.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from podlab.embedded.filetrees import remove_tree, tree_bytes

_DATA, _NEW_DATA = "..data", "..data_tmp"
# Beside an emptyDir in memory: its size in bytes. The mount itself is made by the node, in its own namespace.
_MEMORY_MARK = ".memory"


class WrittenFile(NamedTuple):
    """One file of a volume: its content and its owner."""

    content: bytes
    mode: int
    uid: int  # -1: whoever writes it


class Volumes:
    """
    Volumes of Pods, ``<folder>/<pod uid>/<volume name>``.

    Args:
        folder: Where emptyDirs are.
        contents: Where volumes made of objects are, as on a real node in memory; by default with the others.
    """

    def __init__(self, folder: Path | str, contents: str = "") -> None:
        self.folder = str(folder)
        self._contents = contents or self.folder
        self._written: dict[str, dict[str, WrittenFile]] = {}  # what each content volume holds

    def materialise(
        self,
        pod_uid: str,
        name: str,
        files: Mapping[str, bytes],
        mode: int,
        modes: Mapping[str, int] | None = None,
        gid: int | None = None,
        owners: Mapping[str, int] | None = None,
    ) -> str:
        """
        Write the content of one volume, or swap it for new content.

        Args:
            pod_uid: Whose volume.
            name: The volume's name in the Pod.
            files: Content by path inside the volume; paths may hold "/".
            mode: Mode of every file.
            modes: Modes of single files, by path.
            owners: The users that own single files, by path; root owns the others.
            gid: ``fsGroup``; files are then readable by that group, where the id can be had.

        Returns:
            The host path to mount. The same content again changes nothing.

        Raises:
            ValueError: For a path that is absolute, leads out, or begins with "..".
            OSError: If the disk is full or not writable.
        """
        place = _place(self._contents, pod_uid, name)
        group = _group_bits(gid)
        modes, owners = _given(modes or {}, owners or {})
        wanted = {
            _safe(path): WrittenFile(content, modes.get(path, mode) | group, owners.get(path, -1))
            for path, content in files.items()
        }
        if self._written.get(place) != wanted:
            os.makedirs(place, exist_ok=True)
            os.chmod(place, 0o755)  # whatever the daemon's umask
            _swap(place, wanted, gid)
            self._written[place] = wanted
        return place

    def empty_dir(
        self, pod_uid: str, name: str, medium: str = "", size_bytes: int | None = None, gid: int | None = None
    ) -> str:
        """
        Make an emptyDir, mode 0777, and return its host path; an existing one is kept as it is.

        With *medium* ``Memory`` the node mounts a tmpfs of *size_bytes* there when a container first uses it. A size
        limit on disk is not enforced here: ``used_bytes`` tells the kubelet, which evicts.
        """
        place = _place(self.folder, pod_uid, name)
        if not os.path.exists(place):
            os.makedirs(place)
            os.chmod(place, 0o777)
            if gid is not None and _may_change_owner():
                os.chown(place, -1, gid)
                os.chmod(place, 0o2777)
        if medium == "Memory":
            _write(place + _MEMORY_MARK, str(size_bytes or 0).encode(), 0o600)
        return place

    def used_bytes(self, pod_uid: str, name: str) -> int:
        """Return bytes that the files of one volume take on disk; what vanishes while it is counted is left out."""
        return tree_bytes(_place(self.folder, pod_uid, name))

    def forget_contents(self) -> None:
        """The contents are gone with the memory of their node: write them anew."""
        self._written.clear()

    def remove(self, pod_uid: str) -> None:
        """Remove all volumes of a Pod; idempotent."""
        for top in (self.folder, self._contents):
            remove_tree(f"{top}/{_name(pod_uid)}")
        for place in list(self._written):  # a copy: this may run beside the loop, which adds to it
            if place.startswith(f"{self._contents}/{pod_uid}/"):
                self._written.pop(place, None)


def _place(top: str, pod_uid: str, name: str) -> str:
    return f"{top}/{_name(pod_uid)}/{_name(name)}"


def memory_size(path: str) -> int | None:
    """Size of the tmpfs that belongs at *path* (0: no limit), or None for other paths."""
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


def _swap(place: str, wanted: Mapping[str, WrittenFile], gid: int | None) -> None:
    fresh = _write_set(place, wanted, gid)
    former = f"{place}/{_DATA}"
    old = os.path.basename(os.readlink(former)) if os.path.islink(former) else ""
    temporary = f"{place}/{_NEW_DATA}"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(fresh, temporary)
    os.replace(temporary, former)
    _link_keys(place, wanted)
    if old and old != fresh:
        remove_tree(f"{place}/{old}")


def _write_set(place: str, wanted: Mapping[str, WrittenFile], gid: int | None) -> str:
    """Return the name of a new folder in *place* with all files."""
    now = time.time_ns()
    stamp = time.strftime("..%Y_%m_%d_%H_%M_%S", time.gmtime(now // 10**9))
    fresh = f"{stamp}.{now % 10**9:09d}"
    top = f"{place}/{fresh}"
    try:
        _folder(top)
        for path, file in wanted.items():
            parts = path.split("/")
            for depth in range(1, len(parts)):
                _folder("/".join((top, *parts[:depth])))
            _write(f"{top}/{path}", file.content, file.mode, gid, file.uid)
    except OSError:
        remove_tree(top)
        raise
    return fresh


def _folder(path: str) -> None:
    """Make one folder of mode 0755, if it is not there."""
    try:
        os.mkdir(path)
        os.chmod(path, 0o755)
    except FileExistsError:
        pass


def _write(path: str, content: bytes, bits: int, gid: int | None = None, uid: int = -1) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while content:  # a disk that fills up takes a part, and says so at the next
            content = content[os.write(descriptor, content) :]
        if (gid is not None or uid >= 0) and _may_change_owner():
            os.fchown(descriptor, uid, -1 if gid is None else gid)
        os.fchmod(descriptor, bits)
    finally:
        os.close(descriptor)


def _link_keys(place: str, wanted: Mapping[str, WrittenFile]) -> None:
    tops = {path.split("/")[0] for path in wanted}
    for entry in os.listdir(place):
        # A folder is none of ours: a subPath that named no key made it.
        if not entry.startswith("..") and entry not in tops and os.path.islink(f"{place}/{entry}"):
            os.unlink(f"{place}/{entry}")
    for top in tops:
        link = f"{place}/{top}"
        if not os.path.islink(link):
            os.symlink(f"{_DATA}/{top}", link)


def _given(
    modes: Mapping[str, int], owners: Mapping[str, int]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """
    Return the modes and owners that this user may set.

    Without the right to give files away, a file for one user alone would be closed to that very user: it keeps the
    mode of its volume.
    """
    if _may_change_owner():
        return modes, owners
    return {path: mode for path, mode in modes.items() if path not in owners}, {}


def _group_bits(gid: int | None) -> int:
    return 0o040 if gid is not None else 0


def _may_change_owner() -> bool:
    return os.geteuid() == 0
