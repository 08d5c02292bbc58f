"""What the reply to a wrong order counts."""

from __future__ import annotations

import pytest

from podlab.checks import notation
from podlab.grading.bank.e00 import _differences


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("fetch | app | shipper", "1 pair the wrong way round"),
        ("app | fetch | shipper", "2 pairs the wrong way round"),
        ("fetch | (app shipper)", "1 pair whose order is missing"),
    ],
)
def test_two_names_that_are_exchanged_are_one_pair(said: str, found: str) -> None:
    """A claim that is turned round is not one too many and one missing."""
    truth = notation.pairs(notation.parse("fetch | shipper | app"))

    assert _differences(notation.pairs(notation.parse(said)), truth) == found


def test_an_order_that_nothing_promises_is_one_too_many() -> None:
    """App containers start in no order."""
    truth = notation.pairs(notation.parse("fetch | (app shipper)"))
    said = notation.pairs(notation.parse("fetch | app | shipper"))

    assert _differences(said, truth) == "1 pair in an order that nothing promises"
