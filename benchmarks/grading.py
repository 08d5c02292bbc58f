"""
What grading a class costs, beside executing the same notebooks; what a kill of the grader loses.

    python benchmarks/grading.py                          # 100 submissions of 5 exercises, on an own embedded cluster
    python benchmarks/grading.py --students 20 --cluster lab
    python benchmarks/grading.py --kill 30                # kill -9 at 30 random moments: grades lost, graded twice

The reference is `nbclient`: a new kernel for each notebook, as nbgrader does it, on a sample of the notebooks; its time
for the whole class is the sample's mean times the class. Both run on the same cluster. Right and wrong answers are
taken from the exercises' folders by turns, so every student hands in something else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from podlab import drivers
from podlab.assignments import blueprint, marking, release
from podlab.assignments.roster import Student
from podlab.drivers import Cluster, Profile
from podlab.grading.prove import samples

EXERCISES = ("e14", "e01", "e06", "e15", "e20")
SAMPLE = 3


def plan(folder: Path) -> Path:
    """Write a blueprint of five exercises and return its folder."""
    rows = "".join(f'\n[[rows]]\nname = "{name}"\npoints = 10\nchoose = ["{name}"]\n' for name in EXERCISES)
    folder.mkdir()
    (folder / "assignment.toml").write_text(f'title = "A class"\nseed = "student"\n{rows}')
    return folder


def hand_in(folder: Path, students: int, where: Path) -> Path:
    """Write the notebooks of a class, each with an answer of its own in every cell."""
    whole = blueprint.read(folder)
    for number in range(students):
        student = Student(f"s{number:03}")
        parts = whole.parts(student.id)
        # An answer to another variant is refused unread, which costs next to nothing: draw them by the student's seeds.
        answers = {
            part.exercise.id: [
                s.text for s in samples(part.exercise, part.seed) if s.kind in ("right", "mistakes")
            ]
            for part in parts
        }
        body = release.notebook(whole, parts, student.id)
        for cell in body["cells"]:
            name = (cell["metadata"].get("podlab") or {}).get("exercise")
            if cell["cell_type"] == "code" and name:
                text = answers[name][number % len(answers[name])]
                cell["source"] = f"{cell['source'].splitlines()[0]}\n{text}"
        (where / student.id).mkdir(parents=True)
        (where / student.id / "a.ipynb").write_text(json.dumps(body))
    return where


def grade(
    cluster: str, submissions: Path, folder: Path, out: Path, *, regrade: bool = False
) -> tuple[float, float]:
    """Run the command as a user would; return seconds and MiB of its largest process."""
    podlab = [sys.executable, "-m", "podlab"]
    command = (
        [*podlab, "regrade", str(out), "--assignment", str(folder)] if regrade
        else [*podlab, "grade", str(submissions), "--assignment", str(folder), "--out", str(out), "--name", cluster]
    )  # fmt: skip
    began = time.perf_counter()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def unfair(folder: Path, out: Path) -> tuple[int, int]:
    """Return the number of right answers that were graded, and of those that lost a point or are open."""
    whole, right, lost = blueprint.read(folder), 0, 0
    for result in marking.results(out):
        part = next(
            p for p in whole.parts(result["student"]) if p.exercise.id == result["report"]["exercise"]
        )
        texts = {s.text.strip() for s in samples(part.exercise, part.seed) if s.kind == "right"}
        if result["answer"].strip() in texts:
            right += 1
            lost += result["earned"] != result["points"]
    return right, lost


def execute(cluster: str, submissions: Path) -> float:
    """Mean seconds of a cold nbclient run of one notebook, over a sample."""
    os.environ["PODLAB_CLUSTER"] = cluster
    seconds = []
    for path in sorted(submissions.glob("*/a.ipynb"))[:SAMPLE]:
        body = nbformat.read(path, as_version=4)
        began = time.perf_counter()
        NotebookClient(body, timeout=600, kernel_name="python3", allow_errors=True).execute()
        seconds.append(time.perf_counter() - began)
    return sum(seconds) / len(seconds)


def class_figures(cluster: str, students: int, work: Path) -> None:
    """Print the class's figures."""
    folder = plan(work / "plan")
    submissions = hand_in(folder, students, work / "submissions")
    seconds, mib = grade(cluster, submissions, folder, work / "grades")
    right, lost = unfair(folder, work / "grades")
    again, _ = grade(cluster, submissions, folder, work / "grades", regrade=True)
    one = execute(cluster, submissions)
    print(f"{students} submissions of {len(EXERCISES)} exercises: {seconds:.0f} s, {mib:.0f} MiB at most")
    print(f"right answers that lost a point, or are open: {lost} of {right}")
    print(f"nbclient, cold, mean of {SAMPLE}: {one:.1f} s a notebook, {one * students:.0f} s for the class")
    print(f"nbclient / podlab grade: {one * students / seconds:.1f}")
    print(f"regrade from evidence: {again:.1f} s; regrade / grade: {again / seconds:.4f}")
    print(f"1,000 submissions at the same rate: {1000 * seconds / students / 60:.0f} min")


def kill_figures(cluster: str, kills: int, work: Path) -> None:
    """Kill the grader at random moments, let it end at last, and count what was lost or done again."""
    folder = plan(work / "plan")
    submissions = hand_in(folder, 6, work / "submissions")
    command = [sys.executable, "-m", "podlab", "grade", str(submissions), "--assignment", str(folder),
               "--out", str(work / "grades"), "--name", cluster]  # fmt: skip
    seen: dict[str, str] = {}
    lost = twice = 0
    for _ in range(kills):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(random.uniform(0.5, 8))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        now = stored(work / "grades")
        lost += sum(name not in now for name in seen)
        twice += sum(now.get(name, text) != text for name, text in seen.items())
        seen = now
    grade(cluster, submissions, folder, work / "grades")
    whole = stored(work / "grades")
    print(f"{kills} kills of the grader: {lost} grades lost, {twice} graded twice")
    print(f"{len(whole)} of {6 * len(EXERCISES)} grades at the end")


def stored(folder: Path) -> dict[str, str]:
    """Every result file and its time of writing: written twice is graded twice."""
    return {str(path): str(path.stat().st_mtime_ns) for path in (folder / "results").glob("*/*.json")}


def main() -> None:
    """Make a cluster where none is named, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument(
        "--cluster", metavar="N", help="a cluster that runs; default: an embedded one of its own"
    )
    parser.add_argument("--kill", type=int, metavar="TIMES", help="kill the grader this often instead")
    options = parser.parse_args()
    driver = drivers.get("embedded")
    made: Cluster | None = None
    if options.cluster is None:
        made = driver.make(Profile(name=f"bench-{secrets.token_hex(3)}"))
    name = options.cluster or (made.name if made else "lab")
    try:
        with tempfile.TemporaryDirectory() as work:
            if options.kill:
                kill_figures(name, options.kill, Path(work))
            else:
                class_figures(name, options.students, Path(work))
    finally:
        if made:
            driver.stop(made.name)


if __name__ == "__main__":
    main()
