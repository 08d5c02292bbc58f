"""
A simulation, not a measurement: how long a larger class would take to grade, from the times of a real grading.

    podlab grade submissions/ --assignment term/instructor --out grades --on context
    python benchmarks/grading_queue.py grades --jobs 8 16 32 --requests 20 --per-answer 12 --cpu-s 1.2 --cpus 2

Each simulated student hands in as many answers as those of GRADES do; the time of each is drawn from the times that
answers to the same exercise took there (``took_s`` in the results). Answers are begun in order as soon as one of JOBS
is free. All requests together take at least their number over the budget's rate, and all Pods their processor seconds
(``--cpu-s``, as grading.py prints them) over the processors. It assumes that an answer takes as long beside many others
as it did in GRADES: true while nodes have room, so grade with many jobs before.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from podlab.assignments import marking

RUNS = 50


def measured(folder: Path) -> tuple[dict[str, list[float]], float]:
    """Return the seconds of each exercise's answers in a grading, and answers per student."""
    times: dict[str, list[float]] = {}
    students = set()
    for result in marking.results(folder):
        if result.get("took_s") is not None:
            times.setdefault(result["report"]["exercise"], []).append(float(result["took_s"]))
            students.add(result["student"])
    return times, sum(map(len, times.values())) / max(1, len(students))


def queue(services: Sequence[float], jobs: int) -> list[float]:
    """Return when each answer is done, in the order of handing in, with *jobs* at a time; seconds since the begin."""
    free = [0.0] * jobs
    done = []
    for service in services:
        end = heapq.heappop(free) + service
        heapq.heappush(free, end)
        done.append(end)
    return done


def simulate(
    times: Mapping[str, Sequence[float]], students: int, jobs: int, rng: random.Random
) -> tuple[float, float]:
    """Return one run's wall time, and when 95 of 100 students have all their marks."""
    exercises = sorted(times)
    services = [rng.choice(times[name]) for _ in range(students) for name in exercises]
    done = queue(services, jobs)
    each = len(exercises)
    marks = sorted(max(done[n * each : (n + 1) * each]) for n in range(students))
    return max(done), marks[max(0, -(-95 * students // 100) - 1)]


def main() -> None:
    """Read a grading, print a row for each number of jobs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("grades", type=Path, metavar="GRADES")
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--jobs", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument(
        "--requests", type=float, default=20.0, help="requests a second (podlab grade --requests)"
    )
    parser.add_argument("--per-answer", type=float, help="requests an answer, as podlab grade prints them")
    parser.add_argument("--cpu-s", type=float, help="processor seconds an answer, of grader and cluster")
    parser.add_argument("--cpus", type=int, default=2, help="processors that share them (default: 2)")
    options = parser.parse_args()
    times, per_student = measured(options.grades)
    if not times:
        parser.error(f"{options.grades} holds no results with times: grade once more")
    answers = options.students * len(times)
    known = sum(map(len, times.values()))
    print(f"SIMULATION from {known} measured answers ({per_student:.0f} a student), {RUNS} runs each")
    for name, seconds in sorted(times.items()):
        print(
            f"  {name}: median {statistics.median(seconds):.1f} s, slowest {max(seconds):.1f} s of {len(seconds)}"
        )
    floor_s = 0.0
    if options.per_answer:
        floor_s = answers * options.per_answer / options.requests
        print(
            f"  requests: {answers} answers x {options.per_answer:g} at {options.requests:g} a second: "
            f"{floor_s / 60:.0f} min at least"
        )
    if options.cpu_s:
        busy_s = answers * options.cpu_s / options.cpus
        floor_s = max(floor_s, busy_s)
        print(
            f"  processors: {answers} answers x {options.cpu_s:g} s on {options.cpus}: {busy_s / 60:.0f} min at least"
        )
    print("students  jobs  wall time, mean  wall time, p95  95 % of the students have marks after")
    for jobs in options.jobs:
        rng = random.Random(jobs)
        runs = [simulate(times, options.students, jobs, rng) for _ in range(RUNS)]
        walls = sorted(max(floor_s, wall) for wall, _ in runs)
        marks = statistics.mean(max(0.95 * floor_s, at) for _, at in runs)
        p95 = walls[max(0, -(-95 * RUNS // 100) - 1)]
        shown = [f"{seconds / 60:10.1f} min" for seconds in (statistics.mean(walls), p95, marks)]
        print(f"{options.students:8} {jobs:5}  {'  '.join(shown)}")


if __name__ == "__main__":
    main()
