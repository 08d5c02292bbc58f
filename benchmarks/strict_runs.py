"""
Run strict nbval of every page and lab again and again, and count the failures.

    python benchmarks/strict_runs.py --driver embedded --runs 10 --out runs.jsonl
    python benchmarks/strict_runs.py --driver kind --runs 1 --out runs.jsonl 06 lab-08    # these pages alone
    python benchmarks/strict_runs.py --driver kind --jobs 3 --out runs.jsonl              # three pages at a time
    python benchmarks/strict_runs.py --driver kind --runs 0 --out runs.jsonl              # the table alone

Each run takes all pages from top to bottom on a new cluster, by somebody without progress, as
`tests/notebooks/test_nbval.py` does. Pages beside each other share that cluster, each with a namespace of its own.
Each page that ran is a JSON line in the file: commit, driver, run, page, cells that held, all cells, seconds, pages
at a time, load of the machine, numbers of the failed cells, and the first fault in nbval's words.
A page whose line is there is not run again, so an interrupted trial goes on where it stopped. Ctrl-C and SIGTERM
end the pages that run and remove the cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import on_a_cluster

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "notebooks"))

from pages import FOLDER, RUNNING, code, faults_of_run, nbval, pages  # noqa: E402

Row = dict[str, Any]


def name_of(page: Path) -> str:
    """Return what a page is called here and in ``notebooks/execute.py``: ``03-…``, ``lab-06-…``."""
    return page.stem if page.parent == FOLDER else f"lab-{page.stem}"


def read(file: Path, driver: str) -> list[Row]:
    """Return the rows of one driver that *file* holds; an empty list where it does not exist yet."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [row for row in map(json.loads, lines) if row["driver"] == driver]


def run(page: Path, cluster: str) -> Row:
    """Run one page, and return what its row holds of it."""
    cells = len(code(nbformat.read(page, as_version=4)))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as data:
        exit_code, held, printed = nbval(page, PODLAB_CLUSTER=cluster, PODLAB_DATA=data)
    faults = faults_of_run(printed)
    if not faults and (exit_code, held) != (0, cells):
        faults = [(-1, printed[-2000:])]  # pytest itself failed, or cells are missing
    return {
        "page": name_of(page),
        "held": held,
        "cells": cells,
        "seconds": round(time.monotonic() - began, 1),
        "load": round(os.getloadavg()[0], 1),
        "failed": [number for number, _ in faults],
        "fault": faults[0][1] if faults else "",
    }


def commit() -> str:
    """Return the commit of this tree, marked where files of it were changed."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def beside(missing: Sequence[Path], cluster: str, jobs: int) -> Generator[Row]:
    """Run *jobs* pages at a time, and yield the row of each when it ends; an interruption ends those that run."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for done in as_completed([pool.submit(run, page, cluster) for page in missing]):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(RUNNING):
                process.terminate()
            raise


def run_all(driver: str, runs: int, chosen: Sequence[Path], file: Path, jobs: int) -> None:
    """Run what *file* lacks, *jobs* pages at a time, each run on a cluster of its own."""
    for number in range(1, runs + 1):
        there = {row["page"] for row in read(file, driver) if row["run"] == number}
        missing = [page for page in chosen if name_of(page) not in there]
        if not missing:
            continue
        with (
            on_a_cluster.own(driver, f"strict-{driver}") as cluster,
            closing(beside(missing, cluster.name, jobs)) as rows,
        ):
            for ran in rows:
                row = {"commit": commit(), "driver": driver, "run": number, "jobs": jobs, **ran}
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
                failed = f"  failed: cells {row['failed']}" if row["failed"] else ""
                print(
                    f"run {number} of {runs}, {row['page']:<26} {row['held']:>3} of {row['cells']:<3}"
                    f" {row['seconds']:>5.0f} s{failed}",
                    flush=True,
                )


def show(rows: Sequence[Row]) -> None:
    """Print a line for each page, the sums, and each failure with its first lines."""
    print("\n| page | runs | failures | median, s | longest, s |\n|---|---|---|---|---|")
    by_page: dict[str, list[Row]] = {}
    for row in rows:
        by_page.setdefault(row["page"], []).append(row)
    for page, mine in sorted(by_page.items()):
        seconds = [row["seconds"] for row in mine]
        failures = sum(bool(row["failed"]) for row in mine)
        print(
            f"| {page} | {len(mine)} | {failures} | {statistics.median(seconds):.0f} | {max(seconds):.0f} |"
        )
    failed = [row for row in rows if row["failed"]]
    print(f"runs of a page: {len(rows)}; failures: {len(failed)}")
    for row in failed:
        fault = "\n    ".join(row["fault"].splitlines()[:40])
        print(
            f"\nrun {row['run']}, {row['page']}, {row['commit']}, load {row['load']},"
            f" {row.get('jobs', 1)} at a time, cells {row['failed']}:"
        )
        print(f"    {fault}")


def main() -> int:
    """Run, and print the table; 1 where a page failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", nargs="*", help="pages, by the start of their names (default: all)")
    parser.add_argument("--driver", choices=("embedded", "kind"), default="embedded")
    parser.add_argument("--runs", type=int, default=10, help="of each page (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="pages at the same time (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="the file of JSON lines that grows")
    options = parser.parse_args()
    chosen = [
        page for page in pages() if not options.page or any(map(name_of(page).startswith, options.page))
    ]
    if not chosen:
        parser.error("these pages do not exist: 03 and lab-06 are examples of names that do")
    interrupted = 0
    try:
        run_all(options.driver, options.runs, chosen, options.out, options.jobs)
    except KeyboardInterrupt as ended:  # SIGTERM, too
        interrupted = 128 + getattr(ended, "number", signal.SIGINT)
    rows = read(options.out, options.driver)
    show(rows)
    return interrupted or int(any(row["failed"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
