"""
What grading a class costs, beside executing the same notebooks; what a kill of the grader loses.

    python benchmarks/grading.py                          # 100 submissions of 5 exercises, on an own embedded cluster
    python benchmarks/grading.py --students 20 --cluster lab
    python benchmarks/grading.py --students 10 --driver kind
    python benchmarks/grading.py --right --jobs 24 --load 8 --sample 0    # right answers alone, on a busy machine
    python benchmarks/grading.py --kill 30                # kill -9 at 30 random moments: grades lost, graded twice

A class of 100 on two quiet cores takes about 20 minutes. Memory is the sum of the proportional set sizes of the grader,
and of all processes of the cluster, those of its Pods included, read once a second.

The reference is `nbclient`: a new kernel for each notebook, as nbgrader does it, on a sample of the notebooks; its time
for the whole class is the sample's mean times the class (``--sample 0`` leaves it out). Both run on the same cluster.
Right and wrong answers are taken from the exercises' folders by turns, so every student hands in something else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import nbformat
from labs import PeakMemory, family
from nbclient import NotebookClient
from on_a_cluster import own

from podlab import drivers
from podlab.assignments import blueprint, marking, release
from podlab.assignments.roster import Student
from podlab.checks.verdict import NOT_GRADABLE
from podlab.drivers import Cluster
from podlab.grading.prove import samples

EXERCISES = ("e14", "e01", "e06", "e15", "e20")


def plan(folder: Path) -> Path:
    """Write a blueprint of five exercises and return its folder."""
    rows = "".join(f'\n[[rows]]\nname = "{name}"\npoints = 10\nchoose = ["{name}"]\n' for name in EXERCISES)
    folder.mkdir()
    (folder / "assignment.toml").write_text(f'title = "A class"\nseed = "student"\n{rows}')
    return folder


def hand_in(folder: Path, students: int, where: Path, kinds: Sequence[str] = ("right", "mistakes")) -> Path:
    """Write the notebooks of a class, each with an answer of its own in every cell."""
    whole = blueprint.read(folder)
    for number in range(students):
        student = Student(f"s{number:03}")
        parts = whole.parts(student.id)
        # An answer to another variant is refused unread, which costs next to nothing: draw them by the student's seeds.
        answers = {
            part.exercise.id: [s.text for s in samples(part.exercise, part.seed) if s.kind in kinds]
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


class Cost(NamedTuple):
    """Costs of a grading: seconds, most MiB, and processor seconds; of the grader, and of the cluster with all Pods."""

    seconds: float
    grader_mib: float
    cluster_mib: float
    grader_cpu_s: float
    cluster_cpu_s: float


def grade(cluster: Cluster, submissions: Path, folder: Path, out: Path, options: Sequence[str] = ()) -> Cost:
    """Run the command as a user would."""
    command = [sys.executable, "-m", "podlab", "grade", str(submissions), "--assignment", str(folder),
               "--out", str(out), "--name", cluster.name, *options]  # fmt: skip
    roots = list(drivers.get(cluster.driver).status(cluster.name).pids.values())
    began, used, below_s = time.perf_counter(), children_cpu_s(), cpu_s(roots)
    with (out.parent / "grade.log").open("w") as log, PeakMemory(roots) as below:
        grader = subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL)
        with PeakMemory([grader.pid]) as peak:
            grader.wait()
    print("\n".join(f"  {line}" for line in (out.parent / "grade.log").read_text().splitlines()[:8]))
    seconds = time.perf_counter() - began
    return Cost(seconds, peak.most, below.most, children_cpu_s() - used, cpu_s(roots) - below_s)


def children_cpu_s() -> float:
    """Return the processor seconds of this program's children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_s(roots: Sequence[int]) -> float:
    """Return the processor seconds of these processes, of all below them and of those below that have ended."""
    ticks = 0
    for pid in {each for root in roots for each in family(root)}:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def regrade(folder: Path, out: Path, *options: str) -> float:
    """Run the command as a user would; return seconds."""
    command = [sys.executable, "-m", "podlab", "regrade", str(out), "--assignment", str(folder), *options]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep the processors busy with *loops* processes."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()


def unfair(folder: Path, out: Path) -> tuple[int, int, int, int]:
    """Return the right answers, those that lost a point, those that are open, and wrong ones with full points."""
    whole, right, lost, unknown, gained = blueprint.read(folder), 0, 0, 0, 0
    for result in marking.results(out):
        part = next(
            p for p in whole.parts(result["student"]) if p.exercise.id == result["report"]["exercise"]
        )
        texts = {s.text.strip() for s in samples(part.exercise, part.seed) if s.kind == "right"}
        is_right, earned = result["answer"].strip() in texts, result["earned"]
        right += is_right
        unknown += is_right and earned is None
        lost += is_right and earned is not None and earned < result["points"]
        gained += not is_right and earned == result["points"]
    return right, lost, unknown, gained


