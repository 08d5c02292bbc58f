"""The rule for writes of controllers: they create and delete through the API, and change through the store."""

from __future__ import annotations

import ast
from pathlib import Path

from podlab.embedded import controllers

FOLDER = Path(controllers.__file__).parent
ENDS = {"namespaces.py": 1, "garbage.py": 1}
"""Deletions that follow no request: the end of an empty namespace, and of an Event after its time to live."""


def store_calls(source: str, *methods: str) -> int:
    """Count the calls ``….store.METHOD(…)`` and ``store.METHOD(…)``."""
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    found = (f for f in calls if isinstance(f, ast.Attribute) and f.attr in methods)
    return sum(ast.unparse(f.value).rpartition(".")[2] == "store" for f in found)


def test_controllers_create_and_delete_through_the_api() -> None:
    """An object that the store alone made would not be admitted; one that it alone removed would not be finalized."""
    modules = sorted(FOLDER.glob("*.py"))
    assert len(modules) > 20

    direct = {path.name: store_calls(path.read_text("utf-8"), "create", "delete") for path in modules}

    assert {name: count for name, count in direct.items() if count} == ENDS


def test_a_write_past_the_api_is_found() -> None:
    """A planted fault."""
    assert (
        store_calls("self._context.store.create('pods', pod)\nstore.delete('pods', a, b)", "create", "delete")
        == 2
    )
