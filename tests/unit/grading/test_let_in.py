"""e06: whether an answer waited is judged by when it let shop in, and not by when a late node started shop."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from podlab import grading
from podlab.checks import Life

PROBE = {"startupProbe": {"exec": {"command": ["nc", "-z", "db", "5432"]}}}
HOOK = {"lifecycle": {"postStart": {"exec": {"command": ["until-db"]}}}}


class Slow:
    """A life on a busy node: ``open`` ran from 1 s to 2 s, the database listens at 14 s, shop was started at 15 s."""

    before = Life.before

    def __init__(self, role: str, **more: Any) -> None:
        self.containers = [{"name": "open", **more}] if role != "app" else []
        self.roles = {"open": role, "shop": "app"}

    def latest(self) -> dict[str, Any]:
        return {"spec": {"initContainers": self.containers}}

    def role(self, name: str) -> str:
        return self.roles.get(name, "")

    def ran(self, _name: str) -> bool:
        return True

    def exit_codes(self, _name: str) -> list[int]:
        return []

    def said(self, _pod: str, **_wanted: Any) -> list[dict[str, Any]]:
        return [{"_at": 14.0}]

    def at(self, moment: str) -> tuple[float, float]:
        at = {"open.start": 1.0, "open.end": 2.0, "shop.start": 15.0}[moment]
        return at, at

    def timeline(self) -> Any:
        lanes = [SimpleNamespace(name=name, role=role, first_start=None) for name, role in self.roles.items()]
        return SimpleNamespace(lanes=lanes, lane=lambda _name: lanes[-1])


@pytest.mark.parametrize(
    ("life", "waited"),
    [
        (Slow("sidecar"), False),
        (Slow("init"), False),
        (Slow("sidecar", **PROBE), True),
        (Slow("sidecar", **HOOK), True),
    ],
    ids=["a sidecar", "an init container", "a sidecar with a startup probe", "a sidecar with a hook"],
)
def test_who_let_shop_in_before_the_database_answered_did_not_wait(life: Slow, waited: bool) -> None:
    exercise = grading.find("e06")
    row = next(each for each in exercise.checks if each.id == "late")
    case: Any = SimpleNamespace(life=lambda _name: life)

    assert exercise.judge(row, case).holds is waited
