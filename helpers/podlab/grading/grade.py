"""From the text of an answer cell to a report."""

from __future__ import annotations

from podlab.checks.verdict import Report
from podlab.errors import PodlabError
from podlab.grading.bank import find
from podlab.grading.exercise import Place

NOT_ANSWERED = "not answered yet"


def grade(exercise: str, answer: str, place: Place) -> Report:
    """
    Judge *answer*, the text of one cell.

    Returns:
        A report; with ``refused`` set and no verdicts where the answer is empty, cannot be read, or was
        refused by the API server.

    Raises:
        CheckError: There is no such exercise.
    """
    wanted = find(exercise)
    if not any(line.split("#", 1)[0].strip() for line in answer.splitlines()):
        return wanted.refuse(NOT_ANSWERED)
    try:
        return wanted.judge(wanted, answer, place)
    except PodlabError as error:
        return wanted.refuse(f"0 of {wanted.points}, this could not be judged", *str(error).splitlines())
