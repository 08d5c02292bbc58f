"""Every round asks before it answers, and its lines of kubectl were read from the server."""

import copy

import nbformat
import pytest
from kubectl_facts import kubectl_facts
from pages import FOLDER, pages, read
from rounds import (
    PAGES_WITH_ROUNDS,
    faults_of_lab_rounds,
    faults_of_rounds,
    predicted,
    rounds,
    without_kubectl,
)

from podlab import manifests
from podlab.lab import predictions

ROUNDS = [page for page in pages() if page.parent == FOLDER and page.name[:2] in PAGES_WITH_ROUNDS]
LABS = [page for page in pages() if page.parent != FOLDER]


@pytest.mark.parametrize("page", ROUNDS, ids=lambda page: page.stem)
def test_every_round_asks_for_a_prediction_and_folds_its_explanation(page):
    assert faults_of_rounds(read(page)) == []


@pytest.mark.parametrize("page", LABS, ids=lambda page: page.stem)
def test_every_prediction_of_a_lab_comes_before_the_facts_that_answer_it(page):
    assert faults_of_lab_rounds(read(page)) == []


@pytest.mark.parametrize("page", LABS, ids=lambda page: page.stem)
def test_every_round_of_a_lab_shows_the_same_with_kubectl(page):
    """Whoever learns podlab alone has learned nothing for the job."""
    assert without_kubectl(read(page)) == []


def test_every_round_of_the_list_of_labels_is_on_a_page():
    on_pages = {number for page in ROUNDS for number in rounds(read(page))}
    in_labs = {number for lab in LABS for number in predicted(read(lab))}

    assert on_pages | in_labs == set(predictions.rounds())


def replaced(old, new):
    def plant(notebook):
        at = next(cell for cell in notebook.cells if old in cell.source)
        at.source = at.source.replace(old, new, 1)

    return plant


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (replaced("%%predict 1.3\n", "%%predict 9.9\n"), "round 1.3: asks for no prediction"),
        (replaced("in tmp:\n", "in tmp: nothing\n"), "round 1.3: is shipped with an answer"),
        (replaced("in tmp:\n", "in temp:\n"), "round 1.3: asks for ['in temp', 'in vol'], rounds.toml says"),
        (replaced("<details>", "<div>"), "round 1.1: its explanation is not folded"),
        (replaced("</summary>\n\n", "</summary>\n"), "round 1.1: a fold lacks the blank lines"),
        (replaced("with kubectl", "by hand"), "round 1.1: no line shows the same with kubectl"),
        (
            replaced("https://kubernetes.io/", "https://example.org/"),
            "round 1.1: links to no page of Kubernetes",
        ),
    ],
)
def test_a_planted_fault_is_found(plant, fault):
    notebook = copy.deepcopy(read(ROUNDS[0]))
    plant(notebook)

    assert fault in "\n".join(faults_of_rounds(notebook))


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (replaced('facts("L1.1"', 'print("L1.1"'), "round L1.1: prints no facts"),
        (replaced("status:\n", "status: Running\n"), "round L1.1: is shipped with an answer"),
        (replaced("status:\n", "state:\n"), "round L1.1: asks for ['state', "),
        (replaced("# a STATUS; a number; yes or no\n", ""), "round L1.1: shows no form of an answer"),
        (lambda page: page.cells.insert(0, page.cells.pop(8)), "round L1.1: prints its facts before it asks"),
        (lambda page: page.cells[8].outputs.clear(), "round L1.1: no fact answers status, warnings"),
    ],
)
def test_a_fault_that_is_planted_in_a_lab_is_found(plant, fault):
    notebook = copy.deepcopy(read(LABS[0]))
    plant(notebook)

    assert fault in "\n".join(faults_of_lab_rounds(notebook))


def test_facts_about_kubectl_are_read_from_the_server():
    facts = [fact for page in pages() for fact in kubectl_facts(read(page))]

    assert len(facts) >= 8
    assert [name for name, of_server in facts if not of_server] == []


def test_a_fact_from_a_copy_of_the_rule_is_found():
    cells = [
        "words = run.status_sequence()",
        "lab.facts('1.7', one=words[-1], two=lab.status('two'), three=3)",
    ]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))

    assert kubectl_facts(notebook) == [("one", False), ("two", True)]


@pytest.mark.parametrize("path", sorted((FOLDER / "manifests").glob("*")), ids=lambda path: path.name)
def test_manifests_beside_the_pages_can_be_read(path):
    assert manifests.load(path.read_text(), source=path.name)
