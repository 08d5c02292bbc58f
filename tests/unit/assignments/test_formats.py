"""
Marks in the formats of other tools: only documented fields, whatever the students handed in.

Schemas of the platforms' results are in ``platform_schemas``. The tables here follow nbgrader 0.9.6
``nbgraderformat/v3.json`` and ``v3.py``, and Jenkins' ``junit-10.xsd``. nbgrader and otter-grader themselves run in
``tests/assignments/prove_formats.py``.
"""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import sys
import types
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from assignment_class import BLUEPRINT
from platform_schemas import CLASSROOM, GRADESCOPE, POINTS, PRAIRIELEARN, closed

from podlab.assignments import blueprint, formats, storedresults
from podlab.assignments.blueprint import Blueprint
from podlab.assignments.formats import classroom, gradescope, junit, nbgrader, otter, prairielearn
from podlab.assignments.gradebook import StudentMarks
from podlab.assignments.roster import Student
from podlab.errors import PodlabError

HOSTILE = 'x "\x00\ud800</case>\n### END HIDDEN TESTS'
SECRET = "the shipper restarts twice"


NBGRADER_CELL = closed(
    "schema_version grade locked solution", schema_version={"const": 3}, grade={"type": "boolean"},
    locked={"type": "boolean"}, solution={"type": "boolean"}, task={"type": "boolean"},
    grade_id={"type": "string", "pattern": r"^[a-zA-Z0-9_\-]+$"}, points=POINTS,
    checksum={"type": "string", "minLength": 32, "maxLength": 32}, cell_type={"enum": ["raw", "code", "markdown"]},
)  # fmt: skip
JUNIT_ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"}, "error": {"type", "message"},
}  # fmt: skip
JUNIT_CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped"},
}


@pytest.fixture
def shared(tmp_path: Path) -> Blueprint:
    """The assignment with one variant for everybody."""
    (tmp_path / "small.toml").write_text(BLUEPRINT.replace('"student"', "1"))
    return blueprint.read(tmp_path / "small.toml")


def mark(plan: Blueprint, student: str, share: Fraction | None, *, hidden: bool = False) -> StudentMarks:
    """Marks as podlab grade keeps them: every check earned that *share*; None is an open grade."""
    results = []
    for part in plan.parts(student):
        verdicts = [
            {"id": row.id, "text": SECRET if hidden else row.text, "points": float(row.points), "hint": None,
             "earned": float(row.points * (share or 0)), "holds": None if share is None else share == 1,
             "expected": "", "found": HOSTILE, "why": "w" * 900, "visible": not hidden}
            for row in part.exercise.checks
        ]  # fmt: skip
        earned = None if share is None else float(share * part.points)
        report = {"exercise": part.exercise.id, "title": part.exercise.name, "points": float(part.exercise.points),
                  "state": "answered", "reason": "", "verdicts": verdicts}  # fmt: skip
        results.append({"student": student, "points": float(part.points), "earned": earned, "report": report,
                        "answer": f"answer: {share}\n"})  # fmt: skip
    open_ = share is None
    by_id = {result["report"]["exercise"]: result["earned"] for result in results}
    state = "not gradable" if open_ else "graded"
    return StudentMarks(Student(student), by_id, float(plan.points), state, [HOSTILE], results)


SHARES = [Fraction(0), Fraction(1, 3), Fraction(1), None]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(
    ("tool", "schema"),
    [(gradescope, GRADESCOPE), (prairielearn, PRAIRIELEARN), (classroom, CLASSROOM)],
    ids=["gradescope", "prairielearn", "classroom"],
)
def test_results_have_the_documented_fields_alone(
    tool: types.ModuleType, schema: dict[str, Any], share: Fraction | None, shared: Blueprint, tmp_path: Path
) -> None:
    """A platform refuses, or ignores, what it does not know."""
    tool.write(shared, [mark(shared, "ada", share)], tmp_path)

    jsonschema.Draft202012Validator(schema).validate(json.loads((tmp_path / "ada.json").read_text()))


@pytest.mark.parametrize(
    ("schema", "field"), [(GRADESCOPE, "score"), (PRAIRIELEARN, "gradable"), (CLASSROOM, "status")]
)
def test_the_schemas_refuse_a_wrong_value(schema: dict[str, Any], field: str) -> None:
    """A schema that takes everything would prove nothing."""
    body = {"tests": [], "gradable": True, "score": 1.0} if schema is PRAIRIELEARN else {"tests": []}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**body, field: "much"})


