"""Reads archives of submissions: bounded in entries and bytes, never written to disk, no path is followed."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from podlab.errors import PodlabError

MOST_ENTRIES, MOST_DEPTH = 5_000, 2
MOST_BYTES = 512 << 20
"""Of a file that was given."""

MOST_OF_ONE, MOST_OF_GROUP, MOST_IN_ALL = 20 << 20, 128 << 20, 4 << 30
"""Bytes that one entry, all below one folder of a zip of a class, and the whole zip may unpack to."""

_SKIPPED = ("__MACOSX", ".ipynb_checkpoints", ".git")
DAMAGES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError, OSError, ValueError,
           OverflowError, NotImplementedError)  # fmt: skip
"""What zipfile raises for a zip that is damaged or made by an attacker."""


class UnreadableArchive(PodlabError):  # noqa: N818  (a state of a submission)
    """An archive or a notebook that cannot be taken; the others are not touched by it."""


def is_handed_in(path: PurePath) -> bool:
    """Return whether a file is a notebook or a zip; Windows writes suffixes in capitals, too."""
    return path.suffix.lower() in (".ipynb", ".zip")


@dataclass
class Budget:
    """Bytes that may still be unpacked, of a group and of the whole zip."""

    group: int
    whole: list[int]  # one number that all groups share

    @property
    def left(self) -> int:
        return max(0, min(self.group, self.whole[0]))

    def take(self, size: int) -> None:
        self.group -= size
        self.whole[0] -= size


def notebooks(
    data: bytes, name: str, depth: int = 0, budget: Budget | None = None
) -> Iterator[tuple[str, bytes | UnreadableArchive]]:
    """
    Yield path and bytes of each notebook in a zip, also of zips inside of it (as Moodle packs them).

    An entry that cannot be read is yielded as the reason, so that one damaged file harms no other; nor does a student
    whose files unpack to too much, for each folder of a class has its own *budget*.

    Raises:
        UnreadableArchive: The zip itself cannot be read, has too many entries, or holds no notebook.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except DAMAGES as error:
        raise UnreadableArchive(f"{name} cannot be read as a zip", cause=str(error)) from error
    if len(entries) > MOST_ENTRIES:
        raise UnreadableArchive(f"{name} has {len(entries)} entries, at most {MOST_ENTRIES} are read")
    found = [
        (entry, PurePosixPath(entry.filename.replace("\\", "/"))) for entry in entries if not entry.is_dir()
    ]
    found = [
        (entry, path)
        for entry, path in found
        if is_handed_in(path) and not any(part in _SKIPPED for part in path.parts)
    ]
    if not found:
        raise UnreadableArchive(f"{name} holds no notebook")
    of = (lambda _path: budget) if budget else _budgets([path for _, path in found])
    for entry, path in found:
        # The path is only ever a name in a report: nothing is written below it.
        mine = of(path)
        content = _content(archive, entry, name, mine)
        if path.suffix.lower() == ".zip" and isinstance(content, bytes):
            yield from (
                (f"{path}/{inner}" if inner else str(path), each)
                for inner, each in _inner(content, path, depth, mine)
            )
        else:
            yield str(path), content


def _budgets(paths: Sequence[PurePosixPath]) -> Callable[[PurePosixPath], Budget]:
    """Return the budget of each path: those below one folder share it, folders above all files aside."""
    above = folders_above([path.parts for path in paths])
    whole, groups = [MOST_IN_ALL], dict[str, Budget]()

    def of(path: PurePosixPath) -> Budget:
        return groups.setdefault(path.parts[above], Budget(MOST_OF_GROUP, whole))

    return of


def folders_above(paths: Sequence[Sequence[str]], depth: int = 0) -> int:
    """Return how many folders are above all files, from *depth* on, by the parts of their paths."""
    while all(len(parts) > depth + 1 for parts in paths) and len({parts[depth] for parts in paths}) == 1:
        depth += 1
    return depth


def _inner(
    data: bytes, path: PurePosixPath, depth: int, budget: Budget
) -> Iterator[tuple[str, bytes | UnreadableArchive]]:
    """Yield what a zip in a zip holds; where it cannot be read, the reason under an empty name."""
    try:
        if depth >= MOST_DEPTH:
            raise UnreadableArchive(f"{path} is a zip in more than {MOST_DEPTH} other zips")
        yield from notebooks(data, str(path), depth + 1, budget)
    except UnreadableArchive as error:
        yield "", error


def _content(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, budget: Budget
) -> bytes | UnreadableArchive:
    what = f"{name}: {entry.filename[:120]}"
    if budget.group <= 0:
        return UnreadableArchive(
            f"{what} is not read: the files beside it unpack to {MOST_OF_GROUP >> 20} MiB or more"
        )
    if not budget.left:
        return UnreadableArchive(
            f"{what} is not read: the files before it, of all folders, unpack to {MOST_IN_ALL >> 30} GiB or more"
        )
    most = min(MOST_OF_ONE, budget.left)
    try:
        with archive.open(entry) as file:
            content = file.read(most + 1)
    except DAMAGES as error:
        return UnreadableArchive(f"{what} cannot be read", cause=str(error))
    budget.take(len(content))
    if len(content) > most:
        return UnreadableArchive(f"{what} unpacks to more than {most >> 20} MiB")
    return content
