"""
The table of an explanation: situation, what it looks like, its cause, and the advice.

A row's ``holds`` finds the facts in what was observed, or None; the three sentences are filled with them. Rows are
read from the top, and the first that holds is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

Details = Mapping[str, str]
Hints = Sequence[tuple[str, str]]
"""Patterns of what Kubernetes says, each with what to try; ``{0}`` is the pattern's first group."""
T = TypeVar("T")


class MatchedSituation(NamedTuple):
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
    holds: Callable[[T], Details | None]
    what: str
    why: str
    hint: str

    def found(self, subject: T, pod: str) -> MatchedSituation | None:
        """Return the sentences with the facts in them; None where the situation does not hold."""
        facts = self.holds(subject)
        if facts is None:
            return None
        known = {"pod": pod, **facts}
        what, why, hint = (text.format_map(known) for text in (self.what, self.why, self.hint))
        return MatchedSituation(self.name, what, why, hint)


def hint_for(message: str, hints: Hints, *, otherwise: str, any_case: bool = False, **names: str) -> str:
    """Return what to try, by the first pattern of *hints* that *message* matches; *names* fill its braces too."""
    for pattern, text in hints:
        match = re.search(pattern, message, re.IGNORECASE if any_case else 0)
        if match:
            return text.format(*match.groups(), **names)
    return otherwise


def first(table: Sequence[Situation[T]], subjects: Iterable[T], pod: str) -> MatchedSituation | None:
    """Return the first row that holds of the first subject of which any does; *pod* is the name for commands to try."""
    for subject in subjects:
        for situation in table:
            found = situation.found(subject, pod)
            if found is not None:
                return found
    return None
