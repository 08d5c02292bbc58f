"""Predictions and facts, as notebooks print and compare them."""

import pytest

from podlab.errors import CheckError
from podlab.lab import facts
from podlab.timeline import Answer


def test_an_empty_prediction_is_not_answered_yet():
    answers = facts.read("# which one fails?\nadmin exit code:\nphase:   # Pending, Running, Failed\n")

    assert answers == {}
    assert facts.describe(answers) == "not answered yet"


def test_a_prediction_stands_beside_its_fact():
    predicted = facts.read("order: a | (b c)\nrestarts: 2\nphase: running\n")
    lines = facts.lines({"order": "a | (c b)", "restarts": 3, "phase": "Running", "other": True}, predicted)

    assert lines == [
        "order     a | (c b)   you said a | (b c): right",
        "restarts  3   you said 2: not so",
        "phase     Running   you said running: right",
        "other     yes",
    ]


@pytest.mark.parametrize("said", ["pending yes", "Pending, yes.", "Pending,y"])
def test_commas_stops_and_short_words_are_not_what_was_asked(said):
    """``always: Pending yes`` is right where the fact is printed as ``Pending, yes``."""
    assert facts.agrees(said, ["Pending", True])
    assert not facts.agrees(said, ["Pending", False])


def test_a_line_that_is_no_prediction_is_named():
    with pytest.raises(CheckError, match="line 2"):
        facts.read("order: a | b\nhello\n")


def test_an_order_with_a_fault_is_drawn_with_the_fault():
    assert "in brackets" in facts.describe({"order": "a | b c"})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "yes"),
        (None, "unknown"),
        ([], "nothing"),
        ({"b", "a"}, "a, b"),
        (["Failed", False], "Failed, no"),
        (Answer(None, "cannot tell"), "unknown"),
        (Answer(True, "a before b"), "yes"),
        (0, "0"),
    ],
)
def test_values_are_said_in_words(value, words):
    assert facts.plain(value) == words
