"""Facts, as notebooks print and compare them."""

import pytest

from podlab.lab import factsheet
from podlab.timeline import Inference


def test_a_prediction_stands_beside_its_fact_and_the_last_line_counts():
    predicted = {"order": "a | (b c)", "restarts": "2", "phase": "running"}
    lines = factsheet.lines(
        {"order": "a | (c b)", "restarts": 3, "phase": "Running", "other": True}, predicted
    )

    assert lines == [
        "order     a | (c b)   you said a | (b c): right",
        "restarts  3   you said 2: wrong",
        "phase     Running   you said running: right",
        "other     yes",
        "your predictions that held: 2 of 3",
    ]


def test_without_a_prediction_nothing_is_counted():
    assert factsheet.lines({"phase": "Running"}, {}) == ["phase  Running"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "yes"),
        (None, "unknown"),
        ([], "nothing"),
        ({"b", "a"}, "a, b"),
        (["Failed", False], "Failed, no"),
        (Inference(None, "cannot tell"), "unknown"),
        (Inference(True, "a before b"), "yes"),
        (0, "0"),
    ],
)
def test_values_are_said_in_words(value, words):
    assert factsheet.plain(value) == words
