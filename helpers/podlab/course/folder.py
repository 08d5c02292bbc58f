"""
Writes a learner's edition into a folder, and a newer one over it, without touching what the learner has changed.

``.podlab-course.json`` in the folder remembers what was delivered, by SHA-256. A file that is still as delivered is
replaced; one that the learner changed stays, and the newer page is put beside it as ``NAME.new.SUFFIX``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from podlab.course.edition import Edition
from podlab.errors import PodlabError
from podlab.files import write_whole
from podlab.paths import COURSE_MARKER as MARKER

SCHEMA = 1


@dataclass
class WriteResult:
    """The result of a write: paths below the folder."""

    new: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{len(self.new)} new files, {len(self.renewed)} renewed, {len(self.kept)} of yours kept"]
        lines += [f"  you changed an older version of it: the newer page is {name}" for name in self.beside]
        return "\n".join(lines)


def write(edition: Edition, folder: Path) -> WriteResult:
    """
    Write *edition* into *folder*; safe to run again, and after an interruption.

    Raises:
        PodlabError: The folder contains other files, or cannot be written.
    """
    delivered = _delivered(folder)
    done = WriteResult()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in edition.files.items():
            _one(folder, name, data, delivered, done)
            delivered[name] = _sum(data)
        _put(folder / MARKER, json.dumps({"schema": SCHEMA, "delivered": delivered}, indent=1).encode())
    except OSError as error:
        raise PodlabError(
            f"{folder} cannot be written",
            cause=error.strerror or str(error),
            hint="podlab course ANOTHER-FOLDER",
        ) from error
    return done


def _delivered(folder: Path) -> dict[str, str]:
    marker = folder / MARKER
    if marker.is_file():
        try:
            found: dict[str, str] = json.loads(marker.read_text("utf-8"))["delivered"]
            return dict(found)
        except (ValueError, KeyError, TypeError) as error:
            raise PodlabError(
                f"{marker} cannot be read", cause=str(error), hint="podlab course NEW-FOLDER"
            ) from error
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PodlabError(
            f"{folder} contains other files",
            cause="it is not empty, and is not a course folder",
            hint="podlab course NEW-FOLDER",
        )
    return {}


def _one(folder: Path, name: str, data: bytes, delivered: dict[str, str], done: WriteResult) -> None:
    path = folder / name
    if not path.exists():
        # A page that the learner deleted stays deleted.
        if name not in delivered:
            _put(path, data)
            done.new.append(name)
        return
    now = _sum(path.read_bytes())
    if now == _sum(data):
        return
    if now == delivered.get(name):
        _put(path, data)
        done.renewed.append(name)
        return
    done.kept.append(name)
    if delivered.get(name) != _sum(data):
        newer = path.with_name(f"{path.stem}.new{path.suffix}")
        _put(newer, data)
        done.beside.append(newer.relative_to(folder).as_posix())


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
