"""The clusters that exercises are proved on, and which answers on which."""

from __future__ import annotations

import pytest
from answers_chosen import chosen, key
from clusters import cluster  # noqa: F401  (a fixture)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not in this commit's sample; pytest counts them as deselected."""
    wanted = {driver: {key(sample) for sample in chosen(driver)} for driver in ("embedded", "kind")}
    left_out = [item for item in items if _name(item) not in wanted.get(_driver(item), {_name(item)})]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _driver(item: pytest.Item) -> str:
    return str(item.callspec.params.get("cluster")) if hasattr(item, "callspec") else ""


def _name(item: pytest.Item) -> str:
    return str(item.callspec.params.get("name")) if hasattr(item, "callspec") else ""
