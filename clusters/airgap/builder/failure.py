"""The one error of this build, printed as three lines: what happened, why, what to try."""

from __future__ import annotations


class BuildError(Exception):
    """
    A step cannot go on.

    Args:
        summary: What happened, in one sentence.
        cause: The evidence; None when there is none.
        hint: One line to run or change next.
    """

    def __init__(self, summary: str, *, cause: str | None = None, hint: str | None = None) -> None:
        super().__init__(summary)
        self.summary, self.cause, self.hint = summary, cause, hint

    def __str__(self) -> str:
        notes = [("why", self.cause), ("try", self.hint)]
        return "\n".join([self.summary, *(f"  {label}: {text}" for label, text in notes if text)])
