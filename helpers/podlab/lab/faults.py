"""The effect of a fault on a Pod and on its customer: who was restarted, and whether calls were lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podlab.lab.core import Lab

STEADY_CALLS = 20  # so many good calls in a row: the fault is over


@dataclass(frozen=True, repr=False)
class Effect:
    """
    The effect of one fault; prints as ``proxy, yes`` among facts: who was restarted, were calls lost.

    Attributes:
        restarted: Names of the containers whose restart count grew.
        calls: Calls that the customer made from the fault until it was over.
        lost: How many of them had another outcome than ``ok``.
    """

    restarted: frozenset[str]
    calls: int
    lost: int

    def __str__(self) -> str:
        return f"{' '.join(sorted(self.restarted)) or 'nobody'}, {'yes' if self.lost else 'no'}"

    def __repr__(self) -> str:
        return f"restarted: {' '.join(sorted(self.restarted)) or 'nobody'}; calls lost: {self.lost} of {self.calls}"


def calls(lab: Lab, customer: str) -> list[str]:
    """Return the outcomes of the calls that the Pod *customer* (``podlab-app caller``) has made, oldest first."""
    return [str(line["outcome"]) for line in lab.lines(customer, event="call")]


def provoke(
    lab: Lab,
    pod: str,
    act: Callable[[], object],
    *,
    until: Callable[[], bool],
    customer: str = "customer",
    deadline_s: float = 120,
) -> Effect:
    """
    Provoke a fault and return its effect on *pod* and *customer*, from the fault until calls are good again.

    Args:
        lab: Where both Pods are.
        pod: Whose restart counts are compared.
        act: Provokes the fault.
        until: Says that the fault was felt and mended, such as: restarted, and Ready again.
        customer: A Pod that runs ``podlab-app caller``.
        deadline_s: For *until*, and then for the calls to be good again.

    Raises:
        WaitTimeoutError: One of the two deadlines passed.
    """
    before, asked = lab.restarts(pod), len(calls(lab, customer))
    act()
    lab.wait(until, "the effect of the fault was not seen", deadline_s=deadline_s)
    over = len(calls(lab, customer))
    lab.wait(lambda: _steady(calls(lab, customer)[over:]), "calls are not good again", deadline_s=deadline_s)
    after, outcomes = lab.restarts(pod), calls(lab, customer)[asked:]
    grown = frozenset(name for name, count in after.items() if count > before.get(name, 0))
    return Effect(grown, len(outcomes), sum(outcome != "ok" for outcome in outcomes))


def _steady(outcomes: list[str]) -> bool:
    return outcomes[-STEADY_CALLS:] == ["ok"] * STEADY_CALLS
