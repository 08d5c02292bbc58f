"""
Print what the course asks of its readers: predictions, exercises by minutes of reading, links, lines of an exercise.

    python benchmarks/course.py            # counted in the pages and folders; nothing is run but `podlab exercise new`
    python benchmarks/course.py --missing  # also the rounds that lack something

A round is a section of the pages 01 to 06 whose heading begins with its number. Minutes are those that each page
names for reading, predicting and running. A link is one to the documentation or the source of Kubernetes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "notebooks"))

from kubectl_facts import kubectl_facts  # noqa: E402
from pages import FOLDER, pages  # noqa: E402
from pages import read as read_page  # noqa: E402
from rounds import LINK, PAGES_WITH_ROUNDS, rounds  # noqa: E402

from podlab import grading  # noqa: E402

Pieces = list[tuple[str, str]]
NEW = "e99-of-the-measurement"
read = cache(read_page)  # each page counts in three figures


def _asks(number: str, pieces: Pieces) -> bool:
    return any(source.startswith(f"%%predict {number}\n") for _, source in pieces)


def _has(words: str) -> Callable[[str, Pieces], bool]:
    return lambda _number, pieces: any(kind == "markdown" and words in source for kind, source in pieces)


def _links(_number: str, pieces: Pieces) -> bool:
    return any(kind == "markdown" and LINK.search(source) for kind, source in pieces)


QUESTIONS: dict[str, Callable[[str, Pieces], bool]] = {
    "with a prediction": _asks,
    "with a folded explanation": _has("<details>"),
    "that show the same with kubectl": _has("with kubectl: `kubectl "),
    "that link to Kubernetes": _links,
}


def minutes(notebook: Any) -> int:
    """Return the minutes that a page names in its first cell."""
    found = re.search(r"\*(\d+) minutes\.", notebook.cells[0].source)
    assert found, "a page does not say how many minutes it takes"
    return int(found[1])


def by_page() -> Iterator[str]:
    """Yield a line of a table for each page of the course, and the sums."""
    of = {each.id: each.notebook for each in map(grading.find, grading.ids())}
    yield "| page | minutes of reading | rounds | exercises | exercises per 10 minutes |\n|---|---|---|---|---|"
    every = []
    for page in (page for page in pages() if page.parent == FOLDER):
        notebook = read(page)
        every.append([minutes(notebook), len(_rounds(page, notebook)), list(of.values()).count(page.stem)])
        yield _line(page.stem, every[-1])
    yield _line("00 to 05", [sum(column) for column in zip(*every[:-1], strict=True)])
    yield _line("all, with the capstone of two hours", [sum(column) for column in zip(*every, strict=True)])


def _line(name: str, row: list[int]) -> str:
    return f"| {name} | {row[0]} | {row[1]} | {row[2]} | {row[2] * 10 / row[0]:.1f} |"


def _rounds(page: Path, notebook: Any) -> dict[str, Pieces]:
    return rounds(notebook) if page.stem[:2] in PAGES_WITH_ROUNDS else {}


def of_rounds(missing: bool) -> Iterator[str]:
    """Yield how many rounds have what a round should have."""
    every = {
        number: pieces
        for page in pages() if page.parent == FOLDER
        for number, pieces in _rounds(page, read(page)).items()
    }  # fmt: skip
    for what, holds in QUESTIONS.items():
        without = [number for number, pieces in every.items() if not holds(number, pieces)]
        yield f"rounds {what}: {len(every) - len(without)} of {len(every)}"
        if missing and without:
            yield f"  not: {', '.join(without)}"


def of_kubectl() -> str:
    """Return how many facts about kubectl are read from the server."""
    facts = [of_server for page in pages() for _, of_server in kubectl_facts(read(page))]
    return f"facts about kubectl read from the server: {sum(facts)} of {len(facts)}"


def of_new_exercise() -> str:
    """Return how many lines a new exercise needs outside of its folder: it is made in a copy, and listed there."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "exercises"
        subprocess.run(["cp", "-r", str(ROOT / "labs" / "exercises"), str(copy)], check=True)
        before = _files(copy)
        environment = {**os.environ, "PODLAB_COURSE": place}
        run = [sys.executable, "-m", "podlab", "exercise"]
        subprocess.run([*run, "new", NEW], check=True, env=environment, capture_output=True)
        listed = subprocess.run([*run, "list", "--json"], check=True, env=environment, capture_output=True)
        after = {path: text for path, text in _files(copy).items() if path.parts[0] != NEW}
        there = any(each["id"] == NEW.partition("-")[0] for each in json.loads(listed.stdout))
    changed = sum(text != before.get(path) for path, text in after.items())
    return f"a new exercise: found by its folder: {'yes' if there else 'no'}; lines outside of it: {changed}"


def _files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def main() -> int:
    """Print all figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--missing", action="store_true", help="name the rounds that lack something")
    options = parser.parse_args()
    print("\n".join([*by_page(), "", *of_rounds(options.missing), of_kubectl(), of_new_exercise()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
