"""
Prove the formats nbgrader and otter by the programs themselves, from PyPI.

    python tests/assignments/prove_formats.py                      # both, on an embedded cluster of its own
    python tests/assignments/prove_formats.py --tool nbgrader --cluster lab
    python tests/assignments/prove_formats.py --venvs ~/venvs      # keep the installed tools for the next run

A class of three is released, graded by ``podlab grade`` on a cluster, reported, and graded by the other tool: right
answers, the unchanged notebook, and answers that are right in part. The tool's marks must be podlab's. With nbgrader a
fourth student's answer was never graded by podlab, and must get 0. It is a command and no step of ./check, because each
tool takes a minute to install.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from podlab import drivers
from podlab.assignments import blueprint
from podlab.drivers import Profile
from podlab.grading.prove import samples

NAME = "small"
BLUEPRINT = Path(__file__).parents[1] / "blueprints" / f"{NAME}.toml"
CLASS: Mapping[str, Mapping[str, str]] = {
    "ada": {"e14": "moved", "e12": "arrows"},
    "bob": {},
    "cy": {"e14": "first-in-containers", "e12": "order-ignored"},
}
"""Student -> exercise -> the sample in the exercise's folder that is handed in; none leaves the starter."""


class Wrong(Exception):  # noqa: N818  (the outcome of a proof)
    """The other tool does not agree."""


