"""Reads archives of submissions: bounded in entries and bytes, never written to disk, no path is followed."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from podlab.errors import PodlabError

MOST_ENTRIES, MOST_BYTES, MOST_OF_ONE, MOST_DEPTH = 5_000, 512 << 20, 20 << 20, 2
_SKIPPED = ("__MACOSX", ".ipynb_checkpoints", ".git")
_DAMAGES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError, OSError, ValueError,
            OverflowError, NotImplementedError)  # fmt: skip


class UnreadableArchive(PodlabError):  # noqa: N818  (a state of a submission)
    """An archive or a notebook that cannot be taken; the others are not touched by it."""


def notebooks(data: bytes, name: str, depth: int = 0) -> Iterator[tuple[str, bytes | UnreadableArchive]]:
    """
    Yield path and bytes of each notebook in a zip, also of zips inside of it (as Moodle packs them).

    An entry that cannot be read is yielded as the reason, so that one damaged file harms no other.

    Raises:
        UnreadableArchive: The zip itself cannot be read, has too many entries, or holds no notebook.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except _DAMAGES as error:
        raise UnreadableArchive(f"{name} cannot be read as a zip", cause=str(error)) from error
    if len(entries) > MOST_ENTRIES:
        raise UnreadableArchive(f"{name} has {len(entries)} entries, at most {MOST_ENTRIES} are read")
    left, empty = MOST_BYTES, True
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or any(part in _SKIPPED for part in path.parts):
            continue
        # The path is only ever a name in a report: nothing is written below it.
        if path.suffix in (".ipynb", ".zip"):
            empty = False
            content = _content(archive, entry, name, left)
            left -= 0 if isinstance(content, UnreadableArchive) else len(content)
            if path.suffix == ".zip" and isinstance(content, bytes):
                yield from (
                    (f"{path}/{inner}" if inner else str(path), each)
                    for inner, each in _inner(content, path, depth)
                )
            else:
                yield str(path), content
    if empty:
        raise UnreadableArchive(f"{name} holds no notebook")


def _inner(data: bytes, path: PurePosixPath, depth: int) -> Iterator[tuple[str, bytes | UnreadableArchive]]:
    """Yield what a zip in a zip holds; where it cannot be read, the reason under an empty name."""
    try:
        if depth >= MOST_DEPTH:
            raise UnreadableArchive(f"{path} is a zip in more than {MOST_DEPTH} other zips")
        yield from notebooks(data, str(path), depth + 1)
    except UnreadableArchive as error:
        yield "", error


def _content(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, left: int
) -> bytes | UnreadableArchive:
    most = min(MOST_OF_ONE, left)
    try:
        with archive.open(entry) as file:
            content = file.read(most + 1)
    except _DAMAGES as error:
        return UnreadableArchive(f"{name}: {entry.filename[:120]} cannot be read", cause=str(error))
    if len(content) > most:
        return UnreadableArchive(f"{name}: {entry.filename[:120]} unpacks to more than {most >> 20} MiB")
    return content