@pytest.mark.parametrize("share", SHARES[:3])
def test_gradescope_and_classroom_add_up_to_the_total(share: Fraction, shared: Blueprint) -> None:
    """Both platforms may show the sum of the tests."""
    found = mark(shared, "ada", share)
    total = pytest.approx(float(14 * share), abs=1e-3)

    assert gradescope.results(found)["score"] == total
    assert sum(test["score"] for test in gradescope.results(found)["tests"]) == total
    assert sum(test["score"] for test in classroom.results(found)["tests"]) == total


@pytest.mark.parametrize("tool", [prairielearn, classroom], ids=["prairielearn", "classroom"])
def test_what_a_student_sees_holds_no_hidden_check(tool: types.ModuleType, shared: Blueprint) -> None:
    """Neither its text nor what it found."""
    shown = json.dumps(tool.results(mark(shared, "ada", Fraction(0), hidden=True)))

    assert SECRET not in shown
    assert "www" not in shown


def test_junit_has_the_elements_and_attributes_of_jenkins(shared: Blueprint, tmp_path: Path) -> None:
    """Counts agree with the cases, and hostile text stays text."""
    found = [mark(shared, f"s{n}", share) for n, share in enumerate(SHARES)]
    (path,) = junit.write(shared, found, tmp_path)
    top = ET.parse(path).getroot()

    for element in top.iter():
        assert set(element.attrib) <= JUNIT_ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= JUNIT_CHILDREN.get(element.tag, set())
    for suite in top:
        assert suite.get("name")
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))


# ----------------------------------------------------------------------------------------------- nbgrader and otter


def graded_cells(text: str) -> Iterator[dict[str, Any]]:
    """The cells of a notebook that nbgrader knows."""
    yield from (cell for cell in json.loads(text)["cells"] if "nbgrader" in cell["metadata"])


def test_the_source_notebook_has_nbgraders_metadata(shared: Blueprint) -> None:
    """Fields, unique ids, points on test cells alone, Markdown cells neither graded nor solutions."""
    cells = list(graded_cells(nbgrader.release(shared)["source/small/small.ipynb"]))
    about = [cell["metadata"]["nbgrader"] for cell in cells]

    for cell, each in zip(cells, about, strict=True):
        jsonschema.Draft202012Validator(NBGRADER_CELL).validate(each)
        assert ("points" in each) == each["grade"]
        assert cell["cell_type"] == "code" or not (each["grade"] or each["solution"])
        assert each["locked"] != each["solution"]
    assert len({each["grade_id"] for each in about}) == len(about)
    assert [each["points"] for each in about if each["grade"]] == [10.0, 4.0]


def released(source: str) -> str:
    """What nbgrader leaves of a cell's source: markers and hidden tests go, the stub of our configuration is empty."""
    text = re.sub(r"### BEGIN HIDDEN TESTS.*### END HIDDEN TESTS", "", source, flags=re.DOTALL)
    return re.sub(r"### BEGIN SOLUTION\n### END SOLUTION", "", text)


def test_nbgraders_release_keeps_the_starter_and_shows_no_lookup(shared: Blueprint) -> None:
    """Learners get podlab's starter, and a test cell that is worth nothing by itself."""
    cells = list(graded_cells(nbgrader.source(shared)))
    answers = {c["id"]: released(c["source"]) for c in cells if c["metadata"]["nbgrader"]["solution"]}
    tests = [released(c["source"]) for c in cells if c["metadata"]["nbgrader"]["grade"]]

    starter = shared.parts("everybody")[0].exercise.shown(1)[1]
    assert starter.strip() in answers["e14-answer"]
    assert all("kept" not in test and test.strip().endswith("0.0") for test in tests)


