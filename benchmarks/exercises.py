"""
What one grading takes, exercise by exercise, and whether the same answers get the same verdicts each time.

    python benchmarks/exercises.py                             # every answer once, on an own embedded cluster
    python benchmarks/exercises.py --times 10 --jobs 2         # the whole set ten times: how many verdict files differ
    python benchmarks/exercises.py e04 e18 --times 5 --load 4  # beside four loops that want a processor each
    python benchmarks/exercises.py --first --times 10          # one answer of each kind and exercise, ten times
    python benchmarks/exercises.py --edition --only right --only starter --only empty    # by the learner's edition
    python benchmarks/exercises.py --cluster NAME              # on a cluster that runs, such as one of kind
    python benchmarks/exercises.py --times 10 --results FILE   # kept answer by answer; the same command goes on
    python benchmarks/exercises.py --times 10 --results FILE --minutes 9    # begin nothing more after nine minutes

A verdict file holds a line for each answer: exercise, kind, name, state, score and the words of each check. Times are
wall times of one grading, from the text to the report, with *jobs* gradings side by side. The grading time of the
command itself is what a learner waits for, so no reference is measured beside it; the last column is the median
divided by the median of all exercises. "play s" is how long the longest play lasts by itself: its pauses, what is
late or works for so long by design (``takes_s`` in exercise.toml), and what an answer's first line says that it takes;
a grading over 20 s is at fault where its play lasts 20 s or less. ``--results`` keeps a JSON line for each grading,
below one that names the state of ``helpers/`` and ``labs/``: a file of another state is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic

from podlab import drivers, grading
from podlab.course import edition
from podlab.course import folder as course
from podlab.drivers import Cluster, Profile
from podlab.grading import evidence, loading, runs
from podlab.grading.prove import Proof, Sample, prove, samples

BURN = "while True: pass"
MOST_S = 20.0


ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Graded:
    """
    One grading, as a results file keeps it.

    Attributes:
        time: Which time of the whole set, from 1.
        verdict: What a verdict file holds of it: nothing in it depends on time, place or order.
        line: The grading in one line; ``faults`` is empty where the report was the expected one.
        play_s: How long its play lasts by itself; 0 where nothing was run.
    """

    time: int
    exercise: str
    kind: str
    name: str
    verdict: str
    line: str
    faults: tuple[str, ...]
    seconds: float
    play_s: float = 0.0

    @classmethod
    def of(cls, proof: Proof, time: int, play_s: float) -> Graded:
        """Return what is kept of *proof*."""
        verdict = f"{proof.exercise} {proof.kind}/{proof.name} {proof.report.state}\n{proof.report}"
        return cls(
            time,
            proof.exercise,
            proof.kind,
            proof.name,
            verdict,
            str(proof),
            proof.faults,
            proof.seconds,
            play_s,
        )

    @property
    def is_slow(self) -> bool:
        """Whether it took longer than a grading should, although its play does not."""
        return self.play_s <= MOST_S < self.seconds

    @property
    def key(self) -> tuple[int, str, str, str]:
        """Which grading it is."""
        return self.time, self.exercise, self.kind, self.name


class Results:
    """The gradings so far, in a file where one is given: a run that was cut off goes on."""

    def __init__(self, path: Path | None, state: str) -> None:
        self.path, self._lock = path, threading.Lock()
        self.kept: dict[tuple[int, str, str, str], Graded] = {}
        if path is None:
            return
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        if not lines:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"state": state}) + "\n", "utf-8")
        elif json.loads(lines[0]) != {"state": state}:
            raise SystemExit(
                f"{path} holds results of {json.loads(lines[0])['state']}, and this is {state}: take another file"
            )
        for row in map(json.loads, lines[1:]):
            found = Graded(**{**row, "faults": tuple(row["faults"])})
            self.kept[found.key] = found

    def add(self, graded: Graded) -> Graded:
        """Keep one grading."""
        with self._lock:
            self.kept[graded.key] = graded
            if self.path:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(graded)) + "\n")
        return graded


def state() -> str:
    """Return what ``helpers/`` and ``labs/`` are at this commit, and a digest of what differs from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    changed = git("diff", "HEAD", "--", "helpers", "labs")
    trees = "-".join(tree[:12] for tree in git("rev-parse", "HEAD:helpers", "HEAD:labs").split())
    return trees + (f"+{hashlib.sha256(changed.encode()).hexdigest()[:8]}" if changed else "")


def once(
    chosen: Sequence[Sample], place: grading.Place, jobs: int, time: int, results: Results, until: float
) -> list[Graded]:
    """
    Grade all answers that have no result yet, *jobs* at a time; none is begun after *until*, by the monotonic clock.

    Returns:
        The results, in the order of *chosen*; fewer where the time was up.
    """

    def one(sample: Sample) -> Graded | None:
        exercise = sample.exercise.name.split()[0]
        kept = results.kept.get((time, exercise, sample.kind, sample.name))
        if kept or monotonic() > until:
            return kept
        with tempfile.TemporaryDirectory() as folder:
            proof = prove(sample, replace(place, keep=Path(folder)))
            return results.add(Graded.of(proof, time, play_s(sample, Path(folder))))

    with ThreadPoolExecutor(jobs) as pool:
        return [found for found in pool.map(one, chosen) if found]


def play_s(sample: Sample, folder: Path) -> float:
    """Return how long the play of one grading lasted by itself, from the acts that *folder* keeps."""
    of = sample.exercise
    kept = {run.name for run in of.runs if (folder / f"{of.id}-{run.name}.acts.json").exists()}
    acts = {name: evidence.acts(folder, of.id, name)[0] for name in kept}
    return max(runs.least_s(of, sample.seed, acts), sample.expected.takes_s if kept else 0.0)


