"""
Run each lab's page as its test does, and print what ran, how long it took and how much memory the cluster took.

    python benchmarks/labs.py                                    # all labs, on an embedded cluster of their own
    python benchmarks/labs.py --driver kind --driver embedded    # on both, one after the other
    python benchmarks/labs.py --driver kind --name lab 05 11     # two labs, on a cluster that runs already
    python benchmarks/labs.py --driver kind --config three-nodes 14

Strict nbval compares each cell with what the page holds; a lab ran where all of its cells did. Memory is the sum of
the proportional set sizes of all processes of the cluster, those of its Pods included, read once a second: at rest
before the page, and the most while it ran. The last table has a line for each row of the lesson that a lab teaches.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import on_a_cluster

from podlab import drivers, images
from podlab.drivers import Cluster
from podlab.drivers.process import ended_by_signals

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "notebooks"))

from pages import faults_of_run, nbval  # noqa: E402

DRIVERS = ("kind", "embedded")
LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Lab:
    """A lab: its number, its page, the rows of the lesson it teaches, and the images it needs."""

    number: str
    page: Path
    rows: tuple[str, ...]
    needs: tuple[str, ...]

    def components(self) -> str:
        """Return what runs in it, with versions: the parts of its images, or the course's own image."""
        known = images.load()
        parts = [part for name in self.needs for part in known.parts_of(known.find(name))[:1]]
        return ", ".join(f"{part.name} {part.version}" for part in parts) or "podlab-app 1"


@dataclass(frozen=True)
class Run:
    """One page on one cluster: cells that held, all cells, seconds, MiB at rest and at most, the first fault."""

    held: int
    cells: int
    seconds: float
    rest_mib: float
    peak_mib: float
    fault: str

    @property
    def is_whole(self) -> bool:
        """Whether all cells held."""
        return self.held == self.cells


def labs(wanted: Sequence[str]) -> list[Lab]:
    """Return the labs with these numbers, or all that have a page."""
    found = []
    for file in sorted((ROOT / "labs").glob("[0-9][0-9]-*/lab.toml")):
        raw = tomllib.loads(file.read_text("utf-8"))
        name = raw.get("notebook")
        page = ROOT / "notebooks" / f"{name}.ipynb" if name else file.parent / f"{file.parent.name}.ipynb"
        found.append(Lab(file.parent.name[:2], page, tuple(raw["rows"]), tuple(raw["needs"])))
    return [lab for lab in found if not wanted or lab.number in wanted]


# ------------------------------------------------------------------------------------------------------- memory


def family(pid: int) -> Iterator[int]:
    """Yield a process and all below it; those that end meanwhile are left out."""
    with suppress(OSError):
        yield pid
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def memory_mib(roots: Sequence[int]) -> float:
    """Return the proportional set sizes of these processes and all below them, together."""
    total = 0
    for pid in {each for root in roots for each in family(root)}:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(text.partition("\nPss:")[2].split()[0])
    return total / 1024


class Peak:
    """Reads the memory of *roots* in a thread of its own, while a block runs."""

    def __init__(self, roots: Sequence[int]) -> None:
        self.roots, self.rest = roots, memory_mib(roots)
        self.most = self.rest
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(LOOK_EVERY_S):
            self.most = max(self.most, memory_mib(self.roots))


# ------------------------------------------------------------------------------------------------------ running


@contextmanager
def cluster(driver: str, options: argparse.Namespace) -> Iterator[Cluster]:
    """Return the cluster that ``--name`` names, or one that is made for this run and stopped after it."""
    if options.name is None:
        with on_a_cluster.own(driver, "labs", options.config if driver == "kind" else None) as made:
            yield made
        return
    found = drivers.get(driver).find(options.name)
    if found is None:
        raise SystemExit(
            f"labs.py: {options.name} is not a running {driver} cluster; podlab status lists them"
        )
    with ended_by_signals():
        yield found


