"""Reads archives of submissions: bounded in entries and bytes, never written to disk, no path is followed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from podlab.errors import PodlabError

MOST_ENTRIES, MOST_BYTES, MOST_OF_ONE, MOST_DEPTH = 5_000, 512 << 20, 20 << 20, 2
_SKIPPED = ("__MACOSX", ".ipynb_checkpoints", ".git")


class Unreadable(PodlabError):  # noqa: N818  (a state of a submission)
    """An archive or a notebook that cannot be taken; the others are not touched by it."""


def notebooks(data: bytes, name: str, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """
    Yield path and bytes of each notebook in a zip, also of zips inside of it (as Moodle packs them).

    Raises:
        Unreadable: It cannot be read as a zip, is encrypted, has too many entries, or unpacks to too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Unreadable(f"{name} cannot be read as a zip", cause=str(error)) from error
    if len(entries) > MOST_ENTRIES:
        raise Unreadable(f"{name} has {len(entries)} entries, at most {MOST_ENTRIES} are read")
    left = MOST_BYTES
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or any(part in _SKIPPED for part in path.parts):
            continue
        # The path is only ever a name in a report: nothing is written below it.
        if path.suffix == ".ipynb" or (path.suffix == ".zip" and depth < MOST_DEPTH):
            content = _content(archive, entry, name, left)
            left -= len(content)
            if path.suffix == ".zip":
                yield from (
                    (f"{path}/{inner}", each) for inner, each in notebooks(content, str(path), depth + 1)
                )
            else:
                yield str(path), content


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, left: int) -> bytes:
    most = min(MOST_OF_ONE, left)
    try:
        with archive.open(entry) as file:
            content = file.read(most + 1)
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable(f"{name}: {entry.filename[:120]} cannot be read", cause=str(error)) from error
    if len(content) > most:
        raise Unreadable(f"{name}: {entry.filename[:120]} unpacks to more than {most >> 20} MiB")
    return content
