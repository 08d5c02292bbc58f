"""
The data in a built wheel of podlab: the learner's edition of the course, and clusters' recipes.

setuptools calls these classes (pyproject.toml, [tool.setuptools.cmdclass]). They put the files below
``podlab/course``, where ``podlab.course`` and ``podlab.paths`` look for them when there is no working tree. Answers
never get in: the edition is an allow-list. A source distribution holds the same files in the same place, so that a
wheel built from it is the same wheel.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

TOP = Path(__file__).resolve().parents[1]
PLACE = Path("podlab") / "course"
PARTS = ("notebooks", "labs", "clusters")
RECIPES = ("clusters/images.yaml", "clusters/images/**/*", "clusters/kind/*.yaml")


def extra_files() -> Iterator[tuple[str, bytes]]:
    """Yield path below ``podlab/course`` and content: from the working tree, or as the source distribution has them."""
    if not (TOP / "notebooks").is_dir():
        yield from _delivered(TOP / "helpers" / PLACE)
        return
    sys.path.insert(0, str(TOP / "helpers"))
    from podlab.course import edition

    yield from edition.build(TOP).files.items()
    for pattern in RECIPES:
        for path in sorted(TOP.glob(pattern)):
            if path.is_file():
                yield path.relative_to(TOP).as_posix(), path.read_bytes()


def _delivered(course: Path) -> Iterator[tuple[str, bytes]]:
    for part in PARTS:
        if not (course / part).is_dir():
            raise SystemExit(f"this source distribution is incomplete: it lacks podlab/course/{part}")
        for path in sorted((course / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(course).as_posix(), path.read_bytes()


def _write(folder: Path) -> None:
    for name, data in extra_files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class BuildPy(build_py):
    """Adds the files to the wheel; an editable install (``backend``) reads them from the working tree."""

    def run(self) -> None:
        """Copy the modules, then write the files beside them."""
        super().run()
        for part in PARTS:  # what an earlier build left there could be older than the allow-list
            shutil.rmtree(Path(self.build_lib) / PLACE / part, ignore_errors=True)
        _write(Path(self.build_lib) / PLACE)


class Sdist(sdist):
    """Adds the files to the source distribution."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the sources, then write the files among them."""
        super().make_release_tree(base_dir, files)
        _write(Path(base_dir) / "helpers" / PLACE)
