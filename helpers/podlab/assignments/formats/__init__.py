"""
Marks in the formats of other tools; each module is named after the tool and has ``write(blueprint, marks, out)``.

    canvas, moodle     CSV for the gradebook of the learning platform
    classroom          GitHub Classroom's results
    gradescope         results.json; ``release`` makes the autograder's zip
    junit              JUnit XML
    nbgrader           scores and submissions for nbgrader's autograde; ``release`` writes the source notebook
    otter              a test set and submissions for otter-grader
    prairielearn       results.json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from podlab.assignments.blueprint import Blueprint
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.roster import Student
from podlab.assignments.storedresults import shared_parts
from podlab.errors import PodlabError

RELEASED = ("gradescope", "nbgrader")
_SHARED = ("nbgrader", "otter")
"""They have one notebook and one set of tests for everybody."""


def names() -> list[str]:
    """Return the names of all formats."""
    return sorted(module.name for module in iter_modules(__path__))


def check(name: str, blueprint: Blueprint) -> None:
    """
    Check that the format *name* can hold the marks of an assignment.

    Raises:
        PodlabError: It cannot.
    """
    if name in _SHARED:
        shared_parts(blueprint, name)


def write(name: str, blueprint: Blueprint, marks: Sequence[StudentMarks], out: Path) -> list[Path]:
    """Write *marks* in the format *name* below *out*, and return the files."""
    module = import_module(f"{__name__}.{name}")
    out.mkdir(parents=True, exist_ok=True)
    found: list[Path] = module.write(blueprint, marks, out)
    return found


def release(name: str, blueprint: Blueprint, students: Sequence[Student] = ()) -> Mapping[str, str | bytes]:
    """
    Return path -> content of what the tool *name* is given with a release.

    Raises:
        PodlabError: The tool releases nothing, or cannot take this assignment.
    """
    if name not in RELEASED:
        raise PodlabError(f"cannot release for {name}", hint=f"formats of a release: {', '.join(RELEASED)}")
    found: Mapping[str, str | bytes] = import_module(f"{__name__}.{name}").release(blueprint, students)
    return found
