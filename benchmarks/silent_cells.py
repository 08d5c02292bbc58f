"""
Which cells of the pages keep a learner waiting before a still screen: ``python benchmarks/silent_cells.py [NN ...]``.

Each page is run from the top in a fresh kernel, and every message that changes what stands below a cell is timed: text,
pictures, and their updates. Printed are the cells that showed nothing new for more than two seconds, with the longest
such stretch; a recording or a wait should tell each second that it goes on. ``PODLAB_DRIVER`` and ``PODLAB_CLUSTER``
choose where, as for ``notebooks/execute.py``, whose names of pages these are (``03``, ``lab-06``).
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "notebooks"))

from execute import CELL_TIMEOUT_S, notebooks

LEAST_S = 2.5  # two seconds, and what a message needs on a busy machine
SHOWN = (
    "stream",
    "display_data",
    "update_display_data",
    "execute_result",
    "error",
    "comm_msg",
    "clear_output",
)


class Timed(NotebookClient):
    """Notes for each cell when something was shown."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.moments: dict[int, list[float]] = {}

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        kind = msg["msg_type"]
        if kind in SHOWN or (kind == "status" and msg["content"]["execution_state"] in ("busy", "idle")):
            self.moments.setdefault(cell_index, []).append(time.monotonic())
        return super().process_message(msg, cell, cell_index)


def silences(path: Path) -> list[tuple[float, float, str, str]]:
    """Return for each silent cell: longest stretch and whole time in seconds, its tags, its last line."""
    notebook = nbformat.read(path, as_version=4)
    client = Timed(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    with tempfile.TemporaryDirectory() as folder:
        client.execute(env={**os.environ, "PODLAB_DATA": folder, "PODLAB_PROGRESS": "1"})
    found = []
    for at, moments in sorted(client.moments.items()):
        longest = max((after - before for before, after in itertools.pairwise(moments)), default=0.0)
        if longest > LEAST_S:
            cell = notebook.cells[at]
            tags = ",".join(tag.removeprefix("nbval-") for tag in cell.metadata.get("tags", []))
            found.append((longest, moments[-1] - moments[0], tags, cell.source.strip().splitlines()[-1][:90]))
    return found


def main() -> int:
    """Print the silent cells of the pages that were asked for; 1 when there are any."""
    count = 0
    for path in notebooks(sys.argv[1:]):
        found = silences(path)
        count += len(found)
        print(f"{path.name}: {len(found)} silent cells", flush=True)
        for longest, whole, tags, line in found:
            print(f"  {longest:5.1f} of {whole:5.1f} s  [{tags}] {line}", flush=True)
    print(f"{count} silent cells")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
