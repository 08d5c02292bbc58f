"""
Exercises and their grading. An exercise is one folder in ``labs/exercises/``; what all of them need is here.

In the order in which an answer passes through:

    exercise    what an exercise is: words, numbers, fence, runs
    loading     finds folders and reads them; errors name file and line
    functions   imports an exercise's checks.py
    values      values drawn from a seed, put in for {{name}}
    answers     the text of a cell: a manifest, a prediction, choices
    fence       what an answer may not do
    preparing   text in, Case out
    run_namespace  a namespace for one run
    play        the steps of a play;  waitconditions: what it can wait for
    controllers whether the controllers work that a play waited for
    player      performs a play and records it
    runs        all runs of an exercise, side by side
    delays      how late machine and API server were while answers ran
    sharing     what many gradings share: a budget of requests, one watch
    evidence    recordings and acts, kept beside a grade
    digests     what a grade was made of: the same again gives the same grade
    grade       an answer's text in, a report out
    prove       an exercise folder against its own right answers, mistakes and shortcuts

The answer is the text of one cell. It is read as YAML or as lines, applied by the grader itself and judged by how
the Pod lived. No line of the student's Python is ever run.
"""

from __future__ import annotations

from podlab.checks.verdict import Report, Verdict
from podlab.grading.exercise import Exercise
from podlab.grading.grade import NOT_ANSWERED, grade, judge, regrade
from podlab.grading.loading import find, folders, ids
from podlab.grading.runs import Place
from podlab.grading.sharing import once, together
from podlab.grading.values import seed_of

__all__ = [
    "NOT_ANSWERED", "Exercise", "Place", "Report", "Verdict", "find", "folders", "grade", "ids", "judge", "once",
    "regrade", "seed_of", "together",
]  # fmt: skip
