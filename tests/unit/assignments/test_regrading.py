"""Judging again: what is unchanged since its grade is left, and no verdict is ever stale."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podlab.assignments import blueprint, gradebook, marking, regrading
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.submissions import Submission
from podlab.cli import main
from podlab.grading import Place, find

ROOT = Path(__file__).parents[3]
ROWS = '\n[[rows]]\nname = "{0}"\npoints = 10\nchoose = ["{0}"]\n'


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of two exercises that need no cluster, in a course folder of its own."""
    for name in ("e28", "e29", "fixtures"):
        source = find(name).folder if name != "fixtures" else ROOT / "labs/exercises/fixtures"
        shutil.copytree(source, tmp_path / "course/labs/exercises" / source.name)
    monkeypatch.setenv("PODLAB_COURSE", str(tmp_path / "course"))
    return tmp_path / "course/labs/exercises"


@pytest.fixture
def plan(course: Path, tmp_path: Path) -> Blueprint:
    """An assignment of these exercises."""
    assert course.is_dir()
    (tmp_path / "plan").mkdir()
    text = 'title = "Small"\nseed = 1\n' + ROWS.format("e28") + ROWS.format("e29")
    (tmp_path / "plan/assignment.toml").write_text(text)
    return blueprint.read(tmp_path / "plan")


@pytest.fixture
def graded(plan: Blueprint, tmp_path: Path) -> Path:
    """Grades of ada and bob: wrong answers, judged by their text."""
    answers = {"e28": "1: z", "e29": "1: z"}
    handed_in = [Submission(name, True, [f"{name}.ipynb"], answers) for name in ("ada", "bob")]
    marking.mark(plan, handed_in, tmp_path / "grades", Place(client=None))
    return tmp_path / "grades"


def stored(folder: Path) -> dict[str, Any]:
    """Every result, by student and exercise."""
    return {f"{r['student']} {r['report']['exercise']}": r for r in marking.results(folder)}


def paths(folder: Path) -> dict[str, Path]:
    """Every file of a result, by student and exercise."""
    return {f"{path.parent.name}/{path.stem}": path for path in (folder / "results").glob("*/*.json")}


def counts(again: regrading.RegradeCounts) -> tuple[int, int]:
    """How many were judged, and how many kept."""
    return again.judged, again.kept


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Change a file within the same second, as fast editors do: by that Python would take its compiled form."""
    times = path.stat()
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))


def test_an_unchanged_class_is_not_judged_again(plan: Blueprint, graded: Path) -> None:
    """The grades stand; ``--all`` judges them again, with the same outcome."""
    before = stored(graded)

    assert counts(regrading.again(plan, graded)) == (0, 4)
    assert counts(regrading.again(plan, graded, everything=True)) == (4, 0)
    assert stored(graded) == before


def test_a_changed_check_judges_its_own_exercise_alone(plan: Blueprint, graded: Path, course: Path) -> None:
    """Both answers to e28 get the new verdict, those to e29 are not touched; then nothing is left to do."""
    (folder,) = course.glob("e28-*")
    before = stored(graded)["ada e28"]["earned"]
    py_compile.compile(str(folder / "checks.py"))
    times = {name: path.stat().st_mtime_ns for name, path in paths(graded).items()}
    edit(folder / "checks.py", lambda text: text.replace("- 2 * len(wrong)", "- 0 * len(wrong)"))

    changed = regrading.again(plan, graded)
    now = {name: path.stat().st_mtime_ns for name, path in paths(graded).items()}

    assert counts(changed) == (2, 2)
    assert {name for name in now if now[name] != times[name]} == {"ada/e28", "bob/e28"}
    assert before == 0.0
    assert stored(graded)["ada e28"]["earned"] == 10 * 0.25 / 4
    assert counts(regrading.again(plan, graded)) == (0, 4)


def test_changed_evidence_is_judged_again(plan: Blueprint, graded: Path) -> None:
    """A recording that was put back, cut or edited is not that of the grade."""
    kept = marking.evidence_of(graded, "ada")
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "e28-run.jsonl").write_text("{}\n")

    assert counts(regrading.again(plan, graded)) == (1, 3)


def test_other_points_in_the_blueprint_are_given(graded: Path, tmp_path: Path) -> None:
    """The share of the points is the same; what the row is worth is not."""
    edit(tmp_path / "plan/assignment.toml", lambda text: text.replace("points = 10", "points = 20", 1))

    assert counts(regrading.again(blueprint.read(tmp_path / "plan"), graded)) == (2, 2)
    assert stored(graded)["bob e28"]["points"] == 20.0


def test_an_answer_run_by_another_play_is_graded_again(plan: Blueprint, graded: Path, course: Path) -> None:
    """Its evidence is judged, but the grade of the changed play is still to be made, however often one regrades."""
    (folder,) = course.glob("e28-*")
    edit(folder / "exercise.toml", lambda text: text + "\n")

    first, second = (regrading.again(plan, graded, everything=True) for _ in range(2))
    tally = marking.mark(plan, marking.read_submissions(graded), graded, Place(client=None))

    assert (first.outdated, second.outdated) == (2, 2)
    assert (tally.kept, tally.done) == (2, 4)
    assert regrading.again(plan, graded).outdated == 0


def undecide(course: Path) -> None:
    """Change the check of e28 so that the evidence does not decide it."""
    (folder,) = course.glob("e28-*")
    edit(
        folder / "checks.py",
        lambda text: text.replace("    chosen = {", '    return Finding(None, "unclear")\n    chosen = {', 1),
    )


def test_a_grade_that_todays_checks_cannot_decide_is_opened_and_named(
    plan: Blueprint, graded: Path, course: Path
) -> None:
    """No marks either way, with a note of the old points; a grading runs it again, a decided check judges it."""
    undecide(course)

    changed, later = (regrading.again(plan, graded) for _ in range(2))
    (mark,) = [each for each in gradebook.marks(plan, graded, []) if each.student.id == "ada"]

    assert (changed.opened, changed.open, counts(changed)) == (["ada e28", "bob e28"], [], (0, 2))
    assert (later.opened, later.open, counts(later)) == ([], ["ada e28", "bob e28"], (0, 2))
    assert (mark.total, mark.earned["e28"], mark.earned["e29"]) == (None, None, 0.0)
    notes = stored(graded)["ada e28"]["report"]["notes"]
    assert notes[-1] == "before this it had 0 of 10 points, by other checks"
    assert marking.mark(plan, marking.read_submissions(graded), graded, Place(client=None)).kept == 2

    (folder,) = course.glob("e28-*")
    edit(folder / "checks.py", lambda text: text.replace('    return Finding(None, "unclear")\n', "", 1))
    assert counts(regrading.again(plan, graded)) == (2, 2)
    assert stored(graded)["ada e28"]["earned"] == 0.0


def test_a_grade_without_its_evidence_stands_and_is_named(
    plan: Blueprint, graded: Path, course: Path
) -> None:
    """Nothing speaks against it but today's checks, which cannot be asked: it is named each time, by a report too."""
    (folder,) = course.glob("e29-*")
    (folder / "checks.py").open("a").write("\n\nraise ValueError('broken')\n")

    changed = regrading.again(plan, graded, ["bob"])

    assert list(changed.standing) == ["bob e29"]
    assert "broken" in changed.standing["bob e29"]
    assert stored(graded)["bob e29"]["earned"] == 0.0
    assert regrading.stale(plan, graded) == ["ada e29", "bob e29"]


