"""
``docs/instructors.md`` as a new instructor follows it: each command of the guide, in order, in an empty folder.

The folder has what a clone has (``labs``, ``.venv``) and the instructor's own files: a roster, ``small.toml``, and the
notebooks that students hand in. Each line of output that the guide shows must appear, in its order; numbers may differ.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from clusters import RUN_ID

from podlab.assignments import blueprint
from podlab.grading.prove import samples

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "instructors.md"
# Commands that need more than podlab, and the program that runs them.
ELSEWHERE = {
    "kubectl ": "tests/integration/test_class_isolation.py",
    "sudo ": "tests/integration/test_hub.py",
    "(cd small/nbgrader && nbgrader ": "tests/assignments/prove_formats.py",
    "pip install 'otter-grader": "tests/assignments/prove_formats.py",
    "cd small-grades/report/otter": "tests/assignments/prove_formats.py",
    "otter ": "tests/assignments/prove_formats.py",
}
REDUCED = "reduced mode"  # in the output of what tests/integration/test_binder.py runs
SERVES = "--web "
NAMES = ("ada", "bob", "cy")


class Command(NamedTuple):
    """A line of the guide that begins with ``$``, and the output below it."""

    text: str
    output: list[str]


def commands() -> list[Command]:
    """Every command of the guide, in order."""
    found: list[Command] = []
    for block in re.findall(r"^```console\n(.*?)^```", GUIDE.read_text("utf-8"), re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:].partition("  #")[0].strip(), []))
            elif line.strip():
                found[-1].output.append(line)
    return found


def is_elsewhere(command: Command) -> bool:
    """Whether another program runs it."""
    return command.text.startswith(tuple(ELSEWHERE)) or any(REDUCED in line for line in command.output)


def masked(line: str) -> str:
    """A line without its numbers, the plural of what they count, and the names of nodes."""
    numbers = re.sub(r"\d+(\.\d+)?", "#", re.sub("(?<=Pods by node: ).*", "", line.strip()))
    return re.sub(r"(?<=# )(\w+?)s?\b", r"\1", numbers)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder in which the instructor works."""
    (tmp_path / "labs").symlink_to(ROOT / "labs")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "roster.csv").write_text(
        "id,name,email\n" + "".join(f"{name},{name.title()},{name}@example.org\n" for name in NAMES)
    )
    rows = {"beside": (10, "e14"), "judgement": (4, "e12")}
    (tmp_path / "small.toml").write_text(
        'title = "Small"\nseed = 1\n'
        + "".join(
            f'\n[[rows]]\nname = "{row}"\npoints = {points}\nchoose = ["{name}"]\n'
            for row, (points, name) in rows.items()
        )
    )
    yield tmp_path
    run(tmp_path, "podlab down")


def environment() -> dict[str, str]:
    """The instructor's, with a cluster of the test's own in place of ``lab``."""
    return {**os.environ, "PODLAB_CLUSTER": f"guide-{RUN_ID}", "KUBECONFIG": "school.kubeconfig"}


def run(folder: Path, text: str) -> str:
    """Run a command as the guide's reader does, and return what it prints."""
    done = subprocess.run(
        ["bash", "-c", f"source .venv/bin/activate; {text}"],
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}"
    return done.stdout


def borrow(folder: Path) -> None:
    """Write the kubeconfig of a school's cluster, whose context is ``school``: it is the same cluster here."""
    config = yaml.safe_load(Path(run(folder, "podlab kubeconfig").strip()).read_text())
    config["contexts"][0]["name"] = config["current-context"] = "school"
    (folder / "school.kubeconfig").write_text(yaml.safe_dump(config))


def serve(folder: Path, text: str) -> str:
    """Start a command that serves a page, read the page, and end it as Ctrl-C does."""
    process = subprocess.Popen(
        ["bash", "-c", f"source .venv/bin/activate; exec {text.replace('--web 8000', '--web 0')}"],
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        address = re.search(r"http://\S+", first)
        assert address, first + process.stdout.read()
        with urllib.request.urlopen(address[0], timeout=30) as page:
            assert page.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    return first


def hand_in(folder: Path, release: str, answered: int) -> None:
    """Put each student's notebook into ``handed-in``, with right answers of ada to the first exercises."""
    shutil.rmtree(folder / "handed-in", ignore_errors=True)
    plan = blueprint.read(folder / release / "instructor")
    for name in NAMES:
        parts = plan.parts(name)[:answered] if name == "ada" else []
        answers = {
            part.exercise.id: next(s.text for s in samples(part.exercise, part.seed) if s.kind == "right")
            for part in parts
        }
        (source,) = [
            *folder.glob(f"{release}/student/{name}/*.ipynb"), *folder.glob(f"{release}/student/*.ipynb")
        ]  # fmt: skip
        body = json.loads(source.read_text())
        for cell in body["cells"]:
            exercise = cell["metadata"].get("podlab", {}).get("exercise")
            if cell["cell_type"] == "code" and exercise in answers:
                cell["source"] = f"%%exercise {exercise}\n{answers[exercise]}"
        (folder / "handed-in" / name).mkdir(parents=True)
        (folder / "handed-in" / name / source.name).write_text(json.dumps(body))


def test_each_command_that_needs_more_than_podlab_is_run_by_another_program() -> None:
    """None is left out in silence: a new command of the guide is run below, unless it stands in the table."""
    texts = [command.text for command in commands()]

    assert len(texts) >= 25
    for start, program in ELSEWHERE.items():
        assert any(text.startswith(start) for text in texts), start
        assert (ROOT / program).is_file()


def test_the_guides_commands_do_what_it_shows(folder: Path) -> None:
    """From the release to marks in the platform's form, and a class; ada's two right answers earn their points."""
    for command in commands():
        if is_elsewhere(command):
            continue
        text = command.text
        if text.startswith("podlab grade download.zip"):
            hand_in(folder, "term", 2)
            shutil.make_archive(str(folder / "download"), "zip", folder / "handed-in")
        elif text.startswith("podlab grade handed-in"):
            hand_in(folder, "small", 2)
        if "--on context" in text:  # a school's own class, so grades of its own
            borrow(folder)
            text = text.replace("--out grades", "--out school-grades")
        printed = (serve if SERVES in text else run)(folder, text)
        shown = iter([masked(line) for line in printed.splitlines()])
        for line in command.output:
            assert line.strip() == "..." or masked(line) in shown, f"{text}\n{line}\n\n{printed}"

    plan = blueprint.read(folder / "term" / "instructor")
    right = {part.exercise.id: float(part.points) for part in plan.parts("ada")[:2]}
    earned = students(folder / "grades")["ada"]["earned"]
    assert {name: earned[name] for name in right} == pytest.approx(right)
    assert students(folder / "grades")["bob"]["total"] == 0
    assert students(folder / "small-grades")["ada"]["total"] == 14


def students(grades: Path) -> dict[str, Any]:
    """The gradebook's students."""
    return {row["id"]: row for row in json.loads((grades / "report/gradebook.json").read_text())["students"]}
