"""
Real images: from ``docker save`` files (and OCI layouts in a tar), digests checked, layers applied to one folder.

Nothing in an archive is trusted. Every blob must have the digest that names it, every layer the ``diff_id`` of the
configuration. A path can neither leave the image's folder by ``..`` nor through a link that an earlier entry made:
links are resolved inside. Devices are not made. An image that fails half-way leaves nothing.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from podlab.embedded.filetrees import remove_tree
from podlab.embedded.images import accounts
from podlab.embedded.images.names import ImageName, parse
from podlab.embedded.runtime import ImageRecord
from podlab.errors import SandboxError
from podlab.files import SHARED, make_folder, write_whole

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MAX_BYTES = 20 << 30
_MAX_ENTRIES = 2_000_000
_MAX_JSON = 16 << 20
_MAX_USERS = 1 << 20
_MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class UnpackedImage:
    """A real image on disk; the container writes to a layer of its own above it."""

    record: ImageRecord
    folder: str

    def root(self, layer: str) -> dict[str, Any]:
        """Return an overlay above the image's folder."""
        return {"kind": "overlay", "layers": [self.folder], "upper": layer}


def load(archive: Path, folder: Path) -> list[str]:
    """
    Bring the images of *archive* into the store at *folder*.

    Returns:
        The names that now mean these images.

    Raises:
        SandboxError: If it is no image archive, a digest is wrong, or a path leads out.
    """
    try:
        with tarfile.open(archive, "r:*") as tar:
            return [name for image in _images(tar) for name in _store(image, folder)]
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError) as error:
        raise SandboxError(
            f"{archive.name} is not an image archive that can be used",
            cause=_brief(error),
            hint="docker save IMAGE -o FILE.tar   (makes one)",
        ) from error


@dataclass(frozen=True, slots=True)
class SavedImage:
    """An image to be stored: its names, its configuration as bytes, and its layers as opened files."""

    names: list[str]
    config: bytes
    layers: Iterator[IO[bytes]]


def _brief(error: Exception) -> str:
    """Return one line; tarfile tells what each of its readers found, which helps nobody."""
    if isinstance(error, tarfile.ReadError) and "\n" in str(error):
        return "it is not a tar file"
    return " ".join(str(error).split()) or type(error).__name__


def _images(tar: tarfile.TarFile) -> Iterator[SavedImage]:
    members = {member.name.removeprefix("./"): member for member in tar}
    if "manifest.json" not in members:
        raise ValueError("it holds no manifest.json")
    for entry in json.loads(_read(tar, members["manifest.json"])):
        config = _read(tar, members[entry["Config"]])
        stated = entry["Config"].removesuffix(".json").rsplit("/", 1)[-1]
        _same_digest(hashlib.sha256(config).hexdigest(), stated, "the configuration")
        names = [str(parse(name)) for name in entry.get("RepoTags") or ()]
        yield SavedImage(names, config, (_open(tar, members[name]) for name in entry["Layers"]))


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > _MAX_JSON:
        raise ValueError(f"{member.name} is too large")
    return _open(tar, member).read()


def _open(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise ValueError(f"{member.name} is not a file")
    return file


def _same_digest(found: str, stated: str, what: str) -> None:
    if len(stated) == 64 and found != stated:
        raise ValueError(f"{what} has the digest sha256:{found}, not sha256:{stated} as stated")


def _store(image: SavedImage, folder: Path) -> list[str]:
    digest = hashlib.sha256(image.config).hexdigest()
    target = folder / "unpacked" / digest
    if not target.exists():
        unpack(image, folder, target)
    remember(folder, digest, image.names, json.loads(image.config), target)
    return image.names


def unpack(image: SavedImage, folder: Path, target: Path) -> None:
    """
    Apply all layers beside *target* and rename.

    Two learners may load the same image at once: who is late drops its own copy, for both have the same digests.

    Raises:
        ValueError: A digest is wrong, or a path leads out.
    """
    make_folder(target.parent, 0o755)
    work = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder))
    try:
        work.chmod(0o755)
        stated = (json.loads(image.config).get("rootfs") or {}).get("diff_ids") or []
        count, room = 0, UnpackLimit()
        for count, layer in enumerate(image.layers, 1):
            if count > len(stated):
                raise ValueError("more layers than the configuration names")
            _apply(layer, work, stated[count - 1], room)
        if count != len(stated):
            raise ValueError(f"{count} layers where the configuration names {len(stated)}")
        try:
            work.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            remove_tree(str(work))
    except BaseException:
        remove_tree(str(work))
        raise


