"""A small class: an assignment of two exercises, three students, and notebooks as they were released."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from assignment_class import BLUEPRINT

from podlab.assignments import blueprint, release
from podlab.assignments.blueprint import Blueprint


@pytest.fixture
def plan(tmp_path: Path) -> Blueprint:
    """The blueprint."""
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "assignment.toml").write_text(BLUEPRINT)
    return blueprint.read(tmp_path / "plan")


@pytest.fixture
def notebook(plan: Blueprint) -> Callable[..., dict[str, Any]]:
    """Make ada's notebook with these answers in it."""

    def make(**answers: str) -> dict[str, Any]:
        made = json.loads(json.dumps(release.notebook(plan, plan.parts("ada"), "ada")))
        for cell in made["cells"]:
            name = cell["metadata"].get("podlab", {}).get("exercise")
            if cell["cell_type"] == "code" and name in answers:
                cell["source"] = f"%%exercise {name}\n{answers[name]}"
        return dict(made)

    return make
