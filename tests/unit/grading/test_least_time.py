"""How long a play lasts by itself, from the steps that were done: what a grading cannot be quicker than."""

from __future__ import annotations

from podlab import grading
from podlab.checks import Act
from podlab.grading import runs


def test_pauses_and_strict_waits_count_where_they_were_made() -> None:
    """A right answer to e06 sits out the late database; the pause for a shop that dies is left out."""
    acts = [
        Act("too-early", "wait", done=False),
        Act("started", "wait", done=True),
        Act("pause-2", "pause", done=True),
    ]

    assert runs.least_s(grading.find("e06"), 0, {"late": acts}) == 14 + 2


def test_a_strict_wait_that_was_reached_lasted_no_time() -> None:
    """Shop started at once, and died in the pause."""
    acts = [Act("too-early", "wait", done=True), Act("pause", "pause", done=True)]

    assert runs.least_s(grading.find("e06"), 0, {"late": acts}) == 4


def test_the_longest_run_counts_with_what_is_late_by_design() -> None:
    """The proxy of e15 listens after 19 s and its shop works for 4; a run that was not played counts for nothing."""
    exercise = grading.find("e15")

    assert runs.least_s(exercise, 0, {"early": [], "late": []}) == 23
    assert runs.least_s(exercise, 0, {"early": []}) == 0
