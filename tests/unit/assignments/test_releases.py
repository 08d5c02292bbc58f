"""
Drawn assignments: what learners get is worth nothing and holds no secret, and what the instructor gets is right.

Blueprints are drawn by a seed from all exercises. Solutions that need a cluster are proved by
``tests/exercises/test_variants.py``.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from exercise_secrets import leaks, secrets, unpacked

from podlab.assignments import blueprint, formats, gradebook, marking, submissions
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.roster import Student
from podlab.cli import main
from podlab.grading import Place, grade, ids

NOWHERE = Place(client=None)
STUDENTS = [Student(name, email=f"{name}@example.org") for name in ("ada", "bob", "cy")]
DRAWS = range(12)


def drawn(draw: int) -> str:
    """A blueprint of one to five rows; every other one has one variant for all."""
    chance = random.Random(draw)
    left = chance.sample(ids(), len(ids()))
    text = f'title = "Drawn {draw}"\nname = "drawn-{draw}"\n'
    text += 'seed = "student"\n' if draw % 2 else f"seed = {chance.randrange(10**6)}\n"
    for number in range(chance.randint(1, 5)):
        groups = [[left.pop() for _ in range(chance.randint(1, 2))] for _ in range(chance.randint(1, 3))]
        text += f'\n[[rows]]\nname = "row-{number}"\npoints = {chance.randint(1, 20)}\nchoose = {json.dumps(groups)}\n'
    return text


@pytest.fixture(params=DRAWS, scope="module")
def term(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn assignment, released for everything that a release can be made for."""
    tmp_path = tmp_path_factory.mktemp("drawn")
    (tmp_path / "plan.toml").write_text(drawn(request.param))
    rows = "".join(f"{each.id},{each.id},{each.email}\n" for each in STUDENTS)
    (tmp_path / "roster.csv").write_text(f"id,name,email\n{rows}")
    names = ["gradescope"] if request.param % 2 else ["gradescope", "nbgrader"]
    words = [word for name in names for word in ("--format", name)]
    given = ["--roster", str(tmp_path / "roster.csv"), "--out", str(tmp_path / "term")]
    assert main(["release", str(tmp_path / "plan.toml"), *given, *words]) == 0
    return tmp_path / "term"


def notebooks(term: Path, plan: Blueprint) -> Iterator[tuple[str, Path]]:
    """Student and folder of the learner's notebook."""
    for student in STUDENTS:
        yield student.id, term / "student" / (student.id if plan.seed == "student" else "")


def test_an_unchanged_notebook_earns_nothing(term: Path) -> None:
    """No cluster is asked: starters are refused or count as not answered."""
    plan = blueprint.read(term / "instructor")
    for student, folder in notebooks(term, plan):
        found = submissions.of_one(folder, Student(student), plan)
        assert set(found.answers) == {part.exercise.id for part in plan.parts(student)}
        for part in plan.parts(student):
            report = grade(part.exercise, found.answers[part.exercise.id], NOWHERE, seed=part.seed)
            assert report.state in ("refused", "not answered"), f"{part.exercise.name}: {report}"
            assert report.score == 0


def test_the_printed_solutions_earn_full_marks(term: Path) -> None:
    """For the variant that each student drew; the fence lets pass what needs a cluster."""
    plan = blueprint.read(term / "instructor")
    for student, _ in notebooks(term, plan):
        name = student if plan.seed == "student" else "everybody"
        text = (term / "instructor" / "solutions" / f"{name}.md").read_text()
        printed = dict(re.findall(r"^## (e\d+).*?```\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL))
        for part in plan.parts(student):
            report = grade(part.exercise, printed[part.exercise.id], NOWHERE, seed=part.seed)
            assert report.state in ("answered", "not gradable"), f"{part.exercise.name}: {report}"
            if report.state == "answered":
                assert report.score == report.points, f"{part.exercise.name}: {report}"


def test_no_secret_is_in_a_file_or_an_archive(term: Path, tmp_path: Path) -> None:
    """Learners' notebooks, the autograder's zip, and what nbgrader and otter are given."""
    plan = blueprint.read(term / "instructor")
    variants = {
        (part.exercise.id, part.seed): part.exercise for each in STUDENTS for part in plan.parts(each.id)
    }
    found = list(secrets((exercise, seed) for (_, seed), exercise in variants.items()))
    report(plan, tmp_path)
    paths = [path for folder in (term / "student", term / "gradescope", term / "nbgrader", tmp_path / "report")
             for path in folder.rglob("*") if path.is_file()]  # fmt: skip
    files = {name: data for path in paths for name, data in unpacked(path.as_posix(), path.read_bytes())}

    assert len(files) > 500, "the zip was unpacked"
    assert leaks(files, found) == []
    assert [name for name in files if "/answers/" in name or name.endswith("key.toml")] == []
    planted = {**files, "term/student/x.ipynb": f"a\n{found[0][1]}\nb".encode()} if found else {}
    assert bool(leaks(planted, found[:1])) == bool(found)


def report(plan: Blueprint, folder: Path) -> None:
    """Grade a class that handed in nothing of worth, and report it for the tools that take one variant for all."""
    handed_in = [
        submissions.Submission(
            each.id, True, ["x"], {part.exercise.id: "a: [" for part in plan.parts(each.id)}
        )
        for each in STUDENTS
    ]
    marking.mark(plan, handed_in, folder / "grades", NOWHERE)
    marks = gradebook.marks(plan, folder / "grades", STUDENTS)
    for name in formats.names() if plan.seed != "student" else ("gradescope", "classroom", "prairielearn"):
        formats.write(name, plan, marks, folder / "report" / name)


def test_every_exercise_was_drawn() -> None:
    """Else the draws above prove less than they say."""
    text = "".join(map(drawn, DRAWS))

    assert len([name for name in ids() if f'"{name}"' in text]) > 0.9 * len(ids())
