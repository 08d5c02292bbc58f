"""What a page of the course has to be before it is run at all; plain functions, so that tests can plant faults."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
SANITIZE = Path(__file__).with_name("sanitize.cfg")
TAGS = {"nbval-ignore-output", "nbval-check-output", "raises-exception"}
MOST_CELLS = {"02": 52, "03": 70}  # the longest lessons; all others 45; cells of exercises come on top
FEWEST_CELLS, FEWEST_LAB_CELLS, MOST_LINES = 25, 12, 6
RUNNING: set[subprocess.Popen[str]] = set()
"""The processes of ``nbval``: a caller that runs several in threads ends them when it is interrupted."""
_PICTURE = re.compile(r"!\[(.*?)\]\((.*?)\)", re.S)
_MACHINE_PATH = re.compile(r"(/home/|/root/|/Users/|/work/|/tmp/(podlab|nb|pytest)|site-packages)")
_OTHER_CLUSTER = re.compile(r"\bcluster (?!lab )\S+ \(\w+, v1\.")


def pages() -> list[Path]:
    """All notebooks of the course, in order, then those of the labs."""
    labs = sorted((ROOT / "labs").glob("[0-9][0-9]-*/[0-9][0-9]-*.ipynb"))
    return sorted(FOLDER.glob("[0-9][0-9]-*.ipynb")) + labs


def nbval(path: Path, **environment: str) -> tuple[int, int, str]:
    """Run nbval on a notebook in a process of its own: exit code, cells that passed, and what it printed."""
    command = [sys.executable, "-m", "pytest", "--nbval", f"--nbval-sanitize-with={SANITIZE}"]
    quiet = ["--nbval-cell-timeout=200", "-q", "-p", "no:cacheprovider", "-o", "timeout=0", "-o", "addopts="]
    with subprocess.Popen(
        [*command, *quiet, str(path)],
        cwd=ROOT,
        env={**os.environ, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        RUNNING.add(process)
        try:
            printed = process.communicate()[0]
        finally:
            process.kill()
            RUNNING.discard(process)
    passed = re.search(r"(\d+) passed", printed)
    return process.returncode, int(passed[1]) if passed else 0, printed


def faults_of_run(printed: str) -> list[tuple[int, str]]:
    """Return the cells that failed, as nbval numbers them, and what it printed of each, from what `nbval` returned."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", printed)
    parts = re.split(
        r"^_+ \S*::Cell (\d+) _+$", plain.partition("= short test summary info =")[0], flags=re.M
    )
    return [(int(number), text.strip(" =\n")) for number, text in zip(parts[1::2], parts[2::2], strict=True)]


def pages_to_run() -> list[Path]:
    """
    The notebooks that are executed: all, but on kind, where a life takes longer, a sample.

    There it is page 00, and as many other pages of the course and as many labs as ``PODLAB_KIND_PAGES`` says (default
    1 of each), drawn by the commit; ``PODLAB_KIND_PAGES=all`` takes all pages and labs.
    """
    wanted = os.environ.get("PODLAB_KIND_PAGES", "1")
    if os.environ.get("PODLAB_DRIVER") != "kind" or wanted == "all":
        return pages()
    first, *others = [page for page in pages() if page.parent == FOLDER]
    labs = [page for page in pages() if page.parent != FOLDER]
    return [first, *(page for some in (others, labs) for page in _drawn(some, int(wanted)))]


def _drawn(some: list[Path], count: int) -> list[Path]:
    return by_commit().sample(some, min(count, len(some)))


def by_commit(word: str = "") -> random.Random:
    """Return what draws a sample: the same draws for the same commit and *word*."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return random.Random(commit.stdout + word)


def read(path: Path) -> Any:
    """A notebook, upgraded to the current format."""
    return nbformat.read(path, as_version=4)


def code(notebook: Any) -> list[Any]:
    """Its code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: Any) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def faults_of_execution(notebook: Any) -> list[str]:
    """Cells that were not run, not in order, kept no output, or lost or gained an error."""
    found = []
    for expected, cell in enumerate(code(notebook), 1):
        name = f"cell {cell.id}"
        if cell.execution_count != expected:
            found.append(f"{name}: execution count {cell.execution_count}, not {expected}: run top to bottom")
        kinds = [output.output_type for output in cell.outputs]
        if "nbval-check-output" in tags(cell) and not kinds:
            found.append(f"{name}: is compared, and holds no output")
        wants_error = "raises-exception" in tags(cell)
        if wants_error and "error" not in kinds:
            found.append(f"{name}: is to raise, and its error is not stored")
        if not wants_error and "error" in kinds:
            found.append(f"{name}: holds an error that nobody announced")
    return found


def faults_of_form(name: str, notebook: Any, folder: Path = FOLDER) -> list[str]:
    """Sizes, tags, pictures without words, paths of one machine."""
    most = MOST_CELLS.get(name[:2], 45)
    found = []
    own = sum("part" not in cell.metadata.get("podlab", {}) for cell in notebook.cells)
    if not (FEWEST_LAB_CELLS if folder != FOLDER else FEWEST_CELLS) <= own <= most:
        found.append(f"{own} cells, not {FEWEST_CELLS} to {most}")
    for cell in notebook.cells:
        found += [f"cell {cell.id}: {fault}" for fault in _faults_of_cell(cell, folder)]
    return found


def _faults_of_cell(cell: Any, folder: Path) -> list[str]:
    found = []
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))
    if _MACHINE_PATH.search(text):
        found.append("holds a path of one machine")
    if _OTHER_CLUSTER.search(text):
        found.append("names another cluster than lab, which a reader gets")
    if cell.cell_type == "markdown":
        for alt, target in _PICTURE.findall(cell.source):
            if len(alt) < 40:
                found.append(f"picture {target} has no words for those who do not see it")
            if not (folder / target).is_file():
                found.append(f"picture {target} is missing")
        return found
    lines = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) > MOST_LINES and not cell.source.startswith("%%"):
        found.append(f"{len(lines)} lines of code, more than {MOST_LINES}")
    if not tags(cell) & TAGS or tags(cell) - TAGS:
        found.append(f"tags {sorted(tags(cell))}: one of {sorted(TAGS)}")
    for output in cell.outputs:
        if "image/png" in output.get("data", {}) and len(_alt(output)) < 40:
            found.append("a drawn picture has no alt text")
    return found


def _alt(output: Any) -> str:
    metadata = output.get("metadata", {})
    return str(metadata.get("alt") or metadata.get("image/png", {}).get("alt") or "")


def broken_links(notebook: Any, folder: Path = FOLDER) -> list[str]:
    """Links to pages that do not exist; a page that is still to come is named in `COMING`."""
    links = re.findall(r"\]\(([^)#]+\.ipynb)\)", "\n".join(c.source for c in notebook.cells))
    return [link for link in links if not (folder / link).is_file()]
