"""``$(NAME)`` in commands, arguments and variables: known names are replaced, ``$$(X)`` is the literal ``$(X)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

LONGEST = 128 * 1024  # bytes; what Linux lets one argument or variable be (MAX_ARG_STRLEN)
MOST = (
    6 * 1024 * 1024
)  # bytes; what it lets all of them be together, where a stack is large (3/4 of _STK_LIM)


class TooLongError(ValueError):
    """A text has become longer than any program can be given."""


class TextLimit:
    """
    The room left for the texts of one program: its arguments, its variables and the paths of its mounts.

    Each text is bounded by ``LONGEST``; a manifest holds a hundred thousand that all name the same long one.
    """

    def __init__(self) -> None:
        self._left = MOST

    def take(self, text: str) -> str:
        """
        *text*, for which there is room.

        Raises:
            TooLongError: If no room is left.
        """
        self._left -= len(text)
        if self._left < 0:
            raise TooLongError(f"argument list too long: arguments and variables exceed {MOST} bytes")
        return text


def expand(text: str, lookup: Callable[[str], str]) -> str:
    """
    *text* with each ``$(NAME)`` replaced by ``lookup(NAME)``; a lone ``$`` and an open ``$(`` stay.

    Raises:
        TooLongError: As soon as the result exceeds ``LONGEST``: forty variables, each twice the one before, would be
            more than any memory holds.
    """
    out, at, room = [], 0, LONGEST
    while (dollar := text.find("$", at)) >= 0 and dollar + 1 < len(text):
        out.append(text[at:dollar])
        following = text[dollar + 1]
        end = text.find(")", dollar) if following == "(" else -1
        if following == "$":
            out.append("$")
            at = dollar + 2
        elif end >= 0:
            out.append(lookup(text[dollar + 2 : end]))
            room -= len(out[-1])
            at = end + 1
        else:
            out.append("$" + following)
            at = dollar + 2
        if room < 0:
            raise TooLongError(f"argument list too long: an expanded value exceeds {LONGEST} bytes")
    return "".join([*out, text[at:]])


def lenient(*tables: Mapping[str, str]) -> Callable[[str], str]:
    """Look a name up in the tables in order; an unknown one stays as it was written."""

    def lookup(name: str) -> str:
        for table in tables:
            if name in table:
                return table[name]
        return f"$({name})"

    return lookup


def expand_strictly(text: str, table: Mapping[str, str]) -> str:
    """*text* expanded; ``ValueError`` with the kubelet's text names what is unknown or empty."""
    missing: set[str] = set()

    def lookup(name: str) -> str:
        if not table.get(name):
            missing.add(name)
        return table.get(name, "")

    result = expand(text, lookup)
    if missing:
        raise ValueError(f"missing value for {', '.join(sorted(missing))}")
    return result
