"""
The autograder's zip, run as Gradescope runs it: unpacked to /autograder, set up once, started for each submission.

``/autograder`` exists in a mount namespace of each run alone, so the scripts run unchanged. The layout follows
gradescope/autograder_samples, ``docs/specs.md`` and ``docs/submission_metadata.md``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from platform_schemas import GRADESCOPE

from podlab.assignments import blueprint
from podlab.grading.prove import samples

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(900)]

BLUEPRINT = Path(__file__).parents[1] / "blueprints" / "small.toml"
ROSTER = "id,name,email\nada,Ada Lovelace,ada@example.org\nbob,Bob Brown,Bob@Example.org\n"
# A root of its own, with everything of the real one and /autograder beside it. A chroot would not do: in one, no
# process may make the user namespaces that the embedded cluster needs.
CONTAINER = r"""
set -eu
root="$1"; layout="$2"; shift 2
mount -t tmpfs none "$root"
for path in /*; do
  name="$root$path"
  if [ -L "$path" ]; then cp -P "$path" "$name"
  elif [ -d "$path" ]; then mkdir "$name" && mount --rbind "$path" "$name"
  elif [ -f "$path" ]; then touch "$name" && mount --bind "$path" "$name"
  fi
done
mkdir "$root/autograder" "$root/.before"
mount --bind "$layout" "$root/autograder"
cd "$root"
pivot_root . .before
umount -l /.before
cd /autograder
exec "$@"
"""


def in_container(layout: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command where *layout* is /autograder."""
    root = layout.parent / "root"
    root.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PODLAB_", "PYTHON"))}
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return subprocess.run(
        ["unshare", *own, "--mount", "--propagation", "private", "sh", "-c", CONTAINER, "sh", root, layout, *command],
        env={**kept, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with the autograder's zip."""
    from podlab.cli import main

    folder = tmp_path_factory.mktemp("gradescope")
    by_student = BLUEPRINT.read_text().replace("seed = 1", 'seed = "student"')
    (folder / "small.toml").write_text(by_student)
    (folder / "roster.csv").write_text(ROSTER)
    words = ["release", folder / "small.toml", "--roster", folder / "roster.csv", "--out", folder / "term"]
    assert main([*map(str, words), "--format", "gradescope"]) == 0
    return folder / "term"


@pytest.fixture(scope="module")
def image(term: Path) -> Path:
    """/autograder as Gradescope builds it: the zip in source/, run_autograder copied out of it, setup.sh done."""
    top = term.parent / "image" / "autograder"
    with zipfile.ZipFile(term / "gradescope" / "autograder.zip") as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, top / "source"))
            path.chmod(entry.external_attr >> 16 & 0o777)
    shutil.copy(top / "source" / "run_autograder", top / "run_autograder")
    built = in_container(top, "bash", "/autograder/source/setup.sh")
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-3000:]
    assert "answers can be run in this container" in built.stdout, built.stdout
    return top


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(image: Path, tmp_path: Path) -> Run:
    """Hand in and grade in a fresh container; return results.json, held against the published fields."""

    def graded(
        files: dict[str, str], email: str = "ada@example.org", fault: str = ":", **env: str
    ) -> dict[str, Any]:
        top = tmp_path / "autograder"
        shutil.copytree(image, top, symlinks=True)
        subprocess.run(fault, shell=True, cwd=top, check=True)
        (top / "submission").mkdir()
        for name, text in files.items():
            (top / "submission" / name).write_text(text)
        users = [{"email": email, "id": 1, "name": "<b>A</b>"}]
        about = {"id": 7, "created_at": "2026-11-30T09:00:00.000000+00:00", "users": users}
        (top / "submission_metadata.json").write_text(json.dumps(about))
        done = in_container(top, "/autograder/run_autograder", **env)
        assert done.returncode == 0, done.stderr[-3000:]
        body: dict[str, Any] = json.loads((top / "results" / "results.json").read_text())
        jsonschema.Draft202012Validator(GRADESCOPE).validate(body)
        return body

    return graded


def notebook(term: Path, student: str, **chosen: str) -> str:
    """A student's released notebook with these samples, by exercise, as its answers."""
    body = json.loads((term / "student" / student / "small.ipynb").read_text())
    parts = {part.exercise.id: part for part in blueprint.read(term / "instructor").parts(student)}
    for cell in body["cells"]:
        name = cell["metadata"].get("podlab", {}).get("exercise", "")
        if cell["cell_type"] == "code" and name in chosen:
            found = samples(parts[name].exercise, parts[name].seed)
            text = next(each.text for each in found if each.name == chosen[name])
            cell["source"] = f"{cell['source'].splitlines()[0]}\n{text}"
    return json.dumps(body)


def has_no_score(body: dict[str, Any]) -> bool:
    """Whether Gradescope finds neither a total nor tests to add up: an open grade is never a zero."""
    return "score" not in body and body["tests"] == []


def test_a_right_submission_gets_full_marks(run: Run, term: Path) -> None:
    """Found by the student's address, on the variant that this student drew, whatever the file is called."""
    body = run({"my work (2).ipynb": notebook(term, "bob", e14="moved", e12="arrows")}, "bob@example.org")

    assert body["score"] == 14
    assert sum(test["score"] for test in body["tests"]) == pytest.approx(14, abs=1e-3)
    assert {test["status"] for test in body["tests"]} == {"passed"}
    assert body["stdout_visibility"] == "hidden"


def test_an_unchanged_notebook_gets_nothing(run: Run, term: Path) -> None:
    """Each exercise is listed with its points, so that the student sees what is missing."""
    body = run({"small.ipynb": notebook(term, "ada")})

    assert body["score"] == 0
    assert sum(test["max_score"] for test in body["tests"]) == pytest.approx(14, abs=1e-3)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"small.ipynb": '{"cells": ['}, "cannot be read as a notebook"),
        ({"answers.txt": "moved"}, "no notebook was handed in"),
        ({"small.zip": "PK"}, "cannot be read as a zip"),
    ],
    ids=["broken", "no-notebook", "no-zip"],
)
def test_a_file_that_cannot_be_read_is_a_zero_with_a_reason(
    run: Run, files: dict[str, str], words: str
) -> None:
    """It is the student's own file, and can be handed in again."""
    body = run(files)

    assert body["score"] == 0
    assert words in body["output"]


def test_a_student_whom_the_roster_lacks_is_left_open(run: Run, term: Path) -> None:
    """Nobody knows which variant to grade."""
    body = run({"small.ipynb": notebook(term, "ada")}, "eve@example.org")

    assert has_no_score(body)
    assert "no student with the address eve@example.org" in body["output"]


def test_a_container_without_namespaces_leaves_the_grade_open(run: Run, term: Path) -> None:
    """The reduced mode has no volumes: a right answer would lose its points there."""
    body = run({"small.ipynb": notebook(term, "ada", e14="moved", e12="arrows")}, PODLAB_SANDBOX="reduced")

    assert has_no_score(body)
    assert "not gradable" in body["output"]


@pytest.mark.parametrize(
    "fault",
    ["rm source/assignment.toml", "rm -r source/venv", "sed -i s/limit_s=570/limit_s=0.2/ run_autograder"],
    ids=["zip", "image", "limit"],
)
def test_a_grader_that_does_not_reach_its_end_leaves_the_grade_open(run: Run, term: Path, fault: str) -> None:
    """A fault of the zip, of the image, and Gradescope's limit of time: results.json is still written."""
    body = run({"small.ipynb": notebook(term, "ada", e14="moved")}, fault=fault)

    assert has_no_score(body)
    assert "not gradable" in body["output"]
