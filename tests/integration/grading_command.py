"""``podlab grade`` as a command, a small class that is handed in, and what became of its grades."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from podlab.grading import find
from podlab.grading.prove import samples

BLUEPRINT = Path(__file__).parents[1] / "blueprints" / "two.toml"
PODLAB = [sys.executable, "-m", "podlab"]
Run = subprocess.CompletedProcess[str]


def right(exercise: str) -> str:
    """A right answer."""
    return next(each.text for each in samples(find(exercise)) if each.kind == "right")


def notebook(term: Path, **answers: str) -> str:
    """The released notebook with these answers."""
    body = json.loads((term / "student" / "two.ipynb").read_text())
    for cell in body["cells"]:
        name = cell["metadata"].get("podlab", {}).get("exercise")
        if cell["cell_type"] == "code" and name in answers:
            cell["source"] = f"%%exercise {name}\n{answers[name]}"
    return json.dumps(body)


def hand_in(folder: Path, student: str, text: str) -> None:
    """Put a notebook into a student's folder."""
    (folder / student).mkdir(parents=True)
    (folder / student / "two.ipynb").write_text(text)


def hand_in_right(term: Path, students: int) -> Path:
    """Put right answers into the folders of so many students, and return the folder of all."""
    given = term.parent / "handed-in"
    for number in range(students):
        hand_in(given, f"s{number}", notebook(term, e26=right("e26"), e14=right("e14")))
    return given


def command(term: Path, submissions: Path, cluster: str, *more: str) -> list[str]:
    """The command that grades on a cluster of podlab's."""
    return [*grading(term, submissions), "--name", cluster, *more]


def grading(term: Path, submissions: Path) -> list[str]:
    """The command that grades, but for the cluster."""
    given = ["--assignment", str(term / "instructor"), "--out", str(term.parent / "grades")]
    return [*PODLAB, "grade", str(submissions), *given]


def run(words: list[str]) -> Run:
    """Run to the end; the output of a failure is short and holds no traceback."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr[-3000:]
    return done


def begin(words: list[str], out: Path, within_s: float) -> subprocess.Popen[str]:
    """Begin a grading into *out*, and return its process once it runs answers to e14."""
    begun = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    gives_up_at = time.monotonic() + within_s
    while not list(out.glob("evidence/*/e14-*.jsonl")):
        assert begun.poll() is None, begun.stdout and begun.stdout.read()
        assert time.monotonic() < gives_up_at
        time.sleep(0.1)
    return begun


def whole(folder: Path) -> dict[str, str]:
    """State of every result, by path; all of them can be read, and no draft of one is left."""
    assert [path.name for path in folder.rglob("*.part")] == []
    found = {path.relative_to(folder / "results").as_posix(): json.loads(path.read_text())
             for path in (folder / "results").glob("*/*.json")}  # fmt: skip
    return {name: body["report"]["state"] for name, body in found.items()}
