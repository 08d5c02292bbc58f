"""
Run the notebooks on a cluster and store what they print: ``python notebooks/execute.py [NN ...]``.

Each notebook runs from top to bottom in a fresh kernel. ``PODLAB_DRIVER`` and ``PODLAB_CLUSTER`` choose where.
Before storing, what belongs to this machine alone is replaced: folders, the user's name, and the cluster's, which is
``lab`` for a reader. A cell that raises
without the tag ``raises-exception`` ends the run, and nothing is stored.

Example:
    PODLAB_CLUSTER=lab python notebooks/execute.py 00 01
    python notebooks/execute.py --check          # run all, store nothing
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parent
CELL_TIMEOUT_S = 300
_KEPT_METADATA = ("tags", "podlab")


def notebooks(wanted: list[str]) -> list[Path]:
    """Return the notebooks whose names start with one of *wanted* (``03``, ``lab-06``); all for an empty list."""
    labs = FOLDER.parent / "labs"
    found = sorted(FOLDER.glob("[0-9][0-9]-*.ipynb")) + sorted(labs.glob("[0-9][0-9]-*/[0-9][0-9]-*.ipynb"))
    names = [path.name if path.parent == FOLDER else f"lab-{path.name}" for path in found]
    return [
        path for path, name in zip(found, names, strict=True) if not wanted or any(map(name.startswith, wanted))
    ]


def execute(path: Path) -> tuple[Any, float]:
    """Run one notebook and return it with its outputs, and the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:  # a learner who has opened no hint yet
        client.execute(env={**os.environ, "PODLAB_DATA": folder})
    return notebook, time.monotonic() - began


def normalise(notebook: Any) -> None:
    """Take out of outputs and metadata what differs between machines and says nothing about the cluster."""
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in _KEPT_METADATA if key in cell.metadata}
        if cell.cell_type == "code":
            cell.outputs = _joined([_clean(output) for output in cell.outputs])
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )


def _joined(outputs: list[Any]) -> list[Any]:
    """Return outputs with what a kernel printed in pieces as one text."""
    found: list[Any] = []
    for output in outputs:
        if found and output.output_type == "stream" == found[-1].output_type and output.name == found[-1].name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def _clean(output: Any) -> Any:
    text = json.dumps(output)
    for pattern, word in _private():
        text = re.sub(pattern, word, text)
    return nbformat.from_dict(json.loads(text))


def _private() -> list[tuple[str, str]]:
    """Patterns of what must not be stored, and what stands there instead; longest folders first."""
    folders = {
        str(FOLDER.parent): "podlab",
        tempfile.gettempdir(): "TMP",
        sys.prefix: "VENV",
        str(Path.home()): "~",
    }
    ordered = sorted(folders.items(), key=lambda pair: -len(pair[0]))
    patterns = [(re.escape(folder) + r"(?=[/\"\\])", word) for folder, word in ordered]
    user = getpass.getuser()
    return [*patterns, (rf"\b{re.escape(user)}@", "user@"), (r"\bcluster \S+(?= \(\w+, v1\.)", "cluster lab")]


def write_exercises(path: Path) -> None:
    """Put the exercises that name this page into it, as their folders have them."""
    from podlab import grading
    from podlab.course.cells import with_exercises

    mine = [e for e in map(grading.find, grading.ids()) if e.notebook == path.stem and e.id != "e00"]
    there = json.loads(path.read_text("utf-8"))
    found = with_exercises(there, mine)
    if found != there:
        nbformat.write(nbformat.from_dict(found), path)


def main() -> int:
    """Run what was asked for; 1 when a notebook failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wanted", nargs="*", metavar="NN", help="notebooks, by the start of their names")
    parser.add_argument("--check", action="store_true", help="run, but store nothing")
    parser.add_argument("--exercises", action="store_true", help="write the exercises' cells, run nothing")
    options = parser.parse_args()
    for name in options.wanted:
        if not notebooks([name]):
            parser.error(f"no notebook's name starts with {name!r}: 03 and lab-06 are examples of names that do")
    if options.exercises:
        for path in notebooks(options.wanted):
            write_exercises(path)
        return 0
    failed = []
    for path in notebooks(options.wanted):
        print(f"{path.name}: running", flush=True)
        try:
            notebook, seconds = execute(path)
        except CellExecutionError as error:
            print(f"{path.name}: failed\n{error}", file=sys.stderr)
            failed.append(path.name)
            continue
        if not options.check:
            normalise(notebook)
            nbformat.write(notebook, path)
            write_exercises(path)  # what a kernel prints in pieces, they hold as one text
        print(f"{path.name}: {seconds:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
