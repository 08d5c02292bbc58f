"""All exercises, one module each; a module holds ``EXERCISE``."""

from __future__ import annotations

import difflib
from importlib import import_module

from podlab.errors import CheckError
from podlab.grading.exercise import Exercise

_IDS = ("e00", "e14")


def ids() -> tuple[str, ...]:
    """Return the ids of all exercises, in the order of the course."""
    return _IDS


def find(wanted: str) -> Exercise:
    """Return an exercise by its id; CheckError when there is none."""
    name = wanted.strip().lower()
    if name not in _IDS:
        near = difflib.get_close_matches(name, _IDS, 1)
        raise CheckError(
            f"there is no exercise {wanted!r}",
            cause=f"exercises: {', '.join(_IDS)}",
            hint=f"did you mean {near[0]}?" if near else None,
        )
    exercise: Exercise = import_module(f"podlab.grading.bank.{name}").EXERCISE
    return exercise
