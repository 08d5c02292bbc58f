"""The exercises on the pages are those of their folders, word for word."""

import copy
import json

import pytest
from pages import pages, read

from podlab import grading
from podlab.course.cells import is_of_an_exercise, with_exercises

PAGES = pages()
BY_HAND = "e00"  # page 00 teaches how to answer with it: starter, mistake, hint and right answer are its text


def of_page(page):
    return [
        each for each in map(grading.find, grading.ids()) if each.notebook == page.stem and each.id != BY_HAND
    ]


def faults(notebook, exercises):
    """Names of the cells that the tool would add, change, move or take away."""
    wanted = with_exercises(notebook, exercises)["cells"]
    there = {cell["id"]: (at, cell) for at, cell in enumerate(notebook["cells"])}
    due = {cell["id"]: (at, cell) for at, cell in enumerate(wanted)}
    return sorted(name for name in {*there, *due} if there.get(name) != due.get(name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_holds_its_exercises_as_their_folders_have_them(page):
    """``python notebooks/execute.py --exercises`` would change nothing."""
    found = faults(plain(read(page)), of_page(page))

    assert found == [], f"run python notebooks/execute.py --exercises: {found} differ from labs/exercises"


def test_every_exercise_is_on_the_page_that_it_names():
    """An exercise whose page is still to come is on no page; all others are on one."""
    stems = {page.stem for page in PAGES}
    shown = {cell.metadata["podlab"]["exercise"] for page in PAGES for cell in read(page).cells
             if is_of_an_exercise(cell)}  # fmt: skip
    named = {each.id for each in map(grading.find, grading.ids()) if each.notebook in stems}

    assert shown == named - {BY_HAND}


def plain(notebook):
    """As the file holds it: sources and texts as one text."""
    return json.loads(json.dumps(notebook))


@pytest.mark.parametrize(
    ("cell", "key", "value"),
    [
        ("e14-ask", "source", "another question"),
        ("e14-answer", "source", "%%exercise e14\nanother start"),
        ("e14-answer", "outputs", []),
    ],
)
def test_a_page_that_drifts_from_a_folder_is_found(cell, key, value):
    page = next(page for page in PAGES if page.stem == "03-sidecar-containers")
    notebook = copy.deepcopy(plain(read(page)))
    next(each for each in notebook["cells"] if each["id"] == cell)[key] = value

    assert faults(notebook, of_page(page)) == [cell]
