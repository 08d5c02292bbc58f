"""
Silent gaps per schedule: our recorder and the ``kubernetes`` package's own watch loop on the same broken servers.

    python benchmarks/recorder_faults.py [--seeds 1000] [--jobs 6] [--first 0]

Each seed is one schedule of faults (cut at any byte, half-open, 410 in the stream and as status, replay, reorder
across a reconnect, truncated JSON, slow drip, refusals) on a real local server with 60 changes. A change that is
missing from the archive and lies in no stretch that the archive (or, theirs, an exception) names is silent.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "unit" / "observe"))

import recorder_judge as judging  # noqa: E402


def one(seed: int) -> tuple[judging.Verdict, judging.Verdict]:
    """Run one seed with both; ours first or theirs first by turns, so that neither has the warmer machine."""
    with tempfile.TemporaryDirectory() as folder:
        if seed % 2:
            theirs = judging.theirs(seed)
            return judging.ours(seed, Path(folder, "run.jsonl")), theirs
        ours = judging.ours(seed, Path(folder, "run.jsonl"))
        return ours, judging.theirs(seed)


def report(name: str, verdicts: list[judging.Verdict]) -> None:
    """Print one line of figures."""
    count = len(verdicts)
    silent = [verdict.silent for verdict in verdicts]
    print(
        f"{name:12} schedules {count}  with a silent gap {sum(map(bool, silent))}"
        f"  silent gaps per schedule {sum(map(bool, silent)) / count:.4f}"
        f"  changes silently missing {sum(silent)} of {sum(verdict.changes for verdict in verdicts)}"
        f"  missing but named {sum(verdict.missing - verdict.silent for verdict in verdicts)}"
        f"  named gaps {statistics.mean(verdict.gaps for verdict in verdicts):.2f}"
        f"  invented {sum(verdict.invented for verdict in verdicts)}"
    )


def main() -> int:
    """Run all seeds and print both lines; 1 if ours has a silent gap."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=6, help="runs at once; they mostly wait")
    args = parser.parse_args()
    os.nice(5)
    started = time.monotonic()
    ours, theirs = [], []
    with get_context("spawn").Pool(args.jobs) as pool:
        for done, (mine, other) in enumerate(
            pool.imap_unordered(one, range(args.first, args.first + args.seeds)), 1
        ):
            ours.append(mine)
            theirs.append(other)
            if mine.silent or mine.invented:
                print(
                    f"seed {mine.seed} {mine.faults}: silent {mine.lost} invented {mine.invented}", flush=True
                )
            if done % 100 == 0:
                print(f"  {done} schedules, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    kinds = Counter(fault for verdict in ours for fault in verdict.faults)
    print("faults: " + ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())))
    report("podlab", ours)
    report("kubernetes", theirs)
    return 1 if any(verdict.silent or verdict.invented for verdict in ours) else 0


if __name__ == "__main__":
    sys.exit(main())