def run(command: Sequence[str | Path], folder: Path) -> str:
    """
    Run a command in *folder* and return its output; a failure shows all of it.

    The command's own folder comes first in PATH: nbgrader starts ``alembic``, and kernels, by name.
    """
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise Wrong(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def podlab(work: Path, *words: str | Path) -> str:
    """Run podlab as an instructor does."""
    return run([sys.executable, "-m", "podlab", *words], work)


def installed(tool: str, venvs: Path) -> Path:
    """
    Return the folder of programs of a virtual environment with *tool*; say its version.

    otter-grader needs a kernel to run notebooks and installs none by itself.
    """
    folder = venvs / tool
    if not (folder / "bin" / "pip").exists():
        print(f"{tool}: installing from PyPI (a minute)", flush=True)
        venv.create(folder, with_pip=True)
    run(
        [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", tool, "ipykernel"],
        venvs,
    )
    shown = run([folder / "bin" / "pip", "--disable-pip-version-check", "show", tool], venvs)
    print(next(line for line in shown.splitlines() if line.startswith("Version")).replace("Version", tool))
    return folder / "bin"


def answer(term: Path, exercise: str, sample: str) -> str:
    """Return the text of a sample, with the values that the exercise has in this release."""
    parts = blueprint.read(term / "instructor").parts("everybody")
    part = next(each for each in parts if each.exercise.id == exercise)
    return next(each.text for each in samples(part.exercise, part.seed) if each.name == sample)


def hand_in(term: Path, released: Path, folder: Path, chosen: Mapping[str, str]) -> None:
    """Write the released notebook with these samples in its answer cells."""
    body = json.loads(released.read_text("utf-8"))
    for cell in body["cells"]:
        exercise = cell["metadata"].get("podlab", {}).get("exercise", "")
        if cell["cell_type"] == "code" and exercise in chosen:
            first = "".join(cell["source"]).partition("\n")[0]
            cell["source"] = f"{first}\n{answer(term, exercise, chosen[exercise])}"
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text(json.dumps(body), "utf-8")


def graded(work: Path, released: Path, cluster: str, tool: str) -> dict[str, float]:
    """Hand in, grade and report; return podlab's marks."""
    for student, chosen in CLASS.items():
        hand_in(work / "term", released, work / "handed-in" / student, chosen)
    (work / "roster.csv").write_text("id\n" + "\n".join(CLASS) + "\n")
    given = ("--assignment", work / "term" / "instructor", "--roster", work / "roster.csv")
    podlab(work, "grade", work / "handed-in", *given, "--out", work / "grades", "--name", cluster)
    print("  " + podlab(work, "report", work / "grades", *given, "--format", tool).strip())
    with (work / "grades/report/gradebook.csv").open(newline="") as file:
        return {row["id"]: float(row["total"]) for row in csv.DictReader(file)}


def compare(tool: str, expected: Mapping[str, float], found: Mapping[str, float]) -> None:
    """Print both marks of each student."""
    for student, points in expected.items():
        print(f"  {student:<4} podlab {points:g}, {tool} {found.get(student)}")
    wrong = [name for name in expected if abs(found.get(name, -1) - expected[name]) > 1e-3]
    if wrong or set(found) != set(expected):
        raise Wrong(f"{tool} does not agree on {', '.join(wrong) or sorted(found)}")
    if expected["ada"] != 14 or expected["bob"] != 0 or not 0 < expected["cy"] < 14:
        raise Wrong("podlab's own marks are not full, none and some: the proof proves nothing")


def prove_nbgrader(work: Path, bin_: Path, cluster: str) -> None:
    """Release, autograde and give feedback with nbgrader."""
    course = work / "term" / "nbgrader"
    podlab(work, "release", work / f"{NAME}.toml", "--out", work / "term", "--format", "nbgrader")
    run([bin_ / "nbgrader", "generate_assignment", NAME, "--create"], course)
    released = course / "release" / NAME / f"{NAME}.ipynb"
    text = released.read_text("utf-8")
    if "podlab-scores" in text or "SOLUTION" in text or "NotImplementedError" in text:
        raise Wrong("the released notebook shows hidden tests, a solution region, or has lost its starters")
    marks = graded(work, released, cluster, "nbgrader")
    shutil.copytree(work / "grades/report/nbgrader", course, dirs_exist_ok=True)
    hand_in(work / "term", released, course / "submitted" / "eve" / NAME, {"e14": "with-startup-probe"})
    run([bin_ / "nbgrader", "autograde", NAME, "--create"], course)
    run([bin_ / "nbgrader", "generate_feedback", NAME], course)
    run([bin_ / "nbgrader", "export", "--to", "grades.csv"], course)
    with (course / "grades.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    if {float(row["max_score"]) for row in rows} != {14.0}:
        raise Wrong("nbgrader's assignment is not worth 14 points")
    compare("nbgrader", {**marks, "eve": 0.0}, {row["student_id"]: float(row["score"]) for row in rows})
    pages = sorted(path.parent.parent.name for path in (course / "feedback").glob(f"*/{NAME}/*.html"))
    print(f"  feedback for {', '.join(pages)}")
    if pages != ["ada", "bob", "cy", "eve"]:
        raise Wrong("a page of feedback is missing")


def prove_otter(work: Path, bin_: Path, cluster: str) -> None:
    """Pack the test set and run it on every submission with otter."""
    podlab(work, "release", work / f"{NAME}.toml", "--out", work / "term")
    marks = graded(work, work / "term" / "student" / f"{NAME}.ipynb", cluster, "otter")
    folder = work / "grades" / "report" / "otter"
    run(
        [bin_ / "otter", "generate", "-t", "tests", "-c", "otter_config.json", "-o", "autograder.zip"], folder
    )
    found = {}
    for path in sorted(folder.glob("submissions/*.ipynb")):
        out = folder / "out" / path.stem
        out.mkdir(parents=True)
        run([bin_ / "otter", "run", path, "-a", "autograder.zip", "-o", out, "--no-logo"], folder)
        results = json.loads((out / "results.json").read_text())
        found[path.stem] = results.get("score", sum(test.get("score", 0) for test in results["tests"]))
    compare("otter", marks, found)


PROOFS: Mapping[str, tuple[str, Callable[[Path, Path, str], None]]] = {
    "nbgrader": ("nbgrader", prove_nbgrader),
    "otter": ("otter-grader", prove_otter),
}


def prove(names: Sequence[str], cluster: str, venvs: Path) -> None:
    """Prove one format after another, in folders of their own."""
    for name in names:
        package, proof = PROOFS[name]
        bin_ = installed(package, venvs)
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            shutil.copy(BLUEPRINT, work)
            proof(work, bin_, cluster)


def main() -> int:
    """Make a cluster where none is named; exit code 1 where a tool does not agree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tool", choices=PROOFS, action="append", help="one of them (default: all)")
    parser.add_argument("--cluster", metavar="N", help="a cluster that runs (default: an embedded one)")
    parser.add_argument("--venvs", type=Path, metavar="FOLDER", help="where the tools are installed and kept")
    options = parser.parse_args()
    driver = drivers.get("embedded")
    made = None if options.cluster else driver.make(Profile(name=f"prove-{secrets.token_hex(3)}"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            venvs = options.venvs or Path(folder)
            venvs.mkdir(parents=True, exist_ok=True)
            prove(options.tool or list(PROOFS), made.name if made else options.cluster, venvs)
    except Wrong as error:
        print(f"not proved: {error}", file=sys.stderr)
        return 1
    finally:
        if made:
            driver.stop(made.name)
    print("proved")
    return 0


if __name__ == "__main__":
    sys.exit(main())