def in_short(number: int, text: str) -> str:
    """Return what nbval prints of a failed cell in one line: its first words, and the lines that differ."""
    differ = [" ".join(line.split()) for line in text.splitlines() if re.match(r"  [-+] ", line)]
    return f"{text.splitlines()[1].strip() or number}: {'; '.join(differ)[:200]}".replace("|", "/")


def run(lab: Lab, on: Cluster) -> Run:
    """Run a page as `tests/notebooks/test_nbval.py` does, by somebody without progress."""
    cells = sum(each.cell_type == "code" for each in nbformat.read(lab.page, as_version=4).cells)
    roots = list(drivers.get(on.driver).status(on.name).pids.values())
    began = time.monotonic()
    with Peak(roots) as peak, tempfile.TemporaryDirectory() as data:
        _code, held, done = nbval(lab.page, PODLAB_CLUSTER=on.name, PODLAB_DATA=data)
    took = time.monotonic() - began
    fault = next((in_short(number, text) for number, text in faults_of_run(done)), "")
    return Run(held, cells, took, peak.rest, peak.most, fault)


# ----------------------------------------------------------------------------------------------------- printing


def row_key(row: str) -> tuple[str, int]:
    """Return what rows are sorted by: I9 before I10."""
    digits = row.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return row.removesuffix(digits), int(digits or 0)


def show_rows(chosen: Sequence[Lab], ran: dict[str, dict[str, Run]]) -> None:
    """Print each row of the lesson with its labs, their components, and where they ran whole."""
    rows = sorted({row for lab in chosen for row in lab.rows}, key=row_key)
    counts = dict.fromkeys(ran, 0)
    print("\n| row | lab | component and version |" + "".join(f" {driver} |" for driver in ran))
    print("|---|---|---|" + "---|" * len(ran))
    for row in rows:
        of = [lab for lab in chosen if row in lab.rows]
        whole = {driver: all(runs[lab.number].is_whole for lab in of) for driver, runs in ran.items()}
        for driver, is_whole in whole.items():
            counts[driver] += is_whole
        parts = "; ".join(lab.components() for lab in of)
        words = "".join(f" {'ran' if is_whole else 'did not run'} |" for is_whole in whole.values())
        print(f"| {row} | {', '.join(lab.number for lab in of)} | {parts} |{words}")
    said = " / ".join(f"{driver} {count}" for driver, count in counts.items())
    print(f"rows of the lesson that run: {said} / all {len(rows)}")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lab", nargs="*", help="numbers, such as 05 (default: all)")
    parser.add_argument(
        "--driver", action="append", choices=DRIVERS, help="may be repeated (default: embedded)"
    )
    parser.add_argument("--name", help="a cluster that runs already, and stays (with one --driver)")
    parser.add_argument("--config", help="kind: of the cluster that is made, such as three-nodes")
    options = parser.parse_args()
    chosen, wanted = labs(options.lab), options.driver or ["embedded"]
    if not chosen or (options.name and len(wanted) > 1):
        parser.error("no lab has such a number" if not chosen else "--name is of one driver's cluster")
    ran: dict[str, dict[str, Run]] = {driver: {} for driver in wanted}
    print("| lab | driver | cells that held / all | wall time, s | memory at rest, MiB | at most, MiB |")
    print("|---|---|---|---|---|---|", flush=True)
    for driver, runs in ran.items():
        with cluster(driver, options) as on:
            for lab in chosen:
                one = runs[lab.number] = run(lab, on)
                held = f"{one.held} / {one.cells}" + (f" ({one.fault})" if one.fault else "")
                memory = f"{one.rest_mib:.0f} | {one.peak_mib:.0f}"
                print(f"| {lab.number} | {driver} | {held} | {one.seconds:.0f} | {memory} |", flush=True)
    show_rows(chosen, ran)


if __name__ == "__main__":
    main()
