"""Reports: who is counted, and folders that cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podlab.assignments import blueprint, marking
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.submissions import Submission
from podlab.cli import main
from podlab.grading import Place


@pytest.fixture(autouse=True)
def _plan(plan: Blueprint) -> None:
    """Write the blueprint."""


def graded(tmp_path: Path, *names: str) -> list[str]:
    """Release, and grade empty submissions; returns the arguments that a report takes."""
    (tmp_path / "roster.csv").write_text("id,name\nada,Ada\nbob,Bob\n")
    given = ["--roster", str(tmp_path / "roster.csv")]
    assert main(["release", str(tmp_path / "plan"), *given, "--out", str(tmp_path / "term")]) == 0
    whole = blueprint.read(tmp_path / "term/instructor")
    found = [Submission(name, name != "eve", [name]) for name in names]
    marking.mark(whole, found, tmp_path / "g", Place(client=None))
    return [str(tmp_path / "g"), "--assignment", str(tmp_path / "term/instructor"), *given]


def test_a_report_counts_only_students_of_the_roster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others have a file, a table and a line of their own, and no part in the statistics."""
    given = graded(tmp_path, "ada", "eve", "zoe")
    capsys.readouterr()

    assert main(["report", *given, "--format", "canvas"]) == 0

    lines, report = capsys.readouterr().out.splitlines(), tmp_path / "g/report"
    assert lines[0].startswith("2 students, 2 with marks, mean 0.0 of 14")
    assert lines[1].startswith("not in the roster, and not counted: eve, zoe; see ")
    first = [row.partition(",")[0] for row in (report / "gradebook.csv").read_text().splitlines()]
    others = [row.partition(",")[0] for row in (report / "not-in-roster.csv").read_text().splitlines()]
    assert (first, others) == (["id", "ada", "bob"], ["id", "eve", "zoe"])
    body = json.loads((report / "gradebook.json").read_text())
    assert [row["id"] for row in body["others"]] == ["eve", "zoe"]
    assert {item["answers"] for item in body["items"]} == {1}
    assert "eve" not in (report / "canvas/canvas.csv").read_text()
    assert "Not in the roster" in (report / "instructor/index.html").read_text()


def test_a_format_that_cannot_take_an_assignment_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The formats before it, too: half a report would look like a whole one."""
    given = graded(tmp_path, "ada")

    assert main(["report", *given, "--format", "canvas", "--format", "otter"]) == 1

    assert "otter cannot take Small" in capsys.readouterr().err
    assert not (tmp_path / "g/report").exists()


def test_a_report_forgets_who_is_in_the_roster_now(tmp_path: Path) -> None:
    """The file of those who are not would be an old one."""
    given = graded(tmp_path, "ada", "eve")
    assert main(["report", *given]) == 0
    (tmp_path / "roster.csv").write_text("id,name\nada,Ada\neve,Eve\n")

    assert main(["report", *given]) == 0

    assert not (tmp_path / "g/report/not-in-roster.csv").exists()


@pytest.mark.parametrize("out", ["/proc/x", "/proc/x/y", "/dev/null/x"])
@pytest.mark.parametrize("verb", ["release", "report"])
def test_a_folder_that_cannot_be_made_is_no_bug(
    tmp_path: Path, verb: str, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three lines and exit code 74, also where the kernel says "No such file or directory"."""
    given = graded(tmp_path, "ada")
    words = {"release": [str(tmp_path / "plan"), *given[-2:]], "report": given}
    capsys.readouterr()

    assert main([verb, *words[verb], "--out", out]) == 74

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("podlab: /") and lines[0].endswith(" cannot be written")
    assert [line.split(":")[0] for line in lines[1:]] == ["  why", "  try"]


def test_the_folder_of_a_release_stands_for_its_own_blueprint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--assignment term`` is what people type; and a release that is refused leaves no folder."""
    grades, _, _, *roster = graded(tmp_path, "ada")
    capsys.readouterr()

    assert main(["report", grades, "--assignment", str(tmp_path / "term"), *roster]) == 0
    assert main(["release", str(tmp_path / "plan"), "--out", str(tmp_path / "new")]) == 1
    assert "needs a roster" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
