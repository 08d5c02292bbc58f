"""
Digests of all that a grade was made of: while they are the same, judging again would give the same grade.

    evidence    what an answer was seen to do: its recordings and acts
    Rules       the exercise: what decides how an answer is run, and what decides how it is judged
    code        the modules that read, fence and judge, and the versions of Python and PyYAML
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from podlab.grading.exercise import Exercise
from podlab.grading.runs import SHARED

_PACKAGE = Path(__file__).resolve().parents[1]
_ABOVE = frozenset(
    {
        "airgap",
        "app",
        "assignments",
        "classroom",
        "cli",
        "course",
        "doctor",
        "embedded",
        "lab",
        "magics",
        "views",
    }
)
"""Rooms above grading, which it cannot import, and those that only run Pods: what came of that is evidence."""

_PLAYED = ("exercise.toml", "fixtures.yaml", "given.yaml", "play.yaml", "starter.txt", "starter.yaml")
_WORDS = (".md", ".pyc")


def evidence(folder: Path, exercise: str) -> str:
    """Return the digest of the evidence that *folder* keeps of one exercise; missing files change it, too."""
    return _of((path.name, path) for path in sorted(folder.glob(f"{exercise}-*")) if path.is_file())


@dataclass(frozen=True)
class Rules:
    """
    The digests of one exercise, read once for all answers to it.

    Attributes:
        played: Of the files that decide how an answer is run.
        whole: Of the files that decide a grade: all but words for the learner and the kept answers.
    """

    played: str
    whole: str

    @classmethod
    def of(cls, exercise: Exercise) -> Rules:
        """Read the exercise's folder and the fixtures that it shares."""
        shared = list(_shared(exercise))
        played = [(name, exercise.folder / name) for name in _PLAYED if (exercise.folder / name).is_file()]
        return cls(_of([*played, *shared]), _of([*_own(exercise.folder), *shared]))


@cache
def code(package: Path = _PACKAGE) -> str:
    """Return the digest of the modules that a grade depends on; read once in a process."""
    files = (
        (path.relative_to(package).as_posix(), path)
        for room in sorted(package.iterdir())
        if room.stem not in _ABOVE
        for path in ([room] if room.is_file() else sorted(room.rglob("*")))
        if path.suffix in (".py", ".json", ".yaml", ".toml") and path.is_file()
    )
    versions = f"{sys.version_info[:3]} {yaml.__version__}"
    return hashlib.sha256(f"{versions} {_of(files)}".encode()).hexdigest()


def _own(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix not in _WORDS and not name.startswith(("answers/", ".")):
            yield name, path


def _shared(exercise: Exercise) -> Iterator[tuple[str, Path]]:
    for name in sorted(exercise.fixtures):
        path = exercise.folder.parent / SHARED / f"{name}.yaml"
        if path.is_file():
            yield f"{SHARED}/{path.name}", path


def _of(files: Iterable[tuple[str, Path]]) -> str:
    found = hashlib.sha256()
    for name, path in files:
        content = path.read_bytes()
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()
