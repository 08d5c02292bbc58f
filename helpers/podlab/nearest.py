"""
The known name that a wrong one was probably meant to be, for the hints of errors.
"""

from __future__ import annotations

from collections.abc import Iterable

LIKELY = 0.6  # a slip of the keyboard
POSSIBLE = 0.4  # where the known names are few, and any of them helps more than none


def nearest(name: str, known: Iterable[str], likeness: float = LIKELY) -> str | None:
    """
    Return the name of *known* that is most like *name*; None if all of them are less alike than *likeness*.

    Args:
        likeness: From 0 to 1, as ``difflib.SequenceMatcher.ratio`` measures it.
    """
    import difflib  # used by errors only: it would delay each command by a millisecond

    return next(iter(difflib.get_close_matches(name, list(known), 1, likeness)), None)
