"""Every page was run from top to bottom, holds what it printed, and keeps to the form of the course."""

import copy

import pytest
from nbformat.v4 import new_output
from pages import broken_links, code, faults_of_execution, faults_of_form, pages, read, tags

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_cell_was_run_in_order_and_kept_its_output(page):
    assert faults_of_execution(read(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_keeps_to_the_form(page):
    assert faults_of_form(page.name, read(page), page.parent) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_pages_that_exist(page):
    assert broken_links(read(page), page.parent) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_most_rounds_check_facts(page):
    checked = [
        cell for cell in code(read(page)) if "nbval-check-output" in tags(cell) and "facts(" in cell.source
    ]

    assert len(checked) >= 3


def first(notebook, tag):
    return next(cell for cell in code(notebook) if tag in tags(cell))


def cleared(notebook):
    for cell in code(notebook):
        cell.outputs, cell.execution_count = [], None


def out_of_order(notebook):
    cells = code(notebook)
    cells[0].execution_count, cells[1].execution_count = cells[1].execution_count, cells[0].execution_count


def without_output(notebook):
    first(notebook, "nbval-check-output").outputs = []


def with_an_error(notebook):
    cell = first(notebook, "nbval-check-output")
    cell.outputs = [new_output("error", ename="E", evalue="v")]


def error_lost(notebook):
    first(notebook, "raises-exception").outputs = []


@pytest.mark.parametrize(
    ("number", "plant"),
    [(0, cleared), (0, out_of_order), (0, without_output), (0, with_an_error), (2, error_lost)],
)
def test_a_planted_fault_is_found(number, plant):
    """nbval itself passes a page whose outputs were cleared, and a cell that no longer raises."""
    notebook = copy.deepcopy(read(PAGES[number]))
    plant(notebook)

    assert faults_of_execution(notebook)


def test_a_path_of_one_machine_is_found():
    notebook = copy.deepcopy(read(PAGES[0]))
    code(notebook)[0].outputs.append(new_output("stream", text="/root/.cache"))

    assert "path" in str(faults_of_form(PAGES[0].name, notebook))
