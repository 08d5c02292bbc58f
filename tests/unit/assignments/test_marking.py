"""From submissions to marks: nothing is graded twice, nothing is lost, an open grade is never a zero."""

from __future__ import annotations

import csv
import io
import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from assignment_class import STUDENTS

from podlab.assignments import blueprint, formats, gradebook, marking, pages, regrading, release, roster
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.submissions import Submission
from podlab.checks.verdict import REFUSED, Report, Verdict
from podlab.errors import PodlabError
from podlab.grading import Place

NOWHERE = Place(client=None)
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


def handed_in(student: str = "ada", **answers: str) -> Submission:
    """A submission."""
    return Submission(student, True, [f"{student}.ipynb"], answers)


def grade(plan: Blueprint, out: Path, *found: Submission) -> marking.GradingProgress:
    """Grade without a cluster: empty and refused answers are judged, others are not gradable."""
    return marking.mark(plan, list(found), out, NOWHERE, at_once=2)


def test_a_second_run_grades_nothing_again(plan: Blueprint, tmp_path: Path) -> None:
    """A result counts while answer, seed and exercise are the same."""
    grade(plan, tmp_path / "g", handed_in(e14="kind: ["))
    again = grade(plan, tmp_path / "g", handed_in(e14="kind: ["))
    changed = grade(plan, tmp_path / "g", handed_in(e14="kind: {"))

    assert (again.kept, again.done) == (2, 2)
    assert (changed.kept, changed.done) == (1, 2)


def test_what_was_not_gradable_is_run_again_and_is_no_zero(plan: Blueprint, tmp_path: Path) -> None:
    """There is no cluster here, so this answer has no marks either way."""
    answer = plan.parts("ada")[0].exercise.shown()[1].replace("Never", "OnFailure")
    grade(plan, tmp_path / "g", handed_in(e14=answer))
    progress = grade(plan, tmp_path / "g", handed_in(e14=answer))
    (mark,) = [m for m in gradebook.marks(plan, tmp_path / "g", STUDENTS) if m.student.id == "ada"]

    assert (progress.kept, progress.not_gradable) == (1, 1)
    assert (mark.total, mark.state, mark.earned["e14"]) == (None, "not gradable", None)


def test_a_file_that_a_kill_left_half_written_is_graded_again(plan: Blueprint, tmp_path: Path) -> None:
    """Results are written in one step; a file that still cannot be read does not count."""
    grade(plan, tmp_path / "g", handed_in())
    path = tmp_path / "g/results/ada/e14.json"
    path.write_text(path.read_text()[:40])

    progress = grade(plan, tmp_path / "g", handed_in())

    assert (progress.kept, progress.done) == (1, 2)
    assert json.loads(path.read_text())["student"] == "ada"


def test_everybody_of_the_roster_has_a_line(plan: Blueprint, tmp_path: Path) -> None:
    """Handed in, not handed in, unreadable, unknown."""
    found = [
        handed_in(),
        Submission("bob", True, ["bob.ipynb"], fault="broken"),
        Submission("eve", False, ["e"], {}),
    ]
    grade(plan, tmp_path / "g", *found)

    rows = {
        row["id"]: row
        for row in csv.DictReader(
            io.StringIO(gradebook.as_csv(gradebook.marks(plan, tmp_path / "g", STUDENTS)))
        )
    }

    assert {name: row["state"] for name, row in rows.items()} == {
        "ada": "graded", "bob": "unreadable", "cy": "not handed in", "eve": "graded",
    }  # fmt: skip
    assert rows["bob"]["total"] == ""
    assert "no such student" in rows["eve"]["notes"]


def test_each_submission_that_needs_a_look_is_a_line(plan: Blueprint, tmp_path: Path) -> None:
    """Unreadable ones, and those that the roster names not at all or twice; a graded student is none."""
    found = [handed_in(), Submission("bob", True, ["b"], fault="broken"), Submission("Ann Lee", False, ["a"])]
    grade(plan, tmp_path / "g", *found)

    lines = gradebook.remarks(gradebook.marks(plan, tmp_path / "g", STUDENTS), STUDENTS)

    assert [line.partition(":")[0] for line in lines] == ["bob", "Ann Lee"]
    assert "broken" in lines[0]
    assert "not as one student of the roster" in lines[1]


