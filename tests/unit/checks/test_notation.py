"""The language of order, as learners write it."""

import pytest

from podlab.checks import notation
from podlab.errors import CheckError


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a | b", "a|b"),
        ("a | (b c)", "a | (c b)"),
        ("a | (b, c) | d", " a | ( c b ) | d "),
        ("a", "(a)"),
        ("fetch -> Proxy → (Shop, shipper)", "fetch | proxy | (shop shipper)"),
    ],
)
def test_the_same_order_may_be_written_in_many_ways(one, other):
    assert notation.same(one, other)


@pytest.mark.parametrize(("one", "other"), [("a | b", "b | a"), ("a | (b c)", "a | b | c"), ("a", "b")])
def test_different_orders_differ(one, other):
    assert not notation.same(one, other)


@pytest.mark.parametrize("wrong", ["", "a |", "a b", "a | a", "a | (b", "ä", "a || b", "a | b;c"])
def test_what_is_no_order_is_refused_with_an_example(wrong):
    with pytest.raises(CheckError) as caught:
        notation.parse(wrong)

    assert "fetch | proxy | (shop shipper)" in str(caught.value.hint)


def test_showing_and_parsing_are_inverse():
    assert notation.show(notation.parse("a|(c b)|d")) == "a | (b c) | d"


def test_pairs_are_the_claims_of_an_order():
    assert notation.pairs(notation.parse("a | (b c)")) == {("a", "b"), ("a", "c")}
