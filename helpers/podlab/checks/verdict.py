"""
The verdict of a check, and the report on an answer.

    e14 convert-shipper: 3 of 5
      + shipper started before shop                          1
      - after a kill shipper came back, shop stayed          0
          expected  shipper is started again, shop is not
          found     shipper was not started again
          why       under containers the Pod's restartPolicy decides, and it is Never
          next      %hint e14  (1 of 3 is open)

First what holds, then what does not, then one thing to do next. The same run of a Pod gives the same words;
times, names of nodes and addresses never appear. ``Report.as_dict`` is the documented form for other programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

_WIDTH = 52  # of the texts of checks, where none is longer
SCHEMA = 1
ANSWERED, NOT_ANSWERED, REFUSED, NOT_GRADABLE = "answered", "not answered", "refused", "not gradable"
STATES = (ANSWERED, NOT_ANSWERED, REFUSED, NOT_GRADABLE)
"""
States of a report. ``answered``: judged, the score counts. ``not answered``: the cell is empty. ``refused``: the
answer itself keeps it from being run, 0 points. ``not gradable``: the cluster, a fixture or the grader failed; there
are no marks either way and the answer must be run again.
"""


def number(points: Fraction | int) -> str:
    """Return points as people write them: ``3``, ``1.5``, ``0.33``."""
    value = Fraction(points)
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Verdict:
    """
    The outcome of one check.

    Args:
        text: What is asked for, in words.
        points: What it is worth.
        holds: True, False, or None where the evidence does not decide (no marks either way: run again).
        expected, found, why: Shown where it does not hold.
        hint: The number of the hint that fits, 1 to 3; None for the next one.
        share: The part of the points that was earned, 0 to 1; None: all or none, by *holds*.
        id: The check's id within its exercise.
        visible: Whether learners see the check before they hand in.
    """

    text: str
    points: Fraction | int
    holds: bool | None
    expected: str = ""
    found: str = ""
    why: str = ""
    hint: int | None = None
    share: Fraction | None = None
    id: str = ""
    visible: bool = True

    @property
    def earned(self) -> Fraction:
        """Points: the share of them, else all or none."""
        if self.share is not None and self.holds is not None:
            return Fraction(self.points) * self.share
        return Fraction(self.points) if self.holds else Fraction(0)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data; points are numbers."""
        return {
            "id": self.id, "text": self.text, "points": float(self.points), "earned": float(self.earned),
            "holds": self.holds, "expected": self.expected, "found": self.found, "why": self.why,
            "hint": self.hint, "visible": self.visible,
        }  # fmt: skip


class Loss(NamedTuple):
    """A check that earned less than its points: its id, the points it earned, and why."""

    id: str
    earned: Fraction
    found: str
    why: str


@dataclass(frozen=True)
class Report:
    """
    The verdicts on one answer.

    Args:
        exercise: Its id and title, such as ``e14 convert-shipper``.
        points: What the exercise is worth.
        verdicts: One for each check; empty when the answer was not judged.
        refused: Why nothing was judged (not answered, no manifest, a locked part was changed); empty if it was.
        notes: Traps that lint saw, and other remarks.
        state: One of ``STATES``.
        evidence: Run name -> file of its recording, where they were kept.
    """

    exercise: str
    points: Fraction | int
    verdicts: Sequence[Verdict] = ()
    refused: str = ""
    notes: Sequence[str] = field(default=())
    state: str = ANSWERED
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The exercise's id, such as ``e14``."""
        return self.exercise.split()[0]

    @property
    def score(self) -> Fraction:
        """Points earned; 0 when nothing was judged."""
        return sum((verdict.earned for verdict in self.verdicts), Fraction(0))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The checks that earned less than their points, in their order."""
        lost = (each for each in self.verdicts if each.earned < each.points)
        return tuple(Loss(each.id, each.earned, each.found, each.why) for each in lost)

    @property
    def undecided(self) -> bool:
        """Whether some check could not be decided, so that the score is not final."""
        return any(verdict.holds is None for verdict in self.verdicts)

    @property
    def gradable(self) -> bool:
        """Whether the score may be counted; False: run the answer again."""
        return self.state != NOT_GRADABLE

    @property
    def hint(self) -> int | None:
        """The first hint that a failed check asks for."""
        return next((v.hint for v in self.verdicts if v.holds is False and v.hint), None)

    def as_dict(self) -> dict[str, Any]:
        """
        Return the report as plain data, schema 1.

        ``score`` is None where the answer was not gradable: that is never a zero.
        """
        return {
            "schema": SCHEMA, "kind": "podlab.report", "exercise": self.id, "title": self.exercise,
            "state": self.state, "score": float(self.score) if self.gradable else None,
            "points": float(self.points), "undecided": self.undecided, "reason": self.refused,
            "verdicts": [verdict.as_dict() for verdict in self.verdicts],
            "notes": list(self.notes), "evidence": dict(self.evidence),
        }  # fmt: skip

    def __str__(self) -> str:
        if self.refused:
            return "\n".join([f"{self.exercise}: {self.refused}", *_indent(self.notes)])
        lines = [f"{self.exercise}: {number(self.score)} of {number(self.points)}"]
        width = max([_WIDTH, *(len(verdict.text) for verdict in self.verdicts)])
        for verdict in sorted(self.verdicts, key=lambda v: v.holds is not True):
            lines += _lines(verdict, width)
        lines += _indent(self.notes)
        failed = [v for v in self.verdicts if v.holds is False]
        if failed:
            lines.append(f"      next      %hint {self.id}")
        elif self.undecided:
            lines.append("      next      run the cell again: the recording does not decide this")
        return "\n".join(lines)


def _lines(verdict: Verdict, width: int) -> list[str]:
    sign = {True: "+", False: "-", None: "?"}[verdict.holds]
    lines = [f"  {sign} {verdict.text:<{width}} {number(verdict.earned)}"]
    if verdict.holds is not True:
        for name in ("expected", "found", "why"):
            text = getattr(verdict, name)
            if text:
                lines.append(f"      {name:<9} {text}")
    return lines


def _indent(notes: Sequence[str]) -> list[str]:
    return [f"  ! {note}" for note in notes]