def test_a_students_variant_is_the_same_everywhere_and_scaled_to_its_row(plan: Blueprint) -> None:
    """Drawn from the id; the notebook's own metadata decides nothing."""
    one, two = plan.parts("ada"), plan.parts("ada")

    assert one == two
    assert [float(part.points) for part in one] == [10.0, 4.0]
    assert {part.seed for part in plan.parts("bob")} != {part.seed for part in one}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Small"\n', "", "the field 'title' is missing"),
        ('seed = "student"', 'seed = "day"', "line 2: seed is 'day'"),
        ('["e14"]', '["e99"]', "line 7: row beside: unknown exercise 'e99'"),
        ("points = 10", "point = 10", "line 6: unknown field 'point'"),
        ("points = 10", "points = 0", "has no exercise, or no points"),
    ],
)
def test_a_fault_in_a_blueprint_names_the_line(
    plan: Blueprint, tmp_path: Path, old: str, new: str, message: str
) -> None:
    """Nothing is released then."""
    file = tmp_path / "plan/assignment.toml"
    file.write_text(file.read_text().replace(old, new, 1))

    with pytest.raises(PodlabError) as error:
        blueprint.read(file)

    assert message in str(error.value)


def test_a_release_holds_no_answers_for_learners(plan: Blueprint, tmp_path: Path) -> None:
    """Questions and starters go to students; solutions to the instructor alone."""
    release.release(plan, tmp_path / "term", STUDENTS)

    student = "\n".join(path.read_text() for path in (tmp_path / "term/student").rglob("*") if path.is_file())
    assert "initContainers" not in student
    assert "initContainers" in (tmp_path / "term/instructor/solutions/ada.md").read_text()
    assert blueprint.read(tmp_path / "term/instructor").rows == plan.rows


def test_a_student_is_graded_on_the_exercises_and_values_that_were_released(
    plan: Blueprint, tmp_path: Path
) -> None:
    """Draws and seeds depend on the assignment's name, and grading reads the file from another folder."""
    release.release(plan, tmp_path / "term", STUDENTS)
    (tmp_path / "term").rename(tmp_path / "moved")

    graded = blueprint.read(tmp_path / "moved/instructor")

    assert graded.name == plan.name
    assert [graded.parts(s.id) for s in STUDENTS] == [plan.parts(s.id) for s in STUDENTS]


def test_a_release_does_not_write_over_something_else(plan: Blueprint, tmp_path: Path) -> None:
    """A folder with other files in it is left alone; the own one can be released again."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("mine")
    release.release(plan, tmp_path / "term", STUDENTS)
    release.release(plan, tmp_path / "term", STUDENTS)

    with pytest.raises(PodlabError, match="contains other files"):
        release.release(plan, tmp_path / "other", STUDENTS)


def test_a_release_and_its_grades_are_of_one_assignment(plan: Blueprint, tmp_path: Path) -> None:
    """A second assignment in the same folder would take the first one's blueprint away; renamed files do not count."""
    other = replace(plan, name="other")
    release.release(plan, tmp_path / "term", STUDENTS)
    grade(plan, tmp_path / "g", handed_in())

    with pytest.raises(PodlabError, match="holds the release of plan, not of other"):
        release.release(other, tmp_path / "term", STUDENTS)
    with pytest.raises(PodlabError, match="holds grades of plan, not of other"):
        grade(other, tmp_path / "g", handed_in())
    assert blueprint.read(tmp_path / "term/instructor").name == "plan"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nAda\n", "no column 'id'"),
        ("id\nada\nADA\n", "line 3: ADA stands in line 2 too"),
        ("id\n../x\n", "line 2: '../x' cannot be an id"),
        ("id,name\n,Ada\n", "line 2: the id is missing"),
        ("", "no column 'id' or no students"),
    ],
)
def test_a_roster_that_cannot_be_used_names_its_lines(tmp_path: Path, text: str, message: str) -> None:
    """Doubled and unusable names."""
    (tmp_path / "roster.csv").write_text(text)

    with pytest.raises(PodlabError) as error:
        roster.read(tmp_path / "roster.csv")

    assert message in str(error.value)


@pytest.fixture
def marks(plan: Blueprint, tmp_path: Path) -> list[gradebook.StudentMarks]:
    """Marks of a class with a hostile name, a hostile answer and an open grade."""
    found = [
        handed_in(e14=HOSTILE),
        handed_in("=cmd|x", e14="a: b"),
        Submission(HOSTILE, False, ["x"], {"e14": "x"}),
    ]
    grade(plan, tmp_path / "g", *found)
    return gradebook.marks(plan, tmp_path / "g", STUDENTS)