def test_regrade_and_report_name_the_grades_that_are_open_or_old(
    plan: Blueprint, graded: Path, course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report of a changed exercise says so before regrading, and who has no marks after it."""
    given = [str(graded), "--assignment", str(tmp_path / "plan")]
    assert main(["report", *given]) == 0
    fresh = capsys.readouterr().out
    undecide(course)
    assert main(["report", *given]) == 0
    old = capsys.readouterr().out
    assert main(["regrade", *given]) == 1
    opened = capsys.readouterr().out
    assert main(["regrade", *given]) == 1
    still = capsys.readouterr().out
    assert main(["report", *given]) == 0
    after = capsys.readouterr().out

    assert plan.rows and "older" not in fresh and "without marks" not in fresh
    assert "2 grades older than the exercises, the points or podlab itself: ada e28, bob e28;" in old
    assert "2 lost their grade, for the evidence does not decide today's checks: ada e28, bob e28;" in opened
    assert "2 still have no grade: ada e28, bob e28;" in still
    assert "2 without marks: ada: not gradable, bob: not gradable" in after and "older" not in after


def test_regrade_knows_the_students_and_waits_for_no_grading(
    plan: Blueprint, graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped student is not 0 answers judged; a grading that runs would write the same files."""
    given = [str(graded), "--assignment", str(tmp_path / "plan")]

    assert plan.rows and main(["regrade", *given, "--student", "adda"]) == 2
    assert "adda is not a student of" in capsys.readouterr().err
    with marking.alone(graded):
        assert main(["regrade", *given]) != 0
    assert "another podlab grade writes to" in capsys.readouterr().err


def test_a_changed_helper_module_judges_everything_again(graded: Path, tmp_path: Path) -> None:
    """The command itself, with a copy of the package in which one module that judging imports was edited."""
    package = tmp_path / "package"
    shutil.copytree(ROOT / "helpers/podlab", package / "podlab", ignore=shutil.ignore_patterns("__pycache__"))

    def regrade() -> str:
        command = ["regrade", str(graded), "--assignment", str(tmp_path / "plan")]
        done = subprocess.run([sys.executable, "-m", "podlab", *command], capture_output=True, text=True,
                              check=True, env={**os.environ, "PYTHONPATH": str(package)})  # fmt: skip
        return done.stdout

    unchanged = regrade()
    (package / "podlab/checks/notation.py").open("a").write("\nCHANGED = True\n")

    assert "0 answers judged again from their evidence, 4 unchanged" in unchanged
    assert "4 answers judged again from their evidence, 0 unchanged" in regrade()
    assert "0 answers judged again" in regrade()