def table(graded: Sequence[Graded]) -> Iterator[str]:
    """Yield the lines of the table: an exercise each, and all together."""
    by: dict[str, list[Graded]] = defaultdict(list)
    for each in graded:
        if each.kind != "empty":  # nothing is run for it
            by[each.exercise].append(each)
    if not by:
        return
    middle = statistics.median(each.seconds for found in by.values() for each in found)
    yield (
        f"{'exercise':<9}{'gradings':>9}{'median s':>10}{'slowest s':>11}{'play s':>8}{'slow':>6}"
        f"  {'slowest answer':<44}{'/ all':>6}"
    )
    for name, found in by.items():
        slowest = max(found, key=lambda each: each.seconds)
        half = statistics.median(each.seconds for each in found)
        which = f"{slowest.kind}/{slowest.name}"
        play, slow = max(each.play_s for each in found), sum(each.is_slow for each in found)
        yield (
            f"{name:<9}{len(found):>9}{half:>10.1f}{slowest.seconds:>11.1f}{play:>8.1f}{slow:>6}"
            f"  {which:<44}{half / middle:>6.2f}"
        )
    every = [each for found in by.values() for each in found]
    over, slow = sum(each.seconds > MOST_S for each in every), [each for each in every if each.is_slow]
    longest = max(each.seconds for each in every)
    yield f"{'all':<9}{len(every):>9}{middle:>10.1f}{longest:>11.1f}  over {MOST_S:.0f} s: {over} of {len(every)}"
    yield f"over {MOST_S:.0f} s although the play by itself lasts {MOST_S:.0f} s or less: {len(slow)} of {len(every)}"
    for each in slow:
        yield f"  {each.exercise} {each.kind}/{each.name}: {each.seconds:.1f} s, its play {each.play_s:.1f} s"


def by_kind(graded: Sequence[Graded]) -> Iterator[str]:
    """Yield for each kind of answer how many gradings were as expected, of all."""
    for kind in dict.fromkeys(each.kind for each in graded):
        mine = [each for each in graded if each.kind == kind]
        yield f"{kind:<10} as expected: {sum(not each.faults for each in mine)} of {len(mine)}"


def compared(rounds: Sequence[Sequence[Graded]]) -> Iterator[str]:
    """Yield how many verdict files differ, and the answers whose verdicts did."""
    files = {
        hashlib.sha256("\n".join(each.verdict for each in graded).encode()).hexdigest() for graded in rounds
    }
    yield f"the same {len(rounds[0])} answers {len(rounds)} times: {len(files)} distinct verdict files"
    for same in zip(*rounds, strict=True):
        seen = Counter(each.verdict for each in same)
        if len(seen) > 1:
            yield f"  {same[0].exercise} {same[0].kind}/{same[0].name}: {len(seen)} verdicts"
            yield from (f"    {count} times: {text!r}" for text, count in seen.items())


def in_the_edition(chosen: Sequence[Sample], folder: Path) -> list[Sample]:
    """Return the same answers, to be graded by the exercises of a learner's edition that is written to *folder*."""
    course.write(edition.build(), folder)
    found = {path.name: loading.read(path) for path in (folder / "labs" / "exercises").glob("e*-*")}
    return [replace(sample, exercise=found[sample.exercise.folder.name]) for sample in chosen]


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
    parser.add_argument(
        "--only",
        metavar="KIND",
        action="append",
        help="right, mistakes, shortcuts, empty or starter; repeatable",
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="keep each grading there, and go on from it"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="begin nothing more after so long; --results goes on"
    )
    parser.add_argument("--first", action="store_true", help="of each kind the first answer of each exercise")
    parser.add_argument("--edition", action="store_true", help="grade as a learner's folder does")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the verdict files there")
    return parser.parse_args()


def main() -> int:
    """Print the figures; 1 where an answer did not get what its file promises, or verdicts differ."""
    options = arguments()
    wanted = [grading.find(name) for name in options.exercise or grading.ids()]
    chosen = [s for each in wanted for s in samples(each) if not options.only or s.kind in options.only]
    if options.first:
        chosen = list({(s.exercise.id, s.kind): s for s in reversed(chosen)}.values())[::-1]
    results = Results(options.results, state())
    rounds: list[list[Graded]] = []
    until = monotonic() + options.minutes * 60
    with (
        tempfile.TemporaryDirectory() as folder,
        somewhere(options.cluster) as cluster,
        busy(options.load),
    ):
        if options.edition:
            chosen = in_the_edition(chosen, Path(folder) / "course")
        place = grading.Place.on(cluster)
        for time in range(1, options.times + 1):
            rounds.append(once(chosen, place, options.jobs, time, results, until))
            bad = [each for each in rounds[-1] if each.faults]
            there = len(rounds[-1])
            print(f"time {time}: {there - len(bad)} of {there} as expected", flush=True)
            print("".join(f"  {each.line}\n" for each in bad), end="", flush=True)
            if options.out:
                options.out.mkdir(parents=True, exist_ok=True)
                text = "\n".join(each.verdict for each in rounds[-1])
                (options.out / f"verdicts-{time}.txt").write_text(text)
    every = [each for graded in rounds for each in graded]
    whole = [graded for graded in rounds if len(graded) == len(chosen)]
    if missing := options.times * len(chosen) - len(every):
        print(f"the time was up: {missing} of {options.times * len(chosen)} gradings are still to do")
    lines = list(compared(whole)) if whole else []
    print("\n".join([*table(every), *by_kind(every), *lines]))
    return 1 if missing or len(lines) > 1 or any(each.faults for each in every) else 0


if __name__ == "__main__":
    sys.exit(main())
