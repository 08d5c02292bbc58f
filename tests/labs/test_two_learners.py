"""Two learners in the same lab on one cluster do not meet."""

from __future__ import annotations

from pathlib import Path

import pytest
from learners import NamespacesSeen, lab_pages, left_behind, side_by_side, space_of
from pages import code, read
from test_interrupted_learners import page_of

from podlab.drivers import Cluster

FIRST_COME = """\
import os, pathlib
shared = pathlib.Path(os.environ["SHARED"])
shared.mkdir()  # the second to come fails"""


@pytest.mark.timeout(0)
@pytest.mark.parametrize("page", lab_pages("two"), ids=lambda page: page.stem)
def test_two_learners_in_the_same_lab_do_not_meet(page: Path, cluster: Cluster, tmp_path: Path) -> None:
    """Each has a namespace of its own at the same time, and sees each cell print what it holds."""
    name, client = space_of(page), cluster.client()
    homes = [tmp_path / learner for learner in ("maria", "tim")]
    learners = [{"PODLAB_CLUSTER": cluster.name, "PODLAB_DATA": str(home)} for home in homes]
    with NamespacesSeen(client, {name, f"{name}-2"}) as seen:
        runs = side_by_side(page, *learners)
    cells = len(code(read(page)))

    for ended, passed, said in runs:
        assert (ended, passed) == (0, cells), said
    assert seen.together, "one ended before the other began: nothing was tried"
    assert left_behind(client) == []


def test_learners_who_meet_are_found(tmp_path: Path) -> None:
    """What both want to own, one of them does not get."""
    page = page_of(tmp_path / "planted.ipynb", FIRST_COME)
    environment = {"SHARED": str(tmp_path / "shared")}
    runs = side_by_side(page, environment, environment)

    assert sorted(ended for ended, _, _ in runs) == [0, 1], "\n".join(said for _, _, said in runs)
