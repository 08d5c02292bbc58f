"""
The data in a built wheel of podlab: the learner's edition of the course, and clusters' recipes.

hatchling calls ``Course`` (pyproject.toml, ``hooks.custom``) for wheels and source distributions. It puts the files
below ``podlab/course``, where ``podlab.course`` and ``podlab.paths`` find them without a working tree.
Answers never get in: the edition is an allow-list. A source distribution holds the same files in the same place, so
that a wheel built from it is the same wheel. An editable install reads all of them from the working tree.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TOP = Path(__file__).resolve().parents[1]
COURSE = "podlab/course"
PARTS = ("notebooks", "labs", "clusters")
RECIPES = ("clusters/images.yaml", "clusters/images/**/*", "clusters/kind/*.yaml")


class Course(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the files to a wheel or a source distribution."""

    _folder: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files into a folder of their own, and have hatchling take them from there."""
        if version == "editable":
            return
        if not (TOP / "notebooks").is_dir():  # a source distribution, which has them among the modules
            _require(TOP / "helpers" / COURSE)
            return
        self._folder = TemporaryDirectory()
        for name, data in course_files():
            path = Path(self._folder.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        build_data["force_include"][self._folder.name] = (
            COURSE if self.target_name == "wheel" else f"helpers/{COURSE}"
        )

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove that folder."""
        if self._folder is not None:
            self._folder.cleanup()


def course_files() -> Iterator[tuple[str, bytes]]:
    """Yield path below ``podlab/course`` and content of each file, from the working tree."""
    sys.path.insert(0, str(TOP / "helpers"))
    from podlab.course import edition

    yield from edition.build(TOP).files.items()
    for pattern in RECIPES:
        for path in sorted(TOP.glob(pattern)):
            if path.is_file():
                yield path.relative_to(TOP).as_posix(), path.read_bytes()


def _require(course: Path) -> None:
    for part in PARTS:
        if not (course / part).is_dir():
            raise SystemExit(f"this source distribution is incomplete: it lacks {COURSE}/{part}")
