"""The corpus of attacks on the API server, tried on one cluster: each is held, and each one's twin is a breach."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from api_attacks import Attack, attacks, try_all
from api_range import api_range

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(900)]
ATTACKS = attacks()


@pytest.fixture(scope="module")
def tried() -> Iterator[dict[str, Future[str]]]:
    """
    What each attack and each twin came to.

    Many at a time; the floods, whose cost to the daemon is measured, one after another.
    """
    with api_range() as found:
        yield try_all(found)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_an_attack_on_the_api_is_held(attack: Attack, tried: dict[str, Future[str]]) -> None:
    """Nothing was given, done or left, and the daemon went on as before."""
    assert tried[attack.id].result() == "", attack.tries


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_the_probe_sees_success_where_it_is_right(attack: Attack, tried: dict[str, Future[str]]) -> None:
    """The planted twin."""
    assert tried[f"twin-{attack.id}"].result() != "", f"the twin of {attack.id}"
