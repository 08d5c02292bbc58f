"""Answer cells in a real IPython: what an empty one prints, and what is kept of an answer."""

from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from podlab import grading, lab, magics


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """A shell with the magics, and a lab that keeps predictions and has no cluster."""
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config, ipython_dir=str(tmp_path))
    magics.load_ipython_extension(made)
    monkeypatch.setenv("PODLAB_HOME", str(tmp_path))
    place = grading.Place(None, "lab", {})
    monkeypatch.setattr(
        lab, "_current", [SimpleNamespace(predictions={}, driver="embedded", place=lambda: place)]
    )
    return made


@pytest.mark.parametrize("cell", ["%%predict 1.1", "%%predict 1.1\n", "%%predict 1.1\n\n  \n"])
def test_an_entirely_empty_prediction_is_answered_and_not_an_error(shell, capsys, cell):
    """IPython itself refuses a cell magic without a body: UsageError."""
    assert shell.run_cell(cell).success
    assert capsys.readouterr().out.startswith("not answered yet: write your answer after each colon (answer,")


@pytest.mark.parametrize("cell", ["%%exercise e00", "%%exercise e00\n# a question\n"])
def test_an_entirely_empty_exercise_says_what_to_do(shell, capsys, cell):
    assert shell.run_cell(cell).success

    printed = capsys.readouterr().out
    assert "not answered yet" in printed
    assert "%hint e00" in printed


def test_an_answer_is_kept_and_shown_as_understood(shell, capsys):
    shell.run_cell("%%predict 2.1\nOrder: fetch -> (Shop, admin)\n")

    assert capsys.readouterr().out == "you say  order: fetch | (admin shop)\n"
    assert lab.current().predictions == {"2.1": {"order": "fetch -> (Shop, admin)"}}


def test_other_magics_and_plain_cells_are_left_alone():
    for lines in ([], ["%%manifest x\n"], ["x = 1\n"], ["%%predict 1.1\n", "answer: 200\n"]):
        assert magics.with_a_body(list(lines)) == lines


def test_each_run_of_an_exercise_has_one_growing_picture(monkeypatch):
    """One for each observation left hundreds of threads, and e36 without free file descriptors."""
    from types import SimpleNamespace

    from podlab import magics
    from podlab.grading import Place

    made = []
    monkeypatch.setattr(
        magics, "Picture", lambda *_, **__: made.append(1) or SimpleNamespace(see=lambda _: None)
    )
    growing = magics.RunLines(Place(client=None), SimpleNamespace(runs=("one", "two")))
    for run in ("one", "two", "one", "one"):
        growing.place.see(run, {})

    assert len(made) == 2


def test_a_debrief_is_read_as_plain_text_and_is_never_broken_inside_of_a_word():
    """An output that is too wide is broken by JupyterLab wherever the page ends."""
    long = "`shop` waits. " * 20 + "See [the page](https://example.org/" + "a" * 120 + ")."

    lines = magics.taken_along(long).splitlines()

    assert lines[0].startswith("To take along: shop waits.")
    assert max(len(line) for line in lines[:-1]) <= magics.WIDTH
    assert lines[-1] == "(https://example.org/" + "a" * 120 + ")."
