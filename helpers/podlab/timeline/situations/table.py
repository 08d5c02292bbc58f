"""
The table of an explanation: situation, what it looks like, its cause, and the advice.

A row's ``holds`` finds the facts in what was observed, or None; the three sentences are filled with them. Rows are
read from the top, and the first that holds is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

Facts = Mapping[str, str]
T = TypeVar("T")


class Found(NamedTuple):
    """An explanation: what, why and what to try; *situation* is the name of the row that held."""

    situation: str
    what: str
    why: str
    hint: str


class Situation(NamedTuple, Generic[T]):
    """
    One row.

    Attributes:
        name: The situation in a few words, as it stands in the documentation and in tests.
        holds: Finds the facts for the sentences below; None where this is not the situation.
        what, why, hint: Sentences with the facts' names in braces; ``{pod}`` is the object's own name.
    """

    name: str
    holds: Callable[[T], Facts | None]
    what: str
    why: str
    hint: str

    def found(self, subject: T, pod: str) -> Found | None:
        """The sentences with the facts in them; None where the situation does not hold."""
        facts = self.holds(subject)
        if facts is None:
            return None
        known = {"pod": pod, **facts}
        what, why, hint = (text.format_map(known) for text in (self.what, self.why, self.hint))
        return Found(self.name, what, why, hint)


def first(table: Sequence[Situation[T]], subjects: Iterable[T], pod: str) -> Found | None:
    """The first row that holds of the first subject of which any does; *pod* is the name for commands to try."""
    for subject in subjects:
        for situation in table:
            found = situation.found(subject, pod)
            if found is not None:
                return found
    return None
