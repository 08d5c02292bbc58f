"""
What a check says, and how a whole report reads.

    e14 convert-shipper: 3 of 5
      + shipper started before shop                          1
      - after a kill shipper came back, shop stayed          0
          expected  shipper is started again, shop is not
          found     shipper was not started again
          why       under containers the Pod's restartPolicy decides, and it is Never
          next      %hint e14  (1 of 3 is open)

First what holds, then what does not, then one thing to do next. The same run of a Pod gives the same words;
times, names of nodes and addresses never appear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_WIDTH = 52


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
    """

    text: str
    points: int
    holds: bool | None
    expected: str = ""
    found: str = ""
    why: str = ""
    hint: int | None = None

    @property
    def earned(self) -> int:
        """Points: all or none."""
        return self.points if self.holds else 0


@dataclass(frozen=True)
class Report:
    """
    The verdicts on one answer.

    Args:
        exercise: Its id and title, such as ``e14 convert-shipper``.
        verdicts: One for each check; empty when the answer could not be judged at all.
        points: What the exercise is worth.
        refused: Why nothing was judged (not answered, no manifest, a locked part was changed); empty if it
            was.
        notes: Traps that lint saw, and other remarks.
    """

    exercise: str
    points: int
    verdicts: Sequence[Verdict] = ()
    refused: str = ""
    notes: Sequence[str] = field(default=())

    @property
    def score(self) -> int:
        """Points earned; 0 when nothing was judged."""
        return sum(verdict.earned for verdict in self.verdicts)

    @property
    def undecided(self) -> bool:
        """Whether some check could not be decided, so that the score is not final."""
        return any(verdict.holds is None for verdict in self.verdicts)

    @property
    def hint(self) -> int | None:
        """The first hint that a failed check asks for."""
        return next((v.hint for v in self.verdicts if v.holds is False and v.hint), None)

    def __str__(self) -> str:
        if self.refused:
            return "\n".join([f"{self.exercise}: {self.refused}", *_indent(self.notes)])
        lines = [f"{self.exercise}: {self.score} of {self.points}"]
        for verdict in sorted(self.verdicts, key=lambda v: v.holds is not True):
            lines += _lines(verdict)
        lines += _indent(self.notes)
        failed = [v for v in self.verdicts if v.holds is False]
        if failed:
            lines.append(f"      next      %hint {self.exercise.split()[0]}")
        elif self.undecided:
            lines.append("      next      run the cell again: the recording does not decide this")
        return "\n".join(lines)


def _lines(verdict: Verdict) -> list[str]:
    sign = {True: "+", False: "-", None: "?"}[verdict.holds]
    lines = [f"  {sign} {verdict.text:<{_WIDTH}} {verdict.earned}"]
    if verdict.holds is not True:
        for name in ("expected", "found", "why"):
            text = getattr(verdict, name)
            if text:
                lines.append(f"      {name:<9} {text}")
    return lines


def _indent(notes: Sequence[str]) -> list[str]:
    return [f"  ! {note}" for note in notes]
