"""
Orders as checks compare them: ``podlab.orders``, with steps as sets, because no order is promised inside of brackets.
"""

from __future__ import annotations

from podlab import orders
from podlab.errors import CheckError

Steps = tuple[frozenset[str], ...]


def parse(text: str) -> Steps:
    """
    Return the steps of *text*, each the set of names that start in it.

    Raises:
        CheckError: The text cannot be read as an order.
    """
    try:
        return tuple(frozenset(step) for step in orders.parse(text))
    except orders.OrderError as error:
        raise CheckError(
            f"cannot read this order: {text.strip()}", cause=error.summary, hint=orders.EXAMPLE
        ) from None


def show(steps: Steps) -> str:
    """Return *steps* in the notation, names of a bracket sorted."""
    return orders.show(sorted(step) for step in steps)


def same(left: str, right: str) -> bool:
    """Return whether two texts mean the same order, whatever the order inside of brackets."""
    return parse(left) == parse(right)


def pairs(steps: Steps) -> set[tuple[str, str]]:
    """Return every claim of *steps*: ``(a, b)`` for "a before b"."""
    return set(orders.pairs(steps))
