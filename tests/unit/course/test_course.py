"""The learner's edition: what it holds, what it never holds, and what a learner keeps."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from podlab.checks.verdict import Report, Verdict
from podlab.course import build, cells, progress, write
from podlab.course.edition import Edition, without_hidden, without_outputs
from podlab.errors import PodlabError
from podlab.grading import Place, find, grade, ids, scaffold
from podlab.grading.prove import samples

NOWHERE = Place(client=None)
SHOWN = {"e00"}  # notebook 00 shows a right answer of e00 on purpose: it teaches how to answer


@pytest.fixture(scope="module")
def edition() -> Edition:
    """The edition that learners get."""
    return build()


def body(text: str) -> str:
    """A text without its comments and blanks, as it would be copied."""
    lines = (line.split("#", 1)[0].rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line.strip())


def test_no_answer_is_in_any_file(edition: Edition) -> None:
    """Right answers, mistakes and shortcuts are not there, neither as files nor inside of one."""
    texts = {name: body(data.decode("utf-8", "replace")) for name, data in edition.files.items()}
    secret = {
        f"{name}/{sample.kind}/{sample.name}": body(sample.text)
        for name in ids()
        if name not in SHOWN
        for sample in samples(find(name))
        if sample.kind == "right" and len(body(sample.text)) > 40
    }

    assert not [name for name in edition.files if "/answers/" in name or name.endswith("key.toml")]
    assert not [
        (file, name) for file, text in texts.items() for name, answer in secret.items() if answer in text
    ]


def test_an_answer_that_were_left_in_a_file_would_be_seen(edition: Edition) -> None:
    """The test above can fail."""
    answer = next(sample for sample in samples(find("e14")) if sample.kind == "right")
    files = {**edition.files, "notebooks/x.md": b"text\n" + body(answer.text).encode() + b"\nmore"}

    with pytest.raises(AssertionError):
        test_no_answer_is_in_any_file(Edition(files))


def test_notebooks_have_no_outputs(edition: Edition) -> None:
    """A prediction is written before its result can be seen."""
    notebooks = {name: json.loads(data) for name, data in edition.files.items() if name.endswith(".ipynb")}

    assert len(notebooks) >= 5
    for notebook in notebooks.values():
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_every_folder_that_a_lab_reads_travels(edition: Edition) -> None:
    """Lab 08 shows parts of meshes from files in ``exhibits``: without them it stops at its first round."""
    labs = Path(__file__).parents[3] / "labs"
    read = {
        (path.parent.name, folder)
        for path in labs.glob("[0-9][0-9]-*/*.ipynb")
        for folder in re.findall(r"([a-z]+)/[\w{}-]+\.ya?ml", path.read_text("utf-8"))
        if (path.parent / folder).is_dir()
    }

    assert ("08-service-mesh", "exhibits") in read
    for lab, folder in read:
        assert any(name.startswith(f"labs/{lab}/{folder}/") for name in edition.files), (lab, folder)


def test_the_edition_as_shipped_scores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every starter is graded from the edition's own folders, and earns 0."""
    write(build(), tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")

    for name in ids():
        exercise = find(name)
        assert exercise.folder.is_relative_to(tmp_path)
        if exercise.answer == "manifest" or not exercise.starter.strip():
            assert grade(name, exercise.shown()[1] or "#", NOWHERE).score == 0, name


def test_hidden_checks_do_not_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their words nor checks.py."""
    (tmp_path / "labs/exercises").mkdir(parents=True)
    monkeypatch.setenv("PODLAB_COURSE", str(tmp_path))
    folder = scaffold.make("e97-new-one")
    file = folder / "exercise.toml"
    more = '\n[[checks]]\nid = "secret"\ntext = "a hidden thing"\npoints = 1\nvisible = false\n'
    file.write_text(file.read_text().replace("points = 1\nminutes", "points = 2\nminutes") + more)

    text = without_hidden(file.read_text(), find("e97"))

    assert "hidden thing" not in text
    assert 'id = "ended"' in text


def test_a_second_write_keeps_what_the_learner_changed(tmp_path: Path) -> None:
    """An untouched page is renewed, a changed one stays and the newer page is put beside it."""
    folder = tmp_path / "course"
    write(Edition({"a.ipynb": b"1", "b.ipynb": b"1", "c.ipynb": b"1"}), folder)
    (folder / "b.ipynb").write_bytes(b"mine")
    (folder / "c.ipynb").unlink()

    done = write(Edition({"a.ipynb": b"2", "b.ipynb": b"2", "c.ipynb": b"2", "d.ipynb": b"2"}), folder)

    found = {path.name: path.read_bytes() for path in folder.glob("*.ipynb")}
    assert found == {"a.ipynb": b"2", "b.ipynb": b"mine", "b.new.ipynb": b"2", "d.ipynb": b"2"}
    assert (done.new, done.renewed, done.kept, done.beside) == (
        ["d.ipynb"],
        ["a.ipynb"],
        ["b.ipynb"],
        ["b.new.ipynb"],
    )


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    """A course is not poured over somebody's files."""
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(PodlabError, match="contains other files"):
        write(Edition({"a": b"1"}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_progress_counts_the_best_score_and_survives_a_damaged_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts and hints are appended; a line that a crash cut short is left out."""
    write(Edition({"a": b"1"}), tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course")
    for right in (True, False):
        verdicts = [Verdict("x", 5, right)]
        progress.attempt(Report("e14 convert-shipper", Fraction(5), verdicts), seed=0, cluster="embedded")
    progress.attempt(
        Report("e14 convert-shipper", 5, refused="no", state="not gradable"), seed=0, cluster="kind"
    )
    progress.note("hint", "e14", hint=2)
    with (tmp_path / "course/progress.jsonl").open("a") as file:
        file.write('{"event": "answer", "exer')

    found = progress.progress(progress.read(), [find("e00"), find("e14")])

    assert str(found).splitlines() == [
        "1 of 2 exercises solved, 5 of 7 points",
        "    e00 first-order              open",
        "  + e14 convert-shipper          5 of 5     2 tries, 2 hints",
        "what you can do, by exercises solved",
        "    O1   draw when each container starts and ends                     0 of 1",
        "    O9   convert older forms to sidecars                              1 of 1",
    ]
    assert progress.hints("e14") == 2


def test_exercises_are_put_into_a_notebook_once() -> None:
    """Writing again changes nothing; other cells keep their order."""
    notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": text, "id": text[:1]}
                          for text in ("a", "## Words of this page\n", "z")]}  # fmt: skip

    once = cells.with_exercises(notebook, [find("e14")])

    assert [cell["id"] for cell in once["cells"]] == ["a", "e14-ask", "e14-answer", "#", "z"]
    assert cells.with_exercises(once, [find("e14")]) == once
    assert "still the manifest you started from" in once["cells"][2]["outputs"][0]["text"]


def test_a_notebook_without_exercises_stays_as_it_is() -> None:
    """Also if it has no section that exercises would stand before."""
    notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "a", "id": "a"}]}

    assert cells.with_exercises(notebook, []) == notebook


def test_exercises_are_not_written_behind_the_last_cell() -> None:
    """That cell removes the namespace: a page whose section is inside of another cell is refused."""
    notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "id": "a",
                           "source": "text\n\n## Words of this page\n"}]}  # fmt: skip

    with pytest.raises(PodlabError, match="cannot put e14 into this notebook"):
        cells.with_exercises(notebook, [find("e14")])


def test_outputs_are_taken_out_of_a_notebook_alone() -> None:
    """Sources stay as they are."""
    cell = {"cell_type": "code", "source": "1", "outputs": ["x"], "execution_count": 4, "metadata": {}}

    found = json.loads(without_outputs(json.dumps({"cells": [cell]}).encode()))

    assert found["cells"] == [{**cell, "outputs": [], "execution_count": None}]


FOLDED = [
    "lab.wait(lambda: lab.logs('x'))\nlab.delete('x')",
    "def late():\n    lab.apply('db')",
    "%timeline x\nlab.facts('1.1', names=[each.name for each in lanes])",
    "over = lab.when('a', restarts=1) & lab.when('b', phase='Running')\nlab.record('a', until=over)",
]
OPEN = [
    "first = lab.record('first', until='Succeeded')",
    "lab.facts('0.2', order=first.start_order())",
    "for pod in stuck:\n    print(lab.explain(pod).what)",
    "%%predict 2.1\norder: fetch | shop",
    "%%manifest x\nkind: Pod",
    "!kubectl get pods | head",
    "lab.wait(lambda: lab.logs('x'))",
    "lab.facts(",
]


@pytest.mark.parametrize("text", [*FOLDED, *OPEN])
def test_python_that_is_not_the_lesson_is_folded(text: str) -> None:
    """What learners write, and plain calls, stay open."""
    cell = {"cell_type": "code", "source": text, "outputs": [], "metadata": {}}
    lesson = {**cell, "metadata": {"podlab": {"lesson": True}}}

    made = json.loads(without_outputs(json.dumps({"cells": [cell, lesson]}).encode()))["cells"]

    assert made[0]["metadata"] == ({"jupyter": {"source_hidden": True}} if text in FOLDED else {})
    assert made[1]["metadata"] == lesson["metadata"]


def test_an_answer_cell_is_never_folded(edition: Edition) -> None:
    """Learners write there."""
    for name, data in edition.files.items():
        for cell in json.loads(data)["cells"] if name.endswith(".ipynb") else ():
            if "".join(cell["source"]).startswith("%%"):
                assert "jupyter" not in cell["metadata"]
