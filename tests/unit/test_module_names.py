"""Names of test modules: pytest imports them by their last name, so two of one name break a run of both."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_two_test_modules_have_the_same_name() -> None:
    """Two folders must not have a module of one name, or pytest refuses the second."""
    names = Counter(
        path.name for path in TESTS.rglob("*.py") if path.name not in ("conftest.py", "__init__.py")
    )

    assert [name for name, count in names.items() if count > 1] == []
