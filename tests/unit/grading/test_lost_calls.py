"""e36, e33: whose fault it is that a call is lost in a rollout: the answer's, or that of a cluster that was late."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from podlab import grading

DELETED_AT = 100.0
ANSWER = {
    "initContainers": [
        {"name": "proxy", "restartPolicy": "Always", "startupProbe": {}, "readinessProbe": {}}
    ],
    "containers": [{"name": "shop", "readinessProbe": {"periodSeconds": 1}}],
}


class Rollout:
    """The recorded rollout of one Pod, as the check asks about it."""

    def __init__(
        self,
        *,
        shop_told_at: float,
        call_failed_at: float,
        spec: dict[str, Any] = ANSWER,
        new_ready_at: float = 98.0,
    ) -> None:
        self.answered, self.spec, self.new_ready_at = ("old", "new"), spec, new_ready_at
        self.told, self.failed = {"at": shop_told_at}, {"at": call_failed_at, "outcome": "refused"}

    def act(self, _name: str) -> Any:
        return SimpleNamespace(at=90.0, output=["old"])

    def reached(self, name: str) -> bool:
        return not name.startswith("kill-")

    def role(self, name: str, _pod: str = "") -> str:
        return "sidecar" if name == "proxy" else "app"

    def said(self, pod: str, _container: str = "", **wanted: Any) -> list[dict[str, Any]]:
        return [self.failed] if wanted["event"] == "call" else [self.told]

    def at(self, moment: str, pod: str) -> tuple[float, float] | None:
        if moment == "pod.ready":
            ready_at = 10.0 if pod == "old" else self.new_ready_at
            return ready_at, ready_at + 0.1
        if moment == "pod.deletion":
            return (DELETED_AT, DELETED_AT + 1) if pod == "old" else None
        return self.told["at"] + 2, self.told["at"] + 3

    def timeline(self, _pod: str) -> Any:
        return SimpleNamespace(lanes=[SimpleNamespace(name="shop")])

    def exit_codes(self, _name: str, _pod: str) -> list[int]:
        return [0]

    def latest(self, _pod: str) -> dict[str, Any]:
        return {"spec": self.spec}


def calls(**seen: float | dict[str, Any]) -> bool | None:
    """Return what the check `calls` finds of a rollout in which two Pods were replaced and one call failed."""
    exercise = grading.find("e36")
    life: Any = Rollout(**seen)  # type: ignore[arg-type]
    life.act = lambda _name: SimpleNamespace(at=90.0, output=["old", "old"])
    row = next(each for each in exercise.checks if each.id == "calls")
    case: Any = SimpleNamespace(life=lambda _name: life)
    return exercise.judge(row, case).holds


def without(key: str, container: str) -> dict[str, Any]:
    """Return the answer's spec without a key of one container."""
    return {
        part: [{k: v for k, v in row.items() if (row["name"], k) != (container, key)} for row in rows]
        for part, rows in ANSWER.items()
    }


LOST = {
    "stopped at once": {"shop_told_at": 100.2, "call_failed_at": 101.5},
    "before the stop": {"shop_told_at": 105.1, "call_failed_at": 103.0},
    "after the end": {"shop_told_at": 105.1, "call_failed_at": 140.0},
    "shop is not probed": {
        "shop_told_at": 105.1,
        "call_failed_at": 106.5,
        "spec": without("readinessProbe", "shop"),
    },
    "nobody else is Ready": {"shop_told_at": 105.1, "call_failed_at": 106.5, "new_ready_at": 108.0},
}
NO_GATE = {"shop_told_at": 105.1, "call_failed_at": 106.5, "spec": without("startupProbe", "proxy")}


def test_a_call_that_comes_long_after_the_deletion_is_nobodys_loss() -> None:
    """The old shop served for five seconds more; a Service that still sends it calls is late."""
    assert calls(shop_told_at=105.1, call_failed_at=106.5) is None


@pytest.mark.parametrize("seen", [*LOST.values(), NO_GATE], ids=[*LOST, "proxy has no gate"])
def test_a_call_that_the_answer_lost_costs_its_points(seen: dict[str, Any]) -> None:
    """Each of these can be the answer's doing, whatever the cluster did."""
    assert calls(**seen) is False


def drained(**seen: float | dict[str, Any]) -> bool | None:
    """Return what the check ``rollout`` of e33 finds of such a rollout."""
    exercise = grading.find("e33")
    life: Any = Rollout(**seen)  # type: ignore[arg-type]
    steps = {
        "rollout": SimpleNamespace(at=90.0, output=["old"]),
        "deletion": SimpleNamespace(at=200.0, output=[]),
    }
    life.act = steps.__getitem__
    row = next(each for each in exercise.checks if each.id == "rollout")
    case: Any = SimpleNamespace(life=lambda: life)
    return exercise.judge(row, case).holds


def test_e33_leaves_a_rollout_open_in_which_the_cluster_was_late() -> None:
    """A call long after the deletion, to a shop that served on for five seconds."""
    assert drained(shop_told_at=105.1, call_failed_at=106.5) is None


@pytest.mark.parametrize("seen", LOST.values(), ids=LOST)
def test_e33_takes_points_for_a_call_that_the_answer_lost(seen: dict[str, Any]) -> None:
    """Each of these can be the answer's doing."""
    assert drained(**seen) is False
