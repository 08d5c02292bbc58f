"""A lab that was interrupted at any cell runs again from the top, as if nobody had been there."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from learners import OWN_TRY, begun, cut_off, cuts, held, lab_pages, left_behind, namespaces, space_of
from pages import by_commit, code, nbval, read

from podlab.drivers import Cluster
from podlab.lab.core import Lab

TRIPS = """\
import os, pathlib, time
left = pathlib.Path(os.environ["PODLAB_DATA"]) / "left"
{check}
left.touch()"""


@pytest.mark.timeout(0)  # as many cells as are asked for
@pytest.mark.parametrize("page", lab_pages("interrupted"), ids=lambda page: page.stem)
def test_a_lab_that_was_cut_off_runs_again_from_the_top(page: Path, cluster: Cluster, tmp_path: Path) -> None:
    """
    Its kernel is killed in the middle of a cell, then at a later one, and so on; then each cell prints what it holds.

    Cells are cut in rising order, so that each new start passes the cell where the last one ended. Most pages replace
    what they find by name, so they pass beside objects of an earlier run, too: hence the look at what the first cell
    left of those, and of some that the learner made beside the page.
    """
    environment = {"PODLAB_CLUSTER": cluster.name, "PODLAB_DATA": str(tmp_path)}
    client, space = cluster.client(), space_of(page)
    pause = by_commit(page.stem)
    for at in cuts(page):
        print(f"{page.stem}: cut off at code cell {at + 1}", flush=True)
        cut_off(page, at, pause, environment)
    if space not in namespaces(client):  # cut off before it had any
        with begun(page, environment):
            pass
    Lab(cluster, space, own=False).apply(OWN_TRY)
    before = held(client, space)
    with begun(page, environment):
        after = held(client, space)
    ended, passed, said = nbval(page, **environment)

    assert {"configmaps own-try", "deployments own-try"} <= set(before.values())
    assert [before[uid] for uid in before.keys() & after.keys()] == []
    assert (ended, passed) == (0, len(code(read(page)))), said
    assert left_behind(client) == []


def page_of(path: Path, *cells: str) -> Path:
    """Write a notebook of such code cells, executed and without outputs."""
    made = [nbformat.v4.new_code_cell(text, execution_count=number) for number, text in enumerate(cells, 1)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=kernel), path)
    return path


@pytest.mark.parametrize(("check", "held"), [("assert not left.exists()", 1), ("", 2)])
def test_a_page_that_trips_over_what_it_left_is_found(check: str, held: int, tmp_path: Path) -> None:
    """The kernel is dead before its cell ends, and what it had done until then stays."""
    page = page_of(tmp_path / "planted.ipynb", TRIPS.format(check=check), "time.sleep(0)")
    marks = page_of(tmp_path / "cut.ipynb", TRIPS.format(check=""), "while True: time.sleep(1)", "never")
    environment = {"PODLAB_DATA": str(tmp_path)}

    cut_off(marks, 1, by_commit(""), environment)
    ended, passed, said = nbval(page, **environment)

    assert (ended == 0, passed) == (held == 2, held), said