def run_test_cell(shared: Blueprint, course: Path, answer: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run e14's test cell where nbgrader runs it, and return its last value."""
    folder = course / "autograded" / "ada" / "small"
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    cell = next(c for c in graded_cells(nbgrader.source(shared)) if c["id"] == "e14-test")
    body, value = "\n".join(cell["source"].splitlines()[:-1]).rsplit("\n", 1)
    names: dict[str, Any] = {"podlab_answers": {"e14": answer}}
    exec(body, names)  # noqa: S102  (our own test cell)
    return eval(value, names)


def test_nbgraders_test_cell_reads_the_points_of_this_answer(
    shared: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full marks, a part, none; what podlab has not graded, or only begun, is an error, which nbgrader makes a 0."""
    found = [mark(shared, f"s{n}", share) for n, share in enumerate(SHARES)]
    nbgrader.write(shared, found, tmp_path)

    points = [run_test_cell(shared, tmp_path, f"answer: {share}", monkeypatch) for share in SHARES[:3]]

    assert points == pytest.approx([0, 10 / 3, 10])
    for answer in ("answer: mine", "answer: None", ""):
        with pytest.raises(LookupError, match="has not graded"):
            run_test_cell(shared, tmp_path, answer, monkeypatch)


def test_submissions_are_written_anew_and_open_grades_left_out(shared: Blueprint, tmp_path: Path) -> None:
    """Only cells that podlab wrote, with the answer as text of %%exercise, so that no student's code can run."""
    found = [mark(shared, f"s{n}", share) for n, share in enumerate(SHARES)]
    for name, pattern in (("nbgrader", "submitted/*/small/small.ipynb"), ("otter", "submissions/*.ipynb")):
        formats.write(name, shared, found, tmp_path / name)
        paths = sorted((tmp_path / name).glob(pattern))

        assert len(paths) == 3, "the open grade"
        for path in paths:
            codes = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
            answers = [c["source"] for c in codes if c["id"].endswith("-answer")]
            assert [text.split()[0] for text in answers] == ["%%exercise"] * 2
            assert {c["id"] for c in codes} - {"e14-answer", "e00-answer", "e14-test", "e00-test"} == {
                "set-up"
            }


def test_feedback_of_nbgrader_names_no_hidden_check(shared: Blueprint, tmp_path: Path) -> None:
    """The test cell prints what the scores file says, and feedback shows it."""
    (scores, *_) = nbgrader.write(shared, [mark(shared, "ada", Fraction(0), hidden=True)], tmp_path)

    assert SECRET not in scores.read_text()


class Case:
    """otter's decorator, as far as a generated file uses it."""

    def __init__(self, name: str, points: float, hidden: bool) -> None:
        self.name, self.points, self.hidden = name, points, hidden

    def __call__(self, function: Any) -> Case:
        self.function = function
        return self

    def earns(self, answer: str) -> float:
        """The points of this case for an answer to e14."""
        try:
            self.function({"e14": answer})
        except AssertionError:
            return 0.0
        return self.points


def cases(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """The cases of a generated file."""
    stub = types.ModuleType("otter.test_files")
    stub.test_case = Case  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", stub)
    names = runpy.run_path(str(path))
    assert (names["OK_FORMAT"], names["name"]) == (False, path.stem)
    return [value for value in names.values() if isinstance(value, Case)]


def test_otters_cases_add_up_to_podlabs_points(
    shared: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a check was earned in part; an answer that podlab has not graded is an error."""
    found = [mark(shared, f"s{n}", share) for n, share in enumerate(SHARES)]
    otter.write(shared, found, tmp_path)
    made = cases(tmp_path / "tests/e14.py", monkeypatch)

    sums = [sum(case.earns(f"answer: {share}") for case in made) for share in SHARES[:3]]

    assert sums == pytest.approx([0, 10 / 3, 10])
    assert sum(case.points for case in made) == pytest.approx(10)
    with pytest.raises(LookupError, match="has not graded"):
        made[0].earns("answer: mine")
    config = json.loads((tmp_path / "otter_config.json").read_text())
    assert (config["assignment_name"], config["points_possible"]) == ("small", 14.0)


def test_the_same_answer_of_two_students_gets_the_higher_result(shared: Blueprint) -> None:
    """One cluster was slow; the text is the same."""
    low, high = mark(shared, "ada", Fraction(0)), mark(shared, "bob", Fraction(1))
    for result in (*low.results, *high.results):
        result["answer"] = "same"

    for found in ([low, high], [high, low]):
        (result,) = storedresults.by_answer(found, "e14").values()
        assert result["earned"] == 10
    assert storedresults.digest(" same\n") == hashlib.sha256(b"same").hexdigest()


@pytest.mark.parametrize("name", ["nbgrader", "otter"])
def test_an_assignment_that_draws_by_student_is_refused(name: str, plan: Blueprint, tmp_path: Path) -> None:
    """Their notebook and tests are the same for everybody."""
    with pytest.raises(PodlabError, match="draws exercises by student") as error:
        formats.write(name, plan, [], tmp_path / name)

    assert "seed = 1" in str(error.value)


def test_only_some_tools_have_a_release(shared: Blueprint) -> None:
    """The others take marks alone."""
    with pytest.raises(PodlabError, match="cannot release for canvas"):
        formats.release("canvas", shared)
