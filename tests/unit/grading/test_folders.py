"""Exercise folders: each one in the repository is whole, and a new one needs no edit anywhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podlab import images
from podlab.errors import CheckError
from podlab.grading import Place, find, grade, ids, play, scaffold
from podlab.grading.loading import read
from podlab.grading.prove import expected, lacking, samples
from podlab.grading.runs import fixtures
from podlab.grading.waitconditions import PART

NOWHERE = Place(client=None)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty course that is looked at first."""
    (tmp_path / "labs/exercises").mkdir(parents=True)
    monkeypatch.setenv("PODLAB_COURSE", str(tmp_path))
    return tmp_path / "labs/exercises"


@pytest.mark.parametrize("name", ids())
def test_every_exercise_is_whole(name: str) -> None:
    """It can be read, its checks have functions, and it has enough right answers, mistakes and shortcuts."""
    exercise = find(name)

    assert set(exercise.functions) == {row.id for row in exercise.checks}
    assert lacking(exercise) == []
    assert [sample.name for sample in samples(exercise, seed=7)]
    assert exercise.ask.strip() and exercise.debrief.strip()


@pytest.mark.parametrize("name", ids())
def test_an_exercise_needs_the_images_that_its_files_name(name: str) -> None:
    """A cluster gets the images that are listed; one that is only used would be pulled, and found nowhere."""
    exercise, known = find(name), images.load()
    files = [path for path in exercise.folder.rglob("*") if path.suffix in (".yaml", ".toml")]
    text = "\n".join(path.read_text("utf-8") for path in files)

    used = {image for image in re.findall(r"podlab-[a-z0-9-]+:[\d.]+", text) if image != "podlab-app:1"}

    assert used == {known.find(short).name for short in exercise.needs}


@pytest.mark.parametrize("name", ids())
def test_a_play_acts_on_pods_that_are_there(name: str) -> None:
    """The grader names the answer's Pods; a patch of another name changes nothing, and nobody is told."""
    exercise, values = find(name), find(name).values(0)
    text = exercise.text("play.yaml", {**values, "node": "node"})
    steps = play.read(text, source="play.yaml") if text else []
    pods = {each.name for docs in fixtures(exercise, values).values() for each in docs if each.kind == "Pod"}

    objects = [step.what["object"] for step in steps if step.verb == "patch"]
    objects += [step.what for step in steps if step.verb == "look"]
    assert {each["name"] for each in objects if each["kind"] == "Pod"} <= pods | {"answer"}


@pytest.mark.parametrize("name", ids())
def test_no_answer_stands_behind_the_service_of_a_fixture(name: str) -> None:
    """An answer's Pod with the labels of a fixture is not selected with it, for its part is another."""
    exercise = find(name)
    objects = [each for docs in fixtures(exercise, exercise.values(0)).values() for each in docs]
    services = [each.object["spec"]["selector"] for each in objects if each.kind == "Service"]
    pods = [each.object["metadata"]["labels"] for each in objects if each.kind == "Pod"]
    like = [{**labels, PART: "answer"} for labels in pods]

    for selector in services:
        if any(selector.items() <= labels.items() for labels in pods):
            assert not any(selector.items() <= labels.items() for labels in like), (name, selector)


@pytest.mark.parametrize("name", ids())
def test_the_same_seed_gives_the_same_variant(name: str) -> None:
    """Values are drawn from the seed alone."""
    exercise = find(name)

    assert exercise.values(5) == read(exercise.folder).values(5)


def test_a_question_shows_the_manifest_that_the_play_applies(course: Path) -> None:
    """It is written once, so question and play cannot differ; the seed's values are in both."""
    folder = scaffold.make("e97-new-one")
    with (folder / "exercise.toml").open("a") as file:
        file.write('\n[values]\nname = { choice = ["ash"] }\n')
    (folder / "given.yaml").write_text("kind: Pod\nmetadata: {name: {{name}}}\n")
    (folder / "ask.md").write_text("Look:\n\n{{given}}\n\nWhat runs?\n")

    assert find("e97").shown()[0] == "Look:\n\nkind: Pod\nmetadata: {name: ash}\n\nWhat runs?\n"


def test_a_new_folder_is_an_exercise_at_once(course: Path) -> None:
    """No list is edited: the folder that was made is listed, shown and graded."""
    scaffold.make("e97-new-one")

    assert "e97" in ids()
    assert "Let the Pod end" in find("e97").shown()[0]
    assert grade("e97", "# nothing", NOWHERE).state == "not answered"
    assert grade("e97", find("e97").shown()[1], NOWHERE).state == "refused"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "points = 1\nminutes",
            "point = 1\nminutes",
            "e97-new-one/exercise.toml, line 4: unknown field 'point'",
        ),
        ('kind = "repair"', 'kind = "mend"', "exercise.toml, line 2: kind is 'mend'"),
        ('kind = "repair"\n', "", "line 1: the file lacks the field 'kind'"),
        ("points = 1\nminutes", 'points = "x"\nminutes', "line 4: points has the wrong type"),
        ("points = 1\nminutes", "points = 3\nminutes", "line 4: points is 3, the checks add up to 1"),
        ('id = "ended"\n', "", "lacks the field 'id'"),
        ("outcomes = []", "outcomes = [", "is not TOML"),
        ("outcomes = []", 'outcomes = ["O13"]', "line 3: outcomes is 'O13'"),
    ],
)
def test_a_fault_in_exercise_toml_names_file_and_line(course: Path, old: str, new: str, message: str) -> None:
    """A missing, misspelt or wrong field is an error when the folder is read."""
    file = scaffold.make("e97-new-one") / "exercise.toml"
    file.write_text(file.read_text().replace(old, new, 1))

    with pytest.raises(CheckError) as error:
        find("e97")

    assert message in str(error.value)


def test_a_check_without_a_function_is_an_error(course: Path) -> None:
    """exercise.toml and checks.py name the same checks."""
    file = scaffold.make("e97-new-one") / "checks.py"
    file.write_text(file.read_text().replace('@check("ended")', '@check("over")'))

    with pytest.raises(CheckError, match="name different checks"):
        _ = find("e97").functions


def test_an_answer_file_must_say_what_it_earns(tmp_path: Path) -> None:
    """A file without its first line cannot be proved."""
    with pytest.raises(CheckError, match="does not say what it earns"):
        expected("apiVersion: v1\n", tmp_path / "a/b/c/d.yaml")
