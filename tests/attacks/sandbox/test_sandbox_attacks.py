"""The corpus of attacks on the sandbox, tried on one cluster: each is held, and each one's twin is a breach."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sandbox_attacks import Attack, attacks
from sandbox_range import SandboxRange, sandbox_range

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(600)]
NOT_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="users are real only where root starts the cluster")
ROWS = [pytest.param(one, id=one.id, marks=NOT_ROOT if one.needs_root else ()) for one in attacks()]


@pytest.fixture(scope="module")
def tried() -> Iterator[SandboxRange]:
    """A range on which all attacks were tried, many at a time."""
    with sandbox_range() as found:
        found.try_all(one for one in attacks() if not one.needs_root or os.geteuid() == 0)
        yield found


@pytest.mark.parametrize("attack", ROWS)
def test_an_attack_on_the_sandbox_is_held(attack: Attack, tried: SandboxRange) -> None:
    """Nothing of the machine or of a neighbour was reached."""
    outcome = tried.outcome(attack)
    assert outcome.held, f"{attack.tries}: {outcome}"


@pytest.mark.parametrize("attack", ROWS)
def test_the_probe_sees_success_where_the_protection_is_missing(attack: Attack, tried: SandboxRange) -> None:
    """The planted twin."""
    outcome = tried.outcome(attack, twin=True)
    assert not outcome.held, f"the twin of {attack.id} ({attack.twin.where}): {outcome}"