class UnpackLimit:
    """The room left for an image while it is unpacked: a file with holes is small in its archive."""

    def __init__(self, size: int = _MAX_BYTES, entries: int = _MAX_ENTRIES) -> None:
        self.bytes, self.entries = size, entries

    def take(self, member: tarfile.TarInfo) -> None:
        """Make sure of the room for one entry before it is written. Raises ValueError."""
        self.entries -= 1
        self.bytes -= max(0, member.size) if member.isreg() else 0
        if self.bytes < 0 or self.entries < 0:
            what = f"{_MAX_BYTES >> 30} GiB" if self.bytes < 0 else f"{_MAX_ENTRIES} files"
            raise ValueError(f"the image would be larger than {what} once unpacked")


class _Hashing(io.RawIOBase):
    """Reads through and keeps the digest of everything read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        self.digest.update(data)
        self.size += len(data)
        if self.size > _MAX_BYTES:
            raise ValueError("the image is larger than 20 GiB")
        return len(data)


def _apply(layer: IO[bytes], root: Path, diff_id: str, room: UnpackLimit) -> None:
    magic = layer.read(4)
    layer.seek(0)
    if magic[:4] == b"\x28\xb5\x2f\xfd":
        raise ValueError(
            "a layer is compressed with zstd, which is not supported: save the image again with gzip"
        )
    plain: IO[bytes] = gzip.GzipFile(fileobj=layer) if magic[:2] == b"\x1f\x8b" else layer  # type: ignore[assignment]
    hashing = _Hashing(plain)
    reader = io.BufferedReader(hashing, 1 << 20)
    with tarfile.open(fileobj=reader, mode="r|") as tar:
        for member in tar:
            room.take(member)
            _extract(tar, member, root)
    while reader.read(1 << 20):
        pass  # the end of the archive counts for its digest
    _same_digest(hashing.digest.hexdigest(), diff_id.removeprefix("sha256:"), "a layer")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in member.name:
        raise ValueError(f"path {member.name!r} leads out of the image")
    if not parts:
        return
    parent = _inside(root, parts[:-1])
    name = parts[-1]
    if name == _OPAQUE:
        for entry in os.listdir(parent):
            remove_tree(f"{parent}/{entry}")
    elif name.startswith(_WHITEOUT):
        gone = name.removeprefix(_WHITEOUT)
        if gone in ("", ".", ".."):  # ".wh..." would remove the folder that the image lies in
            raise ValueError(f"path {member.name!r} leads out of the image")
        remove_tree(f"{parent}/{gone}")
    else:
        _place(tar, member, root, f"{parent}/{name}")


def _inside(root: Path, parts: list[str]) -> str:
    """
    Return the folder at *parts* below *root*, made if missing; links, absolute ones too, are followed inside of *root*.
    """
    current: list[str] = []
    todo = list(parts)
    links = 0
    while todo:
        part = todo.pop(0)
        if part == "..":
            current = current[:-1]
            continue
        path = "/".join([str(root), *current, part])
        if os.path.islink(path):
            links += 1
            if links > _MAX_LINKS:
                raise ValueError("too many levels of symbolic links")
            target = os.readlink(path)
            if target.startswith("/"):
                current = []
            todo = [one for one in target.split("/") if one not in ("", ".")] + todo
            continue
        if not os.path.isdir(path):
            remove_tree(path)
            os.mkdir(path)
            os.chmod(path, 0o755)  # noqa: S103  readable, as folders of images are
        current.append(part)
    return "/".join([str(root), *current])


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, path: str) -> None:
    if member.isdir() and os.path.isdir(path) and not os.path.islink(path):
        pass
    elif os.path.lexists(path):
        remove_tree(path)
    mode = member.mode & 0o7777
    if member.isdir():
        os.makedirs(path, exist_ok=True)
        mode |= 0o700 if os.geteuid() else 0
    elif member.issym():
        os.symlink(member.linkname, path)
    elif member.islnk():
        parts = [part for part in member.linkname.split("/") if part not in ("", ".")]
        if ".." in parts or not parts:
            raise ValueError(f"link {member.linkname!r} leads out of the image")
        os.link(f"{_inside(root, parts[:-1])}/{parts[-1]}", path, follow_symlinks=False)
        return
    elif member.isreg():
        source = tar.extractfile(member)
        assert source is not None
        with open(path, "xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    else:
        return  # devices and pipes: /dev is the node's
    if os.geteuid() == 0:
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        os.chmod(path, mode)


def remember(folder: Path, digest: str, names: list[str], config: dict[str, Any], target: Path) -> None:
    """Enter an image in the index; its names no longer mean any other."""
    make_folder(folder, 0o755)
    with _alone(folder):
        index = _index(folder)
        for other in index.values():
            other["names"] = [name for name in other["names"] if name not in names]
        entry = index.setdefault(digest, {"names": []})
        entry |= {
            "names": sorted({*entry["names"], *names}),
            "config": config.get("config") or {},
            "folder": str(target),
        }
        write_whole(folder / "index.json", json.dumps(index), mode=SHARED)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others from changing the index meanwhile: it is read, changed and written in a moment."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _index(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "index.json").read_text())
    except FileNotFoundError:
        return {}
    return found


def find(folder: Path, name: ImageName) -> UnpackedImage | None:
    """Return the image that *name* means, by tag or by the digest of its configuration."""
    for digest, entry in _index(folder).items():
        if str(name) in entry["names"] or name.digest == f"sha256:{digest}":
            return UnpackedImage(_with_users(_record(digest, entry), Path(entry["folder"])), entry["folder"])
    return None


def _record(digest: str, entry: dict[str, Any]) -> ImageRecord:
    config = entry["config"]
    pairs = (text.partition("=") for text in config.get("Env") or ())
    return ImageRecord(
        id=f"sha256:{digest}",
        names=tuple(entry["names"]),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        env={key: value for key, _equals, value in pairs},
        working_dir=config.get("WorkingDir") or "/",
        user=config.get("User") or "",
    )


def _with_users(record: ImageRecord, root: Path) -> ImageRecord:
    known, groups = accounts.passwd(_text_in(root, "passwd")), _text_in(root, "group")
    return record._replace(
        ids=accounts.ids(record.user, known, accounts.group(groups)),
        primary_groups={one.uid: one.gid for one in reversed(known)},
        member_groups=accounts.memberships(groups, known),
    )


def _text_in(root: Path, name: str) -> str:
    """Return a file of the image's /etc, as far as it is one of a sensible size; no link is followed to the host."""
    if not os.path.lexists(f"{root}/etc"):
        return ""
    try:
        folder = _inside(root, ["etc"])
        descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            return file.read(_MAX_USERS).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def rows(folder: Path) -> list[dict[str, str]]:
    """For ``podlab images``."""
    return [
        {
            "name": parse(name).familiar,
            "id": f"sha256:{digest}",
            "kind": "image",
            "says": "a real image, unpacked",
        }
        for digest, entry in _index(folder).items()
        for name in entry["names"]
    ]
