"""
The zip that Gradescope builds an autograder from: podlab itself, the assignment, and the way to start both.

    setup.sh                 run once, when Gradescope builds the image: a virtual environment, filled by pip
    run_autograder           run for each submission; the grading itself is ``podlab.assignments.autograding``
    requirements.txt         the core dependencies of podlab
    assignment.toml          the blueprint;  students.json: the roster, where each student has a variant
    lib/podlab/              this package, with the exercises of the assignment and without their answers

Source: gradescope/autograder_samples, ``docs/specs.md`` and ``docs/troubleshooting.md``.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from podlab import grading, paths
from podlab.assignments.blueprint import FILE, Blueprint
from podlab.assignments.roster import Student
from podlab.course import edition
from podlab.errors import PodlabError
from podlab.grading import runs

PROGRAMS = ("setup.sh", "run_autograder")
STUDENTS = "students.json"
LIMIT_S = 570
_PACKAGE = Path(__file__).resolve().parents[1]
_COURSE = "lib/podlab/course"
_DELIVERED = ("notebooks", "labs", "clusters")  # a wheel keeps the whole course in these folders
_OLDEST = (1980, 1, 1, 0, 0, 0)  # of a zip: the same assignment gives the same bytes
_SETUP = """\
#!/usr/bin/env bash
# Made by podlab. Gradescope runs this once, when it builds the image of the autograder.
set -euo pipefail
here=/autograder/source

# podlab needs Python 3.11 or newer; python3 of Ubuntu 22.04 is 3.10.
python=""
for each in python3 python3.14 python3.13 python3.12 python3.11; do
  if "$each" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python="$each"
    break
  fi
done
if [ -z "$python" ]; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi

"$python" -m venv "$here/venv"
"$here/venv/bin/python" -m pip install --disable-pip-version-check --requirement "$here/requirements.txt"
PYTHONPATH="$here/lib" "$here/venv/bin/python" -m podlab.assignments.autograding --check
"""
_RUN = """\
#!/usr/bin/env bash
# Made by podlab. Gradescope runs this for each submission.
limit_s={limit_s}  # Gradescope ends an autograder after 10 minutes; raise both numbers together

# This result stays if the grader does not reach its end: it has no score, so nobody gets a zero for that.
mkdir -p /autograder/results
cat >/autograder/results/results.json <<'END'
{open_result}
END

export PYTHONPATH=/autograder/source/lib PODLAB_HOME
PODLAB_HOME="$(mktemp -d)"
cd "$PODLAB_HOME" || exit 0  # not in the submission: what lies there must not be found by chance
timeout --kill-after=20 "$limit_s" /autograder/source/venv/bin/python -m podlab.assignments.autograding
rm -rf "$PODLAB_HOME"
exit 0
"""
UNFINISHED = "not gradable: the grading did not reach its end. No marks either way; it can be run again."


def open_result(why: str) -> dict[str, object]:
    """Return the body of results.json for a grade that is open: it has no score, and no test with one."""
    return {"output": why, "output_format": "text", "visibility": "visible", "stdout_visibility": "hidden",
            "tests": []}  # fmt: skip


def packed(blueprint: Blueprint, students: Sequence[Student]) -> bytes:
    """
    Return the zip.

    Raises:
        PodlabError: Each student has a variant, and the roster lacks an e-mail address or is missing.
    """
    if blueprint.seed == "student" and not all(student.email for student in students or [Student("")]):
        raise PodlabError(
            f"{blueprint.title} has a variant for each student, and Gradescope knows students by their e-mail address",
            hint="add --roster with the columns id,name,email, all filled; or write  seed = 1  for one variant for all",
        )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(_files(blueprint, students)):
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name in PROGRAMS else 0o100644) << 16
            archive.writestr(entry, data)
    return out.getvalue()


def _files(blueprint: Blueprint, students: Sequence[Student]) -> Iterator[tuple[str, bytes]]:
    unfinished = json.dumps(open_result(UNFINISHED), indent=1)
    yield "setup.sh", _SETUP.encode()
    yield "run_autograder", _RUN.format(limit_s=LIMIT_S, open_result=unfinished).encode()
    yield "requirements.txt", ("\n".join(_requirements()) + "\n").encode()
    yield FILE, blueprint.released.encode()
    if blueprint.seed == "student":
        yield STUDENTS, json.dumps([asdict(each) for each in students], indent=1).encode()
    yield from _package()
    yield from _course(blueprint)


def _requirements() -> Iterator[str]:
    """Yield the dependencies of podlab's core; extras are for notebooks, which no autograder runs."""
    yield from (each for each in metadata.requires("podlab") or () if "extra ==" not in each)


def _package() -> Iterator[tuple[str, bytes]]:
    for path in _PACKAGE.rglob("*"):
        name = path.relative_to(_PACKAGE)
        delivered = name.parts[0] == "course" and len(name.parts) > 2 and name.parts[1] in _DELIVERED
        if path.is_file() and "__pycache__" not in name.parts and not delivered:
            yield f"lib/podlab/{name.as_posix()}", path.read_bytes()


def _course(blueprint: Blueprint) -> Iterator[tuple[str, bytes]]:
    """The exercises as learners get them, with the hidden checks that they do not get; and recipes of images."""
    exercises = [grading.find(name) for name in blueprint.exercises]
    for exercise in exercises:
        files = dict(edition.shown(exercise))
        files |= {name: (exercise.folder / name).read_bytes() for name in ("exercise.toml", "checks.py")}
        yield from (
            (f"{_COURSE}/labs/exercises/{exercise.folder.name}/{name}", data) for name, data in files.items()
        )
    shared = {each.folder.parent / runs.SHARED for each in exercises}
    for path in (path for folder in shared for path in folder.glob("*.yaml")):
        yield f"{_COURSE}/labs/exercises/{runs.SHARED}/{path.name}", path.read_bytes()
    recipes = paths.shipped("clusters")
    for path in [recipes / "images.yaml", *(recipes / "images").rglob("*")]:
        if path.is_file():
            yield f"{_COURSE}/clusters/{path.relative_to(recipes).as_posix()}", path.read_bytes()
