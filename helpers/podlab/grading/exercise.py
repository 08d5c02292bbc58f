"""What an exercise is: a question, something that falls short to start from, hints, and a judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podlab.checks.verdict import Report

if TYPE_CHECKING:
    from podlab.client import Client


@dataclass(frozen=True)
class Place:
    """
    Where answers are run: a namespace, and what the notebook has recorded so far.

    Args:
        client: For the grader's own requests.
        namespace: Pods of answers are made here under names of the grader's own, and removed again.
        runs: Timelines that questions about a recorded Pod are judged by, by the Pod's name.
    """

    client: Client
    namespace: str
    runs: dict[str, Any]


@dataclass(frozen=True)
class Exercise:
    """
    One exercise.

    Args:
        id: ``e14``.
        title: ``convert-shipper``.
        kind: ``manifest`` or ``prediction``: what the answer cell holds.
        points: What it is worth.
        ask: The question, one or two sentences.
        starter: What the answer cell may start from; unchanged it earns nothing.
        hints: From "where to look" to "nearly the line".
        judge: Answer and place to report. The answer is text; nothing of it is ever run as Python.
    """

    id: str
    title: str
    kind: str
    points: int
    ask: str
    starter: str
    hints: Sequence[str]
    judge: Callable[[Exercise, str, Place], Report]

    @property
    def name(self) -> str:
        """Id and title, as reports begin."""
        return f"{self.id} {self.title}"

    def refuse(self, why: str, *notes: str) -> Report:
        """Return a report that judges nothing, and says why."""
        return Report(self.name, self.points, refused=why, notes=notes)
