"""Predictions: read as people write them, and compared with facts."""

import pytest

from podlab.errors import CheckError
from podlab.lab import factsheet, predictions


def agrees(said, value):
    return predictions.agrees(said, value, factsheet.plain(value))


def test_an_unanswered_cell_says_what_to_do():
    answers = predictions.read("# which one fails?\nanswer:\naddresses:   # a number\n")

    assert answers == {}
    assert predictions.describe("1.1", answers) == (
        "not answered yet: write your answer after each colon (answer, addresses), then run this cell again"
    )


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("200 (a page)", 200),
        ("  Refused. ", "refused"),
        ("pending yes", ["Pending", True]),
        ("Pending, yes.", ["Pending", True]),
        ("Pending,Y", ["Pending", True]),
        ("Pending -> Running", ["Pending", "Running"]),
        ("pending → running", ["Pending", "Running"]),
        ("2 times", 2),
        ("twice", 2),
        ("121", "121.00"),
        ("121.0", "121.00"),
        ("0.5", "0.50"),
        ("100", "100.00"),
        ("once", [1, 1]),
        ("1", [1, 1]),
        ("none", []),
        ("none", 0),
        ("never", 0),
        ("0 times", 0),
        ("five", 5),
        ("b and a", {"a", "b"}),
        ("Fetch -> proxy -> (Shipper, shop)", "fetch | proxy | (shop shipper)"),
        ("fetch|proxy|( shop shipper )", "fetch | proxy | (shop shipper)"),
        ("( Shipper shop )", "(shop shipper)"),
    ],
)
def test_case_blanks_commas_arrows_and_remarks_do_not_count(said, value):
    assert agrees(said, value)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("Pending, no", ["Pending", True]),
        ("Running -> Pending", ["Pending", "Running"]),
        ("shop -> shipper", "(shop shipper)"),
        ("shop shipper", "(shop shipper)"),
        ("(shop shipper)", "shop | shipper"),
        ("fetch shop", "fetch | shop"),
        ("2000", 200),
        ("121", "121.10"),
        ("1234568", 1234567),
        ("10", 100),
        ("1", [1, 2]),
        ("1", ["1", "1 1"]),
        ("1/2", "1/1"),
        ("", "refused"),
        ("(yes)", False),
        ("none", 1),
        ("one", 0),
        ("", 0),
        ("no, 1", 0),
    ],
)
def test_another_meaning_is_not_the_same(said, value):
    assert not agrees(said, value)


def test_a_misspelt_label_is_named_with_the_one_that_was_meant():
    printed = predictions.describe("1.1", predictions.read("answer: 200\nadresses: 1\n"))

    assert printed.splitlines() == [
        "you say  answer: 200",
        "you say  adresses: 1",
        "round 1.1 does not ask for 'adresses': did you mean 'addresses'?",
        "still open: addresses",
    ]


def test_a_label_like_no_other_is_answered_with_the_list():
    assert "it asks for: answer, addresses" in predictions.describe("1.1", {"colour": "red"})


def test_a_round_outside_of_the_course_takes_any_label():
    assert predictions.describe("my round", {"colour": "red"}) == "you say  colour: red"


def test_labels_may_be_written_with_capitals_hyphens_and_underscores():
    assert predictions.read("Older-Always: no\nown_files: kept") == {
        "older always": "no",
        "own files": "kept",
    }


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("order: a | b\nhello\n", "cannot read line 2"),
        ("order: a | b\nOrder: b | a\n", "line 2 answers 'order' a second time"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text, summary):
    with pytest.raises(CheckError, match=summary):
        predictions.read(text)


def test_an_order_is_drawn_as_it_was_understood_or_with_its_fault():
    assert predictions.describe("x", {"order": "A -> (c, b)"}) == "you say  order: a | (b c)"
    assert "has neither bars nor brackets" in predictions.describe("x", {"order": "a | b c"})


@pytest.mark.parametrize(
    ("answers", "pod", "found"),
    [
        ({"order": "a | b"}, "any", ("a | b", "")),
        ({"older": "(a b)", "sidecar": "b | a"}, "sidecar", ("b | a", "")),
        ({"stop": "a | b", "files at the end of the shop": "both"}, "any", ("", "a | b")),
        ({"from the ends": "a | b"}, "any", ("", "a | b")),
        ({"order": "a |", "phase": "Pending"}, "any", ("", "")),
        ({}, "any", ("", "")),
    ],
)
def test_what_a_prediction_lays_over_a_picture(answers, pod, found):
    """Orders alone: of all Pods, or of the one that is the label; what cannot be read is left out."""
    assert predictions.orders(answers, pod) == found