def test_pages_hold_nothing_active(
    plan: Blueprint, tmp_path: Path, marks: list[gradebook.StudentMarks]
) -> None:
    """Names, answers and reasons are text; the page's policy forbids scripts too."""
    made = [pages.overview(plan, marks)]
    made += [
        page for m in marks for page in (pages.student(plan, m), pages.instructor(plan, m, tmp_path / "g"))
    ]

    for page in made:
        assert "<script" not in page
        assert "<img src=x" not in page
        assert "default-src 'none'" in page
    assert any("&lt;script&gt;" in page for page in made)


def test_a_students_page_shows_no_answer_of_hidden_checks(
    plan: Blueprint, marks: list[gradebook.StudentMarks]
) -> None:
    """What is hidden is counted, not shown."""
    verdict = {"id": "s", "text": "the secret check", "points": 1, "earned": 0, "holds": False, "expected": "",
               "found": "secret found", "why": "", "hint": None, "visible": False}  # fmt: skip
    result: dict[str, Any] = json.loads(json.dumps(marks[0].results[0]))
    result["report"]["verdicts"] = [verdict]
    mark = gradebook.StudentMarks(marks[0].student, marks[0].earned, 14.0, results=[result])

    page = pages.student(plan, mark)

    assert "secret" not in page
    assert "1 more checks are not shown" in page
    assert "the secret check" in pages.instructor(plan, mark, Path("/nowhere"))


def test_points_of_checks_add_up_to_those_of_the_exercise(
    plan: Blueprint, marks: list[gradebook.StudentMarks]
) -> None:
    """The row's points count, not the exercise's own; a page shows two digits, and whose it is."""
    rows = [{"id": str(n), "text": f"check {n}", "points": n, "earned": n, "holds": True, "expected": "", "found": "",
             "why": "", "hint": None, "visible": True} for n in (1, 2)]  # fmt: skip
    result: dict[str, Any] = json.loads(json.dumps(marks[0].results[0]))
    result.update(points=10.0, earned=10.0)
    result["report"].update(verdicts=rows, points=3.0, reason="")

    page = pages.student(plan, gradebook.StudentMarks(STUDENTS[0], {"e14": 10.0}, 14.0, results=[result]))

    assert "check 1: 3.33 of 3.33" in page
    assert "check 2: 6.67 of 6.67" in page
    assert "<h1>Small: Ada Lovelace (ada)</h1>" in page


def test_a_gradebook_runs_in_no_spreadsheet(marks: list[gradebook.StudentMarks]) -> None:
    """A name that begins like a formula is text."""
    assert "'=cmd|x" in gradebook.as_csv(marks)


@pytest.mark.parametrize("name", sorted({*formats.names()} - {"nbgrader", "otter"}))
def test_every_format_can_be_written_and_an_open_grade_is_no_zero(
    name: str, plan: Blueprint, tmp_path: Path, marks: list[gradebook.StudentMarks]
) -> None:
    """Each format has its own way to say that there is no grade yet; nbgrader and otter get none (test_formats)."""
    answer = plan.parts("ada")[0].exercise.shown()[1].replace("Never", "OnFailure")
    grade(plan, tmp_path / "open", handed_in(e14=answer))
    found = gradebook.marks(plan, tmp_path / "open", STUDENTS[:1])

    (path, *_) = formats.write(name, plan, found, tmp_path / name)

    text = path.read_text()
    says_open = {
        "canvas": lambda: text.splitlines()[-1].endswith(","),
        "moodle": lambda: ",-," in text,
        "gradescope": lambda: "score" not in json.loads(text),
        "prairielearn": lambda: json.loads(text)["gradable"] is False,
        "classroom": lambda: json.loads(text)["status"] == "error",
        "junit": lambda: ET.fromstring(text).find(".//error") is not None,
    }
    assert says_open[name](), text
    assert formats.write(name, plan, marks, tmp_path / f"{name}-2")


def test_evidence_is_kept_below_a_name_that_no_student_can_choose(tmp_path: Path) -> None:
    """A student's id is not a path."""
    folder = marking.evidence_of(tmp_path, "../../etc")

    assert folder.parent == tmp_path / "evidence"
    assert marking.safe("a/b") != marking.safe("a-b")


