"""
What one grading takes, exercise by exercise, and whether the same answers get the same verdicts each time.

    python benchmarks/exercises.py                             # every answer once, on an own embedded cluster
    python benchmarks/exercises.py --times 10 --jobs 2         # the whole set ten times: how many verdict files differ
    python benchmarks/exercises.py e04 e18 --times 5 --load 4  # beside four loops that want a processor each
    python benchmarks/exercises.py --cluster NAME              # on a cluster that runs, such as one of kind

A verdict file holds a line for each answer: exercise, kind, name, state, score and the words of each check. Times are
wall times of one grading, from the text to the report, with *jobs* gradings side by side. The grading time of the
command itself is what a learner waits for, so no reference is measured beside it; the last column is the median
divided by the median of all exercises.
"""

from __future__ import annotations

import argparse
import hashlib
import secrets
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from podlab import drivers, grading
from podlab.drivers import Cluster, Profile
from podlab.grading.prove import Proof, Sample, prove, samples

BURN = "while True: pass"


def verdict(proof: Proof) -> str:
    """Return what a verdict file holds of one answer: nothing in it depends on time, place or order."""
    return f"{proof.exercise} {proof.kind}/{proof.name} {proof.report.state}\n{proof.report}"


def once(chosen: Sequence[Sample], place: grading.Place, jobs: int) -> list[Proof]:
    """Grade all answers, *jobs* at a time, and return the proofs in the order of *chosen*."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda sample: prove(sample, place), chosen))


def table(proofs: Sequence[Proof]) -> Iterator[str]:
    """Yield the lines of the table: an exercise each, and all together."""
    by: dict[str, list[Proof]] = defaultdict(list)
    for proof in proofs:
        if proof.kind != "empty":  # nothing is run for it
            by[proof.exercise].append(proof)
    middle = statistics.median(each.seconds for found in by.values() for each in found)
    yield f"{'exercise':<9}{'gradings':>9}{'median s':>10}{'slowest s':>11}  {'slowest answer':<44}{'/ all':>6}"
    for name, found in by.items():
        slowest = max(found, key=lambda each: each.seconds)
        half = statistics.median(each.seconds for each in found)
        which = f"{slowest.kind}/{slowest.name}"
        yield f"{name:<9}{len(found):>9}{half:>10.1f}{slowest.seconds:>11.1f}  {which:<44}{half / middle:>6.2f}"
    every = [each.seconds for found in by.values() for each in found]
    over = sum(seconds > 20 for seconds in every)
    yield f"{'all':<9}{len(every):>9}{middle:>10.1f}{max(every):>11.1f}  over 20 s: {over} of {len(every)}"


def compared(rounds: Sequence[Sequence[Proof]]) -> Iterator[str]:
    """Yield how many verdict files differ, and the answers whose verdicts did."""
    files = {hashlib.sha256("\n".join(map(verdict, proofs)).encode()).hexdigest() for proofs in rounds}
    yield f"the same {len(rounds[0])} answers {len(rounds)} times: {len(files)} distinct verdict files"
    for proofs in zip(*rounds, strict=True):
        seen = Counter(map(verdict, proofs))
        if len(seen) > 1:
            yield f"  {proofs[0].exercise} {proofs[0].kind}/{proofs[0].name}: {len(seen)} verdicts"
            yield from (f"    {count} times: {text!r}" for text, count in seen.items())


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep so many processes of the lowest priority at work."""
    burning = [subprocess.Popen(["nice", "-n", "19", sys.executable, "-c", BURN]) for _ in range(loops)]
    try:
        yield
    finally:
        for each in burning:
            each.kill()
            each.wait()


@contextmanager
def somewhere(name: str | None) -> Iterator[Cluster]:
    """The cluster *name*, or one of this run alone."""
    if name:
        yield drivers.need(name)
        return
    driver, own = drivers.get("embedded"), f"bench-{secrets.token_hex(3)}"
    try:
        yield driver.make(Profile(name=own))
    finally:
        driver.stop(own)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exercise", nargs="*", metavar="ID", help="exercises (default: all)")
    parser.add_argument("--times", type=int, default=1, help="grade the whole set so many times")
    parser.add_argument("--jobs", type=int, default=4, help="gradings side by side")
    parser.add_argument("--load", type=int, default=0, metavar="N", help="N loops beside it, at nice 19")
    parser.add_argument("--cluster", metavar="NAME", help="a cluster that runs")
    parser.add_argument("--only", metavar="KIND", help="right, mistakes, shortcuts, empty or starter")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the verdict files there")
    return parser.parse_args()


def main() -> int:
    """Print the figures; 1 where an answer did not get what its file promises, or verdicts differ."""
    options = arguments()
    wanted = [grading.find(name) for name in options.exercise or grading.ids()]
    chosen = [s for each in wanted for s in samples(each) if options.only in (None, s.kind)]
    rounds: list[list[Proof]] = []
    with somewhere(options.cluster) as cluster, busy(options.load):
        place = grading.Place.on(cluster)
        for number in range(options.times):
            rounds.append(once(chosen, place, options.jobs))
            bad = [proof for proof in rounds[-1] if proof.faults]
            print(f"time {number + 1}: {len(chosen) - len(bad)} of {len(chosen)} as expected", flush=True)
            print("".join(f"  {proof}\n" for proof in bad), end="", flush=True)
            if options.out:
                options.out.mkdir(parents=True, exist_ok=True)
                (options.out / f"verdicts-{number + 1}.txt").write_text("\n".join(map(verdict, rounds[-1])))
    print("\n".join(table([proof for proofs in rounds for proof in proofs])))
    lines = list(compared(rounds))
    print("\n".join(lines))
    return 1 if len(lines) > 1 or any(proof.faults for proofs in rounds for proof in proofs) else 0


if __name__ == "__main__":
    sys.exit(main())
