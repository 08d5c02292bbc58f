"""Strict nbval of every page on a real cluster: what is printed now is what is stored, except where a cell says so."""

import nbformat
import pytest
from pages import faults_of_run, nbval, pages_to_run

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", pages_to_run(), ids=lambda page: page.stem)
def test_a_page_prints_what_it_holds(page, cluster, tmp_path):
    """Every code cell is run and compared, by somebody without progress; a missing cell is a fault too."""
    code, passed, said = nbval(page, PODLAB_CLUSTER=cluster, PODLAB_DATA=str(tmp_path))
    cells = sum(cell.cell_type == "code" for cell in nbformat.read(page, as_version=4).cells)

    assert (code, passed) == (0, cells), said


def page_of(path, cells):
    """Write a notebook whose cells print one thing and hold another."""
    made = []
    for prints, holds in cells:
        cell = nbformat.v4.new_code_cell(f"print({prints!r})", execution_count=len(made) + 1)
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=holds + "\n")]
        made.append(cell)
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=PYTHON), path)
    return path


def test_a_planted_wrong_fact_fails(tmp_path):
    """The comparison is strict: a fact that differs from the stored one, or is not stored, is a failure."""
    fact = "order  a | b"
    code, passed, said = nbval(
        page_of(tmp_path / "planted.ipynb", [(fact, fact), (fact, "order  b | a"), (fact, f"{fact}, twice")])
    )

    assert (code, passed) == (1, 1), said
    assert "2 failed" in said
    assert [number for number, _ in faults_of_run(said)] == [1, 2]
    assert "+ order  b | a" in faults_of_run(said)[0][1]


def test_names_uids_addresses_ages_and_times_are_not_compared(tmp_path):
    """What differs from run to run is replaced on both sides; what means something is not."""
    now = "pod 0b1e2d3c-aaaa-bbbb-cccc-0123456789ab at 10.244.0.9 2026-01-02T03:04:05Z v1.36.3 after 12 s, job-x7x5z"
    then = "pod 9b1e2d3c-aaaa-bbbb-cccc-0123456789ab at 10.1.0.255 2025-12-31T23:59:59.1Z v1.34.4 after 3 s, job-qzb2k"
    code, passed, said = nbval(
        page_of(tmp_path / "names.ipynb", [(now, then), (now, then.replace("pod", "job"))])
    )

    assert (code, passed) == (1, 1), said