def test_a_full_disk_leaves_the_old_result(
    plan: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result that cannot be written is an error, and the former one stays whole."""
    grade(plan, tmp_path / "g", handed_in())
    before = (tmp_path / "g/results/ada/e14.json").read_text()

    def full(*_args: Any, **_more: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("podlab.files._write", full)
    with pytest.raises((OSError, PodlabError)):
        grade(plan, tmp_path / "g", handed_in(e14="kind: ["))

    assert (tmp_path / "g/results/ada/e14.json").read_text() == before


def test_regrading_uses_the_kept_answer(plan: Blueprint, tmp_path: Path) -> None:
    """Without evidence a result stays as it was; refused and empty answers are judged by their text."""
    grade(plan, tmp_path / "g", handed_in(e14="kind: ["))
    shutil.rmtree(tmp_path / "g/evidence", ignore_errors=True)

    assert regrading.again(plan, tmp_path / "g", everything=True).judged == 2


def stored(plan: Blueprint, out: Path, report: Report) -> Submission:
    """Return what ada handed in, an answer to e14 whose result in *out* is *report*."""
    found = handed_in(e14=plan.parts("ada")[0].exercise.shown()[1].replace("Never", "OnFailure"))
    grade(plan, out, found)
    marking.store(out, next(marking.jobs(plan, [found])), report, 1.0)
    return found


def test_a_refusal_by_the_api_server_is_not_judged_again(plan: Blueprint, tmp_path: Path) -> None:
    """It left no evidence, and asked no check: it stands, and is not named, while the exercise is the same."""
    stored(plan, tmp_path / "g", Report("e14 convert-shipper", 5, refused="no", state=REFUSED))
    (path,) = (tmp_path / "g/results").glob("*/e14.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "judged": "of other code"}))

    assert regrading.stale(plan, tmp_path / "g") == ["ada e14"]
    assert regrading.again(plan, tmp_path / "g").standing == {}
    assert regrading.stale(plan, tmp_path / "g") == []


def test_a_grade_whose_recordings_are_gone_stands_and_is_named(plan: Blueprint, tmp_path: Path) -> None:
    """Its points are neither taken nor made a zero; a grading of the unchanged answer has nothing to do."""
    found = stored(plan, tmp_path / "g", Report("e14 convert-shipper", 5, [Verdict("all", 5, True)]))

    counts = regrading.again(plan, tmp_path / "g", everything=True)

    assert (list(counts.standing), counts.opened, counts.judged) == (["ada e14"], [], 1)
    assert [r["earned"] for r in marking.results(tmp_path / "g")] == [0.0, 10.0]
    assert grade(plan, tmp_path / "g", found).kept == 2


def test_a_folder_of_grades_is_written_by_one_grading_at_a_time(plan: Blueprint, tmp_path: Path) -> None:
    """A second one would delete the namespaces of the first as leftovers; once that has ended, it may go on."""

    def begin() -> marking.GradingProgress:
        given = [handed_in(e14="kind: [")]
        return marking.grade(plan, given, tmp_path / "g", NOWHERE, at_once=2, tell=lambda _progress: None)

    with marking.alone(tmp_path / "g"):
        with pytest.raises(PodlabError, match="another podlab grade"):
            begin()
        with pytest.raises(PodlabError, match="another podlab grade"), marking.alone(tmp_path / "g"):
            pass
        with marking.alone(tmp_path / "h"):
            pass
    with marking.alone(tmp_path / "g"):
        pass
    assert begin().done


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", "5", ["e14"]), ("b", "5", ["e00", "e14"])], "rows a and b can both draw e14"),
        ([("a", "5", [["e14", "e14"]])], "row a draws an exercise twice"),
        ([("a", "nan", ["e14"])], "no points"),
        ([("a", "inf", ["e14"])], "no points"),
    ],
)
def test_a_blueprint_whose_marks_would_be_wrong_is_refused(
    tmp_path: Path, rows: list[tuple[str, str, list[Any]]], said: str
) -> None:
    """Each names the row."""
    text = 'title = "T"\nseed = 1\n'
    for name, points, choose in rows:
        text += f'[[rows]]\nname = "{name}"\npoints = {points}\nchoose = {json.dumps(choose)}\n'
    file = tmp_path / "assignment.toml"
    file.write_text(text, "utf-8")

    with pytest.raises(PodlabError) as caught:
        blueprint.read(file)

    assert said in str(caught.value)
