"""Every lab is one folder: words, a notebook of the folder's name, and manifests; what it names exists."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from podlab import grading, images, manifests

LABS = sorted(path.parent for path in (Path(__file__).parents[2] / "labs").glob("[0-9][0-9]-*/lab.toml"))
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FIELDS = {"title": str, "minutes": int, "needs": list, "exercises": list, "rows": list}
KNOWN = images.load()


def page(folder):
    """The notebook that tells a lab's story: its own, or the page of the course that lab.toml names."""
    name = tomllib.loads((folder / "lab.toml").read_text("utf-8")).get("notebook")
    return NOTEBOOKS / f"{name}.ipynb" if name else folder / f"{folder.name}.ipynb"


def faults(folder):
    """Yield what is wrong with the folder of a lab."""
    data = tomllib.loads((folder / "lab.toml").read_text("utf-8"))
    if {name: type(value) for name, value in data.items() if name != "notebook"} != FIELDS:
        yield f"lab.toml has other fields than {', '.join(FIELDS)} and perhaps notebook"
    for file in (folder / "README.md", page(folder)):
        if not file.is_file():
            yield f"{file.name} is missing"
    for name in data["exercises"]:
        if name not in grading.ids():
            yield f"there is no exercise {name}"
    for name in data["needs"]:
        KNOWN.find(name)
    if not all(re.fullmatch(r"[A-Z]\d*", row) for row in data["rows"]):
        yield "rows are named like I10 or B"


@pytest.mark.parametrize("folder", LABS, ids=lambda path: path.name)
def test_a_labs_folder_is_whole(folder):
    assert list(faults(folder)) == []


@pytest.mark.parametrize("folder", LABS, ids=lambda path: path.name)
def test_a_labs_manifests_can_be_read(folder):
    for path in sorted(folder.glob("manifests/*.yaml")):
        assert manifests.load(path.read_text("utf-8"), source=path.name)


@pytest.mark.parametrize("folder", LABS, ids=lambda path: path.name)
def test_a_labs_notebook_names_its_images_first(folder):
    """The images that lab.toml lists are those that the notebook brings to the cluster."""
    text = page(folder).read_text("utf-8")
    asked = re.findall(r"lab\.need\((.*?)\)", text)
    needs = tomllib.loads((folder / "lab.toml").read_text("utf-8"))["needs"]

    assert sorted(re.findall(r'\\"([^"\\]+)\\"', " ".join(asked))) == sorted(needs)


def test_the_production_page_shows_the_manifest_of_its_lab():
    """What a learner reads in round 6.2 is what round 6.1 runs from the file."""
    cells = json.loads((NOTEBOOKS / "06-production.ipynb").read_text("utf-8"))["cells"]
    shown = ["".join(cell["source"]) for cell in cells]
    kept = (NOTEBOOKS.parent / "labs/14-combined/manifests/production.yaml").read_text("utf-8")

    assert f"%%manifest production\n{kept.rstrip()}" in shown


def unknown_commands(text: str) -> set[str]:
    """The words after ``podlab`` in marked text that are not commands."""
    verbs = {path.stem for path in (NOTEBOOKS.parent / "helpers/podlab/cli/verbs").glob("[a-z]*.py")}
    return set(re.findall(r"`podlab ([a-z][a-z-]*)", text)) - verbs


def test_pages_labs_and_exercises_name_commands_that_exist():
    """A debrief once sent learners to `podlab timeline`, which never existed."""
    labs = NOTEBOOKS.parent / "labs"
    texts = [*labs.rglob("*.md"), *labs.rglob("*.ipynb"), *NOTEBOOKS.glob("*.ipynb")]

    assert {path.name: found for path in texts if (found := unknown_commands(path.read_text("utf-8")))} == {}
    assert unknown_commands("`podlab timeline` and `podlab plot`") == {"timeline"}


def test_a_planted_fault_is_found(tmp_path):
    """A lab without a notebook, with an exercise that nobody wrote."""
    folder = tmp_path / "99-nothing"
    folder.mkdir()
    (folder / "README.md").write_text("# 99")
    (folder / "lab.toml").write_text(
        'title = "t"\nminutes = 1\nneeds = []\nexercises = ["e999"]\nrows = ["I1"]\n'
    )

    assert list(faults(folder)) == ["99-nothing.ipynb is missing", "there is no exercise e999"]


def impatient_calls(source):
    """The requests within a wait of a cell whose failure would end the wait: the server may not listen yet."""
    waits = [each for each in ast.walk(ast.parse(source)) if called(each) == "lab.wait"]
    execs = [each for wait in waits for each in ast.walk(wait) if called(each) == "lab.exec"]
    return [
        text
        for each in execs
        if "wget" in (text := ast.unparse(each)) and "check" not in {keyword.arg for keyword in each.keywords}
    ]


def called(node):
    """The name of the function that a node calls."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def test_a_wait_for_a_server_accepts_that_it_does_not_answer_yet():
    """Readiness says nothing of a container without a probe: round 10.1 met a refused connection at once."""
    labs = NOTEBOOKS.parent / "labs"
    found = {}
    for path in [*labs.glob("*/*.ipynb"), *NOTEBOOKS.glob("*.ipynb")]:
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(line for line in cell["source"] if not line.startswith("%load_ext"))
            if cell["cell_type"] == "code" and "lab.wait" in source and not source.startswith("%%"):
                found.setdefault(path.name, []).extend(impatient_calls(source))

    assert len(found) > 10
    assert {name: calls for name, calls in found.items() if calls} == {}
