"""
Exercises and their grading.

    exercise    what an exercise is
    bank        all exercises, one module each
    grade       an answer's text in, a report out

The answer is the text of one cell: a manifest or a prediction. It is read as YAML or as an order, applied
by the grader itself and judged by how the Pod lived. No line of the student's Python is ever run.
"""

from __future__ import annotations

from podlab.checks.verdict import Report, Verdict
from podlab.grading.bank import find, ids
from podlab.grading.exercise import Exercise, Place
from podlab.grading.grade import NOT_ANSWERED, grade

__all__ = ["NOT_ANSWERED", "Exercise", "Place", "Report", "Verdict", "find", "grade", "ids"]
