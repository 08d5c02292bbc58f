"""
Run each lab's page as its test does, and print what ran, how long it took and how much memory the cluster took.

    python benchmarks/labs.py                                    # all labs, on an embedded cluster of their own
    python benchmarks/labs.py --driver kind --driver embedded    # on both, one after the other
    python benchmarks/labs.py --driver kind --name lab 05 11     # two labs, on a cluster that runs already
    python benchmarks/labs.py --driver kind --config three-nodes 14
    python benchmarks/labs.py --driver kind --results FILE       # goes on where it was cut off
    python benchmarks/labs.py --results FILE --table             # runs nothing, prints what FILE holds

Strict nbval compares each cell with what the page holds; a lab ran where all of its cells did. Memory is the sum of
the proportional set sizes of all processes of the cluster, those of its Pods included, read once a second: at rest
before the page, and the most while it ran. The last table has a line for each row of the lesson that a lab teaches.

``--results`` keeps a JSON line for each page that ran. A lab that ran whole on a driver is not run there again, one
that did not is, and the newest line counts: so kind and embedded may be run hours apart and stand in one table. Remove
the lines of a page that has changed since.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import on_a_cluster

from podlab import drivers, images
from podlab.drivers import Cluster
from podlab.drivers.process import ended_by_signals

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "notebooks")]

from pages import faults_of_run, nbval  # noqa: E402
from polling import Polled  # noqa: E402

DRIVERS = ("kind", "embedded")
LOOK_EVERY_S = 1.0
HEAD = """\
| lab | place | cells that held / all | wall time, s | memory at rest, MiB | at most, MiB | load |
|---|---|---|---|---|---|---|"""


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
    """
    One page on one cluster.

    Attributes:
        lab: Its number, such as 05.
        place: The driver, with the config of its cluster where one was named: ``kind``, ``kind three-nodes``.
        version: Of Kubernetes, as the API server names it.
        held: Cells that printed what the page holds, of *cells*.
        rest_mib: Memory of the cluster before the page; *peak_mib*: the most while it ran.
        load: Of the machine, at the end.
        fault: The first cell that did not hold, in one line; empty where all did.
    """

    lab: str
    place: str
    version: str
    held: int
    cells: int
    seconds: float
    rest_mib: float
    peak_mib: float
    load: float
    fault: str

    @property
    def is_whole(self) -> bool:
        """Whether all cells held."""
        return self.held == self.cells

    def __str__(self) -> str:
        held = f"{self.held} / {self.cells}" + (f" ({self.fault})" if self.fault else "")
        memory = f"{self.rest_mib:.0f} | {self.peak_mib:.0f}"
        return f"| {self.lab} | {self.place} | {held} | {self.seconds:.0f} | {memory} | {self.load:.0f} |"


class Results:
    """The newest run of each lab in each place, in a file where one is given."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.runs = path, dict[tuple[str, str], Run]()
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else []
        for row in map(json.loads, lines):
            self.runs[row["place"], row["lab"]] = Run(**row)

    def is_whole(self, place: str, lab: str) -> bool:
        """Whether *lab* ran in *place*, and all of its cells held."""
        return (place, lab) in self.runs and self.runs[place, lab].is_whole

    def add(self, done: Run) -> None:
        """Keep a run; it takes the place of an older one."""
        self.runs[done.place, done.lab] = done
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(done)) + "\n")


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


class PeakMemory(Polled):
    """The memory of *roots*, in MiB: at rest, and at most while a block runs."""

    def __init__(self, roots: Sequence[int]) -> None:
        super().__init__(LOOK_EVERY_S)
        self.roots, self.rest = roots, memory_mib(roots)
        self.most = self.rest

    def look(self) -> None:
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
    """Return what nbval prints of a failed cell in one line: first words, and what differs or the error."""
    differ = [" ".join(line.split()) for line in text.splitlines() if re.match(r"  [-+] ", line)]
    errors = [
        line for line in text.splitlines() if re.match(r"(\w+\.)*\w*(Error|Exception|Interrupt): ", line)
    ]
    words = "; ".join(differ) or " ".join(errors[-1:])
    return f"{text.splitlines()[1].strip() or number}: {words[:200]}".replace("|", "/")


