"""What pages state about versions holds on the cluster at hand; a fact that a version does not show is found."""

import copy
import json

import claims
import pytest
import upstream_answers
from by_version import AS_TAUGHT, DIFFERS, NOT_THERE, Row, facts, minor, stops, table
from nbformat.v4 import new_output
from pages import FOLDER, code, pages, read, tags

import podlab

STATING = [page for page in pages() if claims.claims(read(page))]
PAGE_01 = next(page for page in pages() if page.stem.startswith("01") and page.parent == FOLDER)


def test_pages_state_something_about_versions():
    """Were the tables written otherwise, nothing would be asked, and nothing would fail."""
    assert [page.stem[:2] for page in STATING] == ["01", "02", "03"]
    assert sum(len(claims.claims(read(page))) for page in STATING) == len(claims.QUESTIONS)


@pytest.mark.parametrize("page", STATING, ids=lambda page: page.stem)
def test_one_row_speaks_of_each_version(page):
    """No version is left out, none has two answers, and each column has a question to the server."""
    for claim in claims.claims(read(page)):
        assert claim.column in claims.QUESTIONS
        assert all(claim.of(number) for number in range(29, 39))


def test_words_for_versions():
    assert [claims.covers("up to 1.34", n) for n in (33, 34, 35)] == [True, True, False]
    assert [claims.covers("1.29 to 1.33", n) for n in (28, 29, 33, 34)] == [False, True, True, False]
    assert [claims.covers("1.34", n) for n in (33, 34, 35)] == [False, True, False]
    assert [claims.covers("from 1.35 on", n) for n in (34, 35, 40)] == [False, True, True]


def test_a_gap_and_an_overlap_are_found():
    with pytest.raises(LookupError):
        claims.Claim("x", {"up to 1.33": "a", "from 1.35 on": "b"}).of(34)
    with pytest.raises(LookupError):
        claims.Claim("x", {"up to 1.35": "a", "from 1.35 on": "b"}).of(35)


@pytest.mark.parametrize("page", STATING, ids=lambda page: page.stem)
def test_the_cluster_answers_as_the_tables_say(page, cluster):
    """The tables of 01, 02 and 03 on STATUS and on the restart policies of single containers."""
    with podlab.open(cluster, namespace="podlab-claims") as lab:
        answered = claims.answers(lab, read(page))
        version = lab.version

    said = {claim.column: claims.short(claim.of(minor(version))) for claim in claims.claims(read(page))}
    assert answered == said


def test_the_cluster_answers_as_the_document_says(cluster):
    """The rows of docs/platforms.md that no page has."""
    with podlab.open(cluster, namespace="podlab-claims") as lab:
        answered, version = claims.document_answers(lab), lab.version

    assert set(answered) == set(claims.ROWS)
    assert answered == {claim.column: claim.of(minor(version)) for claim in claims.document()}


def test_the_document_speaks_of_each_version_once():
    for claim in claims.document():
        assert all(claim.of(number) for number in range(34, 38))


@pytest.mark.parametrize("release", upstream_answers.releases())
@pytest.mark.parametrize("page", STATING, ids=lambda page: page.stem)
def test_upstreams_own_code_answers_as_the_tables_say(page, release):
    """The answers were made by the release's own code for creates and tables (see upstream_answers.py)."""
    answered = json.loads(upstream_answers.stored(release).read_text("utf-8"))

    for claim in claims.claims(read(page)):
        assert answered[claim.column] == claims.short(claim.of(minor(release))), claim.column


def test_upstream_was_asked_of_the_reference_and_of_the_newest_version():
    rows = upstream_answers.rows()
    newest = max(rows, key=minor)

    assert {"v1.36.3", newest} <= set(upstream_answers.releases()) <= set(rows)


def test_a_page_holds_its_facts():
    found = facts(read(PAGE_01))

    assert found["1.7 phases"] == "Failed, Failed"
    assert found["1.3 in tmp"] == "nothing"


def row(shown):
    return Row("01: 1.7 phases", {"v1.35.4": "Failed, Failed"}, {"v1.35.4": shown})


def test_a_planted_difference_is_printed():
    assert row("Failed, Failed").verdicts() == {"v1.35.4": AS_TAUGHT}
    assert row("Failed, Running").verdicts() == {"v1.35.4": DIFFERS}
    assert row(None).verdicts() == {"v1.35.4": NOT_THERE}
    assert table([row("Failed, Failed")], ["v1.35.4"])[1:] == []
    assert "shown 'Failed, Running'" in "\n".join(table([row("Failed, Running")], ["v1.35.4"]))


def test_a_cell_that_raised_is_named_and_its_facts_are_not_there():
    notebook = copy.deepcopy(read(PAGE_01))
    cell = next(c for c in code(notebook) if '"1.3"' in c.source and "nbval-check-output" in tags(c))
    cell.outputs = [new_output("error", ename="NotFoundError", evalue="no Pod files\n  try: again")]

    assert not [key for key in facts(notebook) if key.startswith("1.3")]
    assert stops(notebook) == [f"cell {cell.id}: NotFoundError: no Pod files"]
