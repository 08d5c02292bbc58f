"""A wait of a lab gives a cluster that starts Pods slowly more time, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.errors import WaitTimeoutError
from podlab.lab.inspecting import Inspecting


def pod(seconds: int) -> dict[str, Any]:
    """A Pod whose first process started so long after its creation."""
    state = {"running": {"startedAt": f"2026-01-01T00:00:{seconds:02}Z"}}
    return {
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "web"}]},
        "status": {"containerStatuses": [{"name": "web", "restartCount": 0, "state": state}]},
    }


class Namespace(Inspecting):
    """As much of a lab as ``wait`` uses."""

    namespace = "lab"

    def __init__(self, starts_after_s: int) -> None:
        self.pods, self.asked = [pod(starts_after_s)], 0

    def get(self, kind: str, name: str | None = None) -> dict[str, Any]:
        return {"items": self.pods}

    def _suspect(self, error: WaitTimeoutError) -> None:
        """No Pod is named here."""

    def asks(self) -> bool:
        self.asked += 1
        return False


def asked_until_the_deadline(starts_after_s: int) -> tuple[int, str]:
    """Return how often the question was put, and the message."""
    lab = Namespace(starts_after_s)
    with pytest.raises(WaitTimeoutError) as error:
        lab.wait(lab.asks, "it is not there", deadline_s=10.0)
    return lab.asked, error.value.summary


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a pause alone."""
    from podlab.client import waiting

    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(waiting.time, "sleep", sleep)


def test_a_usual_cluster_has_the_deadline_that_was_given() -> None:
    assert asked_until_the_deadline(4)[1] == "it is not there (waited 10 s)"


def test_a_cluster_three_times_as_slow_has_three_times_as_long() -> None:
    usual, slow = asked_until_the_deadline(4)[0], asked_until_the_deadline(12)[0]

    assert slow == pytest.approx(3 * usual, rel=0.1)
    assert asked_until_the_deadline(12)[1] == "it is not there (waited 30 s)"


def test_no_cluster_has_more_than_four_times_as_long() -> None:
    assert asked_until_the_deadline(59)[1] == "it is not there (waited 40 s)"