def run(lab: Lab, on: Cluster, place: str) -> Run:
    """Run a page as `tests/notebooks/test_nbval.py` does, by somebody without progress."""
    cells = sum(each.cell_type == "code" for each in nbformat.read(lab.page, as_version=4).cells)
    roots = list(drivers.get(on.driver).status(on.name).pids.values())
    began = time.monotonic()
    with PeakMemory(roots) as peak, tempfile.TemporaryDirectory() as data:
        code, held, done = nbval(lab.page, PODLAB_CLUSTER=on.name, PODLAB_DATA=data)
    took = round(time.monotonic() - began, 1)
    fault = next((in_short(number, text) for number, text in faults_of_run(done)), "")
    if not fault and (code, held) != (0, cells):
        fault = f"nbval ended with {code}: {done.splitlines()[-1] if done else 'it printed nothing'}"
    memory = round(peak.rest), round(peak.most)
    load = round(os.getloadavg()[0], 1)
    return Run(lab.number, place, on.client().version(), held, cells, took, *memory, load, fault)


# ----------------------------------------------------------------------------------------------------- printing


def row_key(row: str) -> tuple[str, int]:
    """Return what rows are sorted by: I9 before I10."""
    digits = row.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return row.removesuffix(digits), int(digits or 0)


def show_rows(chosen: Sequence[Lab], results: Results, places: Sequence[str]) -> None:
    """Print each row of the lesson with its labs, their components, and where they ran whole or why not."""
    rows = sorted({row for lab in chosen for row in lab.rows}, key=row_key)
    ran = dict.fromkeys(places, 0)
    print("\n| row | lab | component and version |" + "".join(f" {place} |" for place in places))
    print("|---|---|---|" + "---|" * len(places))
    for row in rows:
        of = [lab for lab in chosen if row in lab.rows]
        words = {place: fate(of, results, place) for place in places}
        for place, word in words.items():
            ran[place] += word == "ran"
        parts = "; ".join(lab.components() for lab in of)
        shown = "".join(f" {word} |" for word in words.values())
        print(f"| {row} | {', '.join(lab.number for lab in of)} | {parts} |{shown}")
    counts = " / ".join(f"{place} {count}" for place, count in ran.items())
    print(f"rows of the lesson that run: {counts} / all {len(rows)}")


def fate(labs_of_row: Sequence[Lab], results: Results, place: str) -> str:
    """Return ``ran`` where all labs of a row ran whole in *place*, else why not."""
    why = []
    for lab in labs_of_row:
        done = results.runs.get((place, lab.number))
        if done is None:
            why.append(f"{lab.number} not run yet")
        elif not done.is_whole:
            why.append(f"{lab.number} {done.fault}")
    return "; ".join(why) or "ran"


def show(chosen: Sequence[Lab], results: Results, places: Sequence[str]) -> None:
    """Print what the file holds of *places*, place by place."""
    print(HEAD)
    numbers = [lab.number for lab in chosen]
    for place in places:
        for number in numbers:
            if (place, number) in results.runs:
                print(results.runs[place, number])


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
    parser.add_argument("--results", type=Path, metavar="FILE", help="keep each run there, and go on from it")
    parser.add_argument("--table", action="store_true", help="run nothing, print what --results holds")
    options = parser.parse_args()
    chosen, wanted = labs(options.lab), options.driver or ["embedded"]
    if not chosen or (options.name and len(wanted) > 1):
        parser.error("no lab has such a number" if not chosen else "--name is of one driver's cluster")
    if options.table and not options.results:
        parser.error("--table prints a file: name it with --results")
    results = Results(options.results)
    if not options.table:
        print(HEAD, flush=True)
        for driver in wanted:
            run_all(driver, chosen, options, results)
    known = sorted({place for place, _lab in results.runs}, key=lambda place: (len(place), place))
    if options.results:
        show(chosen, results, known)
    show_rows(chosen, results, [place for place in DRIVERS if place in known] or known)


def run_all(driver: str, chosen: Sequence[Lab], options: argparse.Namespace, results: Results) -> None:
    """Run those of *chosen* that *results* does not hold whole, and print a line for each."""
    place = f"{driver} {options.config}" if driver == "kind" and options.config else driver
    missing = [lab for lab in chosen if not results.is_whole(place, lab.number)]
    if not missing:
        return
    with cluster(driver, options) as on:
        for lab in missing:
            results.add(run(lab, on, place))
            print(results.runs[place, lab.number], flush=True)


if __name__ == "__main__":
    main()
