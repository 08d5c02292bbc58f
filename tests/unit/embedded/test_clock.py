"""The cluster's clock while somebody changes the machine's."""

from __future__ import annotations

import time

import pytest

from podlab.embedded.clock import STEP_NS, SteadyClock
from podlab.embedded.kubelet.pace import WallClock
from podlab.embedded.lifecycle.backoff import Backoff
from podlab.embedded.store import Store

DAY_NS = 86_400 * 10**9


def set_by(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Set the machine's clock forward, or back."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + days * DAY_NS)


def test_a_clock_that_is_set_back_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A back-off of ten seconds took two days and ten seconds, and a Pod was ready before it began."""
    clock, kubelet, store = SteadyClock(), WallClock(), Store()
    finished = kubelet.now()
    backoff = Backoff()
    backoff.advance("k", finished, finished)
    set_by(monkeypatch, -2)

    ends = backoff.ends_at("k", finished)
    assert ends is not None
    assert 0 < ends - kubelet.now() <= 10 * 10**9
    assert kubelet.now() >= finished
    assert clock.now_ns() >= finished - STEP_NS
    assert store.clock() * 1e9 >= finished - STEP_NS


def test_a_clock_that_is_set_forward_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteadyClock()
    before = clock.now_ns()
    set_by(monkeypatch, 1)
    assert clock.now_ns() - before >= DAY_NS - STEP_NS
