"""The points that a person gives: a form that is released, filled in, and added to the machine's marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from assignment_class import BLUEPRINT, STUDENTS

from podlab.assignments import blueprint, gradebook, marking, pages, reader, release
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.submissions import Submission
from podlab.errors import PodlabError
from podlab.grading import Place

ROW = '\n[[reader]]\nname = "runbook"\npoints = 4\ntext = "what one sees first"\n'
FORM = "id,name,runbook (0 to 4)\nada,Ada Lovelace,3.5\nbob,Bob Brown,\n"


@pytest.fixture
def read_plan(tmp_path: Path) -> Blueprint:
    """A blueprint with one row for a reader."""
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan/assignment.toml").write_text(BLUEPRINT + ROW)
    return blueprint.read(tmp_path / "plan")


def test_a_release_holds_an_empty_form_and_a_place_for_the_text(read_plan: Blueprint, tmp_path: Path) -> None:
    """What the reader looks for stands in the student's notebook too."""
    release.release(read_plan, tmp_path / "term", STUDENTS)

    form = reader.read(tmp_path / "term/instructor", read_plan)
    student = (tmp_path / "term/student/ada/plan.ipynb").read_text()
    assert form == {student.id: {"runbook": None} for student in STUDENTS}
    assert "what one sees first" in student and "Write here" in student
    assert (read_plan.points, "given by a reader" in str(read_plan)) == (18, True)


def test_a_second_release_keeps_the_points_that_were_given(read_plan: Blueprint, tmp_path: Path) -> None:
    """A reader's work is not written over, also that of a student who has left the roster."""
    release.release(read_plan, tmp_path / "term", STUDENTS)
    (tmp_path / "term/instructor/reader.csv").write_text(FORM)

    release.release(read_plan, tmp_path / "term", STUDENTS[1:])

    form = reader.read(tmp_path / "term/instructor", read_plan)
    assert form == {"ada": {"runbook": 3.5}, "bob": {"runbook": None}, "cy": {"runbook": None}}


def test_what_nobody_has_read_yet_keeps_a_grade_open(read_plan: Blueprint, tmp_path: Path) -> None:
    """The machine's part alone is no grade; a student who handed nothing in has nothing to be read."""
    (tmp_path / "reader.csv").write_text(FORM)
    handed_in = [Submission(name, True, ["x"], {"e14": "kind: ["}) for name in ("ada", "bob")]
    marking.mark(read_plan, handed_in, tmp_path / "g", Place(client=None))

    given = reader.read(tmp_path, read_plan)
    marks = {m.student.id: m for m in gradebook.marks(read_plan, tmp_path / "g", STUDENTS, given)}

    assert {name: (mark.state, mark.total) for name, mark in marks.items()} == {
        "ada": ("graded", 3.5), "bob": ("not read yet", None), "cy": ("not handed in", 0),
    }  # fmt: skip
    assert "runbook" in gradebook.as_csv(list(marks.values())).splitlines()[0]
    assert "runbook, by a reader: 3.5" in pages.student(read_plan, marks["ada"])
    assert "runbook, by a reader: not yet" in pages.student(read_plan, marks["bob"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3.5", "5", "line 2, runbook: '5' is not a number from 0 to 4"),
        ("3.5", "nan", "line 2, runbook: 'nan' is not a number"),
        ("3.5", "good", "line 2, runbook: 'good' is not a number"),
        ("runbook (0 to 4)", "runbook", "the column 'runbook (0 to 4)' is missing"),
    ],
)
def test_a_form_that_cannot_be_added_names_its_line(
    read_plan: Blueprint, tmp_path: Path, old: str, new: str, message: str
) -> None:
    """Nothing is added then."""
    (tmp_path / "reader.csv").write_text(FORM.replace(old, new))

    with pytest.raises(PodlabError) as error:
        reader.read(tmp_path, read_plan)

    assert message in str(error.value)


def test_a_form_that_is_missing_is_asked_for(read_plan: Blueprint, tmp_path: Path) -> None:
    """Without it every grade would stay open, and nobody would know why."""
    with pytest.raises(PodlabError, match="podlab release writes this form"):
        reader.read(tmp_path, read_plan)
