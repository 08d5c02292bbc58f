"""The cases from the field, all on one embedded cluster; `run_cases.py` prints their figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from field_place import KUBECTL, Case
from run_cases import cases, running, tried

pytestmark = pytest.mark.embedded
ALL = cases()


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[str]]]:
    """All cases are tried, many at a time; those that want the node to themselves when the others have ended."""
    folder = tmp_path_factory.mktemp("field")
    with running(None) as cluster, ThreadPoolExecutor(8) as pool, ThreadPoolExecutor(1) as after:
        found = {one.name: pool.submit(tried, one, cluster, folder) for one in ALL if not one.alone}

        def when_all_have_ended(one: Case) -> str:
            for other in list(found.values()):
                other.result()
            return tried(one, cluster, folder)

        alone = {one.name: after.submit(when_all_have_ended, one) for one in ALL if one.alone}
        yield found | alone


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not KUBECTL, reason="no kubectl: podlab up --driver kind brings one")
@pytest.mark.parametrize("one", ALL, ids=[one.name.replace(" ", "-") for one in ALL])
def test_a_case_from_the_field_is_right(one: Case, trials: dict[str, Future[str]]) -> None:
    """Each in a namespace of its own; its name says what is right."""
    why = trials[one.name].result()
    assert not why, why


def test_there_are_reported_cases_and_siblings_of_every_kind() -> None:
    """Reports were rewritten as cases; each kind has siblings, and each sibling names a case that is there."""
    names = {one.name for one in ALL}
    assert all(one.sibling_of in {*names, ""} for one in ALL)
    for kind in {one.kind for one in ALL}:
        assert any(one.sibling_of for one in ALL if one.kind == kind), kind
