"""Answers that are refused before anything runs. ``PODLAB_VARIANTS=2000`` tries that many seeded variants."""

from __future__ import annotations

import os

import pytest
from attack_corpus import Attack, attacks, right, variants

from podlab.grading import Place, grade

NOWHERE = Place(client=None)
REFUSED = [attack for attack in attacks() if attack.refused]


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.id)
def test_an_attack_is_refused_with_a_reason(attack: Attack) -> None:
    """No cluster is asked: there is none here. The reply is short and holds no traceback."""
    report = grade(attack.exercise, attack.text, NOWHERE)

    assert (report.state, report.score) == ("refused", 0), str(report)
    assert len(str(report)) < 4_000
    assert "Traceback" not in str(report)


def test_an_honest_answer_is_not_refused() -> None:
    """The planted twin of all of them: the same exercise, without the attack, gets as far as the cluster."""
    assert grade("e14", right("e14"), NOWHERE).state == "not gradable"


def test_variants_of_attacks_are_refused_too() -> None:
    """What does not matter to an attack is changed by a seed."""
    count = int(os.environ.get("PODLAB_VARIANTS", "200"))
    passed = [a.id for a in variants(count, seed=1) if grade(a.exercise, a.text, NOWHERE).state != "refused"]

    assert passed == []
