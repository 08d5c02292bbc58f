"""
Hold what the pages teach against clusters of several versions of Kubernetes: a table, fact by version.

    python tests/notebooks/facts_by_version.py                         # all versions built here, pages 00 to 06
    python tests/notebooks/facts_by_version.py v1.35.4 --pages 01 03   # one version, two pages; lab-12 is a lab
    python tests/notebooks/facts_by_version.py --again                 # print what an earlier run kept
    python tests/notebooks/facts_by_version.py --cluster lab           # the cluster that runs, whatever it is
    python tests/notebooks/facts_by_version.py --table                 # one table of all runs, page by version

A fact is a line that a compared cell prints with ``lab.facts``, or a statement of a table on versions: in a page, or in
``docs/platforms.md`` (``claims.py``). For
each version a kind cluster is made, every page runs on it from top to bottom, and the cluster is stopped. A page is
kept as it ran in ``artefacts/facts/VERSION/``, whole or not at all, and runs again when its cells have changed, or when
``--fresh`` asks for it. Each page that was run is also a line in a results file, ``versions.jsonl`` beside this
program, to which all runs append; ``--table`` prints the newest line of each page and version, as
``docs/platforms.md`` has it.

Exit codes: 0 all as taught, 1 something differs, is not there or was not measured, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import claims
import nbformat
from by_version import (
    ANSWERS,
    AS_TAUGHT,
    TABLES,
    claim_rows,
    claims_digest,
    digest,
    page_rows,
    result,
    results_table,
    rows,
    short_name,
    stops,
    sums,
    table,
)
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from pages import FOLDER, ROOT, code, pages, read

import podlab
from podlab import airgap, drivers
from podlab.drivers.base import Cluster, Profile
from podlab.errors import PodlabError

KEPT = ROOT / "artefacts" / "facts"
RESULTS = Path(__file__).with_name("versions.jsonl")
CELL_TIMEOUT_S = 300


def run(page: Path, cluster: str, kept: Path) -> None:
    """Run *page* on *cluster* to its end, whatever its cells raise, and keep it as *kept*."""
    notebook = read(page)
    for cell in code(notebook):
        cell.outputs = []
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(page.parent)}},
    )
    with tempfile.TemporaryDirectory() as data:
        try:
            client.execute(env={**os.environ, "PODLAB_CLUSTER": cluster, "PODLAB_DATA": data})
        except (CellTimeoutError, DeadKernelError) as error:
            progress(f"  {page.stem}: cut short: {str(error).splitlines()[0]}")
    _keep(kept, nbformat.writes(notebook))


def ask(cluster: str, kept: Path) -> None:
    """Put the questions of all tables on versions to *cluster*, and keep the answers as *kept*."""
    found: dict[str, str] = {}
    with podlab.open(cluster, namespace="podlab-claims") as lab:
        for page in pages():
            found |= claims.answers(lab, read(page))
        found |= claims.document_answers(lab)
    _keep(kept, json.dumps(found, indent=1))


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def progress(line: str) -> None:
    """Print a line at once, apart from the table."""
    print(line, file=sys.stderr, flush=True)


def measure(cluster: Cluster, wanted: Sequence[Path], folder: Path) -> None:
    """Do what *folder* lacks: run the *wanted* pages, ask the questions of the tables."""
    if not are_kept(folder):
        ask(cluster.name, folder / ANSWERS)
    for page in wanted:
        if not is_kept(page, folder):
            began = time.monotonic()
            run(page, cluster.name, folder / page.name)
            progress(f"  {page.stem}: {time.monotonic() - began:.0f} s")


def is_kept(page: Path, folder: Path) -> bool:
    """Tell whether *folder* holds *page* as it ran with the cells that it has now."""
    kept = folder / page.name
    return kept.exists() and [cell.source for cell in code(read(kept))] == [
        cell.source for cell in code(read(page))
    ]


def are_kept(folder: Path) -> bool:
    """Tell whether *folder* holds an answer to every question of all tables."""
    asked = {claim.column for page in pages() for claim in claims.claims(read(page))}
    asked |= {claim.column for claim in claims.document()}
    return (folder / ANSWERS).exists() and asked <= set(json.loads((folder / ANSWERS).read_text("utf-8")))


def whole(folder: Path, wanted: Sequence[Path]) -> bool:
    """Tell whether *folder* holds all that ``measure`` does."""
    return are_kept(folder) and all(is_kept(page, folder) for page in wanted)


@contextmanager
def kind_cluster(version: str) -> Iterator[Cluster]:
    """Make a kind cluster of *version* for the time of the block; its node image must have been built."""
    name = f"versions-{version.removeprefix('v').replace('.', '-')}-{os.getpid()}"
    try:
        yield drivers.make(name, driver="kind", profile=Profile(kubernetes=version), progress=progress)
    finally:
        drivers.stop(name)


def built() -> list[str]:
    """Return the versions whose node image lies on this machine, oldest first."""
    found = [image["version"] for image in airgap.status()["images"] if image["usable"]]
    return sorted(found, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("versions", nargs="*", metavar="V", help="v1.35.4 (default: all that are built here)")
    parser.add_argument("--pages", nargs="+", metavar="NN", help="03, lab-12 (default: 00 to 06)")
    parser.add_argument("--out", type=Path, default=KEPT, metavar="FOLDER", help="default: artefacts/facts")
    parser.add_argument("--again", action="store_true", help="print what an earlier run kept; run nothing")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run kept")
    parser.add_argument("--cluster", metavar="NAME", help="a cluster that runs, instead of new ones")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="FILE", help="default: versions.jsonl here"
    )
    parser.add_argument(
        "--table", action="store_true", help="print the table of the results file; run nothing"
    )
    parser.add_argument("--every", action="store_true", help="print the facts that are as taught, too")
    return parser


def main() -> int:
    """Measure what is asked for and not kept, then print."""
    parser = arguments()
    options = parser.parse_args()
    if options.table:
        print("\n".join(results_table(read_results(options.results), digests())))
        return 0
    known = {short_name(page): page for page in pages()}
    names = options.pages or [name for name, page in known.items() if page.parent == FOLDER]
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"unknown pages {', '.join(unknown)}; known: {', '.join(known)}")
    wanted = [known[name] for name in names]
    given = drivers.need(options.cluster) if options.cluster else None
    versions = [given.client().version()] if given else options.versions or built()
    out = options.out / given.name if given else options.out
    for version in [] if options.again else versions:
        if options.fresh:
            shutil.rmtree(out / version, ignore_errors=True)
        if not whole(out / version, wanted):
            progress(f"{version}: measuring")
            try:
                with nullcontext(given) if given else kind_cluster(version) as cluster:
                    before = {page.name: is_kept(page, out / version) for page in wanted}
                    measure(cluster, wanted, out / version)
                    add_results(
                        options.results, out, version, [page for page in wanted if not before[page.name]]
                    )
            except PodlabError as error:
                progress(str(error))
    missing = [version for version in versions if not whole(out / version, wanted)]
    for version in missing:
        print(f"{version}: not measured")
    measured = [version for version in versions if version not in missing]
    return max(report(out, measured, wanted, every=options.every) if measured else 0, int(bool(missing)))


def digests() -> dict[str, str]:
    """Return what each page of the course, and the tables on versions, are known by now."""
    found = {short_name(page): digest(page) for page in pages() if page.parent == FOLDER}
    return found | {TABLES: claims_digest()}


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a results file, oldest first; empty where it does not exist yet."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def add_results(path: Path, folder: Path, version: str, ran: Sequence[Path]) -> None:
    """Append a line to a results file for each page that *ran*, and one for all tables on versions."""
    found = [
        result(version, short_name(page), digest(page), page_rows(folder, [version], page),
               stops(read(folder / version / page.name)))
        for page in ran
    ]  # fmt: skip
    found.append(result(version, TABLES, claims_digest(), claim_rows(folder, [version])))
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in found)


def report(folder: Path, versions: Sequence[str], wanted: Sequence[Path], *, every: bool) -> int:
    """Print the table, where pages stopped, and the sums; return the exit code."""
    found = rows(folder, versions, wanted)
    print("\n".join(table(found, versions, every=every)))
    for version in versions:
        for page in wanted:
            for stop in stops(read(folder / version / page.name)):
                print(f"{version}: {page.stem}: {stop}")
    print("\n".join(sums(found, versions)))
    return int(any(word != AS_TAUGHT for row in found for word in row.verdicts().values()))


if __name__ == "__main__":
    sys.exit(main())