def execute(cluster: str, submissions: Path, sample: int) -> float:
    """Mean seconds of a cold nbclient run of one notebook, over a sample."""
    os.environ["PODLAB_CLUSTER"] = cluster
    seconds = []
    for path in sorted(submissions.glob("*/a.ipynb"))[:sample]:
        body = nbformat.read(path, as_version=4)
        began = time.perf_counter()
        NotebookClient(body, timeout=600, kernel_name="python3", allow_errors=True).execute()
        seconds.append(time.perf_counter() - began)
    return sum(seconds) / len(seconds)


def class_figures(cluster: Cluster, options: argparse.Namespace, work: Path) -> None:
    """Print the class's figures."""
    folder, students = plan(work / "plan"), options.students
    kinds = ("right",) if options.right else ("right", "mistakes")
    submissions = hand_in(folder, students, work / "submissions", kinds)
    given = {"--requests": options.requests, "--jobs": options.jobs}
    jobs = [text for name, value in given.items() if value for text in (name, str(value))]
    with busy(options.load):
        cost = grade(cluster, submissions, folder, work / "grades", jobs)
    seconds, answers = cost.seconds, students * len(EXERCISES)
    right, lost, unknown, gained = unfair(folder, work / "grades")
    load = Path("/proc/loadavg").read_text().split()[0]
    print(
        f"{cluster.driver}, load {load}: {students} submissions of {len(EXERCISES)} exercises: {seconds:.0f} s"
    )
    print(
        f"memory at most: grader {cost.grader_mib:.0f} MiB, cluster with all Pods {cost.cluster_mib:.0f} MiB"
    )
    print(
        f"processor seconds an answer: grader {cost.grader_cpu_s / answers:.2f}, "
        f"cluster with all Pods {cost.cluster_cpu_s / answers:.2f}"
    )
    print(
        f"right answers: {right}; lost a point: {lost}; open: {unknown}; wrong answers with full points: {gained}"
    )
    again, everything = regrade(folder, work / "grades"), regrade(folder, work / "grades", "--all")
    print(f"regrade, unchanged: {again:.2f} s; regrade / grade: {again / seconds:.4f}")
    print(
        f"regrade --all, from evidence: {everything:.1f} s; regrade --all / grade: {everything / seconds:.4f}"
    )
    if options.sample:
        one = execute(cluster.name, submissions, options.sample)
        print(
            f"nbclient, cold, mean of {options.sample}: {one:.1f} s a notebook, {one * students:.0f} s for the class"
        )
        print(f"nbclient / podlab grade: {one * students / seconds:.1f}")
    print(f"1,000 submissions at the same rate: {1000 * seconds / students / 60:.0f} min")


def kill_figures(cluster: Cluster, kills: int, work: Path) -> None:
    """Kill the grader at random moments, let it end at last, and count what was lost or done again."""
    folder = plan(work / "plan")
    submissions = hand_in(folder, 6, work / "submissions")
    command = [sys.executable, "-m", "podlab", "grade", str(submissions), "--assignment", str(folder),
               "--out", str(work / "grades"), "--name", cluster.name]  # fmt: skip
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
    """Every grade and its file's time of writing: written twice is graded twice. What is open is to be run again."""
    return {
        str(path): str(path.stat().st_mtime_ns)
        for path in (folder / "results").glob("*/*.json")
        if json.loads(path.read_text())["report"]["state"] != NOT_GRADABLE
    }


def main() -> None:
    """Make a cluster where none is named, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument(
        "--cluster", metavar="N", help="a cluster that runs; default: one that is made for this"
    )
    parser.add_argument("--driver", choices=("embedded", "kind"), default="embedded", help="of that cluster")
    parser.add_argument("--jobs", type=int, help="as podlab grade --jobs")
    parser.add_argument("--requests", type=float, help="as podlab grade --requests")
    parser.add_argument("--right", action="store_true", help="right answers alone")
    parser.add_argument(
        "--load", type=int, default=0, metavar="N", help="beside N loops that want the processors"
    )
    parser.add_argument("--sample", type=int, default=3, help="notebooks that nbclient executes (default: 3)")
    parser.add_argument("--keep", type=Path, metavar="F", help="a new folder for submissions, grades and log")
    parser.add_argument("--kill", type=int, metavar="TIMES", help="kill the grader this often instead")
    options = parser.parse_args()
    with ExitStack() as stack:
        named = drivers.find(options.cluster) if options.cluster else None
        cluster = named or stack.enter_context(own(options.driver, "grade"))
        work = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        if options.kill:
            kill_figures(cluster, options.kill, work)
        else:
            class_figures(cluster, options, work)


if __name__ == "__main__":
    main()
