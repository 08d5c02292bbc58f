"""e36: whose fault it is that a start or a rollout was not over in time: the answer's, or that of a slow cluster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from podlab import grading

LOOKED_S = 200.0


class Rollout:
    """Two old Pods whose init container took a second, and the new one that did not take their place."""

    answered = ("old-1", "old-2", "new")

    def __init__(
        self, *, slower: float, init_s: float | None = 2.0, code: int | None = 0, shop_code: int = 0
    ) -> None:
        self.slower, self.init_s, self.code, self.shop_code = slower, init_s, code, shop_code

    def act(self, name: str) -> Any:
        return SimpleNamespace(at=90.0, output=["old-1", "old-2"] if name == "release" else self.slower)

    def reached(self, name: str) -> bool:
        return name != "rolled"

    def role(self, _name: str, _pod: str) -> str:
        return "app"

    def timeline(self, _pod: str) -> Any:
        lanes = [SimpleNamespace(name="migrate", role="init"), SimpleNamespace(name="shop", role="app")]
        return SimpleNamespace(lanes=lanes, zero=0.0, until=LOOKED_S)

    def exit_codes(self, name: str, pod: str) -> list[int | None]:
        return [self.code if (name, pod) == ("migrate", "new") else self.shop_code if name == "shop" else 0]

    def at(self, moment: str, pod: str) -> tuple[float, float] | None:
        took_s = self.init_s if pod == "new" else 1.0
        if moment == "migrate.end":
            return None if took_s is None else (100.0 + took_s, 100.0 + took_s)
        return (100.0, 100.0)


def judged(life: Any) -> list[bool | None]:
    """Return the two checks about the rollout."""
    exercise = grading.find("e36")
    case: Any = SimpleNamespace(life=lambda _name: life)
    return [exercise.judge(row, case).holds for row in exercise.checks if row.id in ("calls", "lines")]


def test_a_slow_cluster_that_did_not_finish_a_rollout_decides_nothing() -> None:
    """Right answers lost four points beside nine others, for nothing but the time that a third Pod took."""
    assert judged(Rollout(slower=2.0)) == [None, None]


@pytest.mark.parametrize(
    "life",
    [Rollout(slower=1.0), Rollout(slower=4.0, code=3), Rollout(slower=4.0, init_s=None)],
    ids=["the cluster was quick", "the new init container failed", "the new init container hangs"],
)
def test_a_rollout_that_the_answer_holds_up_costs_its_points(life: Rollout) -> None:
    """None of these is a matter of time."""
    assert judged(life) == [False, False]


def test_a_container_that_a_late_probe_ended_decides_nothing() -> None:
    """Probes are answered late on a busy node, and the kubelet ends what does not answer."""
    assert judged(Rollout(slower=4.0, code=137)) == [None, None]


class Start(Rollout):
    """Two Pods that did not become Ready from nothing in time."""

    answered = ("old-1", "new")

    @property
    def acts(self) -> list[Any]:
        return [SimpleNamespace(verb="wait", output=self.slower), SimpleNamespace(verb="start", output=None)]

    def reached(self, name: str) -> bool:
        return False

    def ran(self, _name: str, _pod: str) -> bool:
        return False

    def said(self, *_names: str, **_fields: Any) -> list[Any]:
        return []


@pytest.mark.parametrize(
    ("life", "holds"),
    [
        (Start(slower=3.0), None),
        (Start(slower=3.0, code=1), None),
        (Start(slower=1.0), False),
        (Start(slower=3.0, shop_code=1), False),
    ],
    ids=["a slow cluster", "an init container was tried again", "a quick cluster", "the shop failed"],
)
def test_pods_that_a_slow_cluster_did_not_get_ready_lose_nothing(life: Start, holds: bool | None) -> None:
    """At a load of 40 on two processors a right answer had 0 of 20: neither Pod was Ready after two minutes."""
    exercise = grading.find("e36")
    case: Any = SimpleNamespace(life=lambda _name: life)

    assert {exercise.judge(row, case).holds for row in exercise.checks} == {holds}
