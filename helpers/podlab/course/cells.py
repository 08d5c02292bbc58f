"""
Puts exercises into notebooks: question and answer cell of each exercise, from its folder, in one section.

The folder is the only source of these cells. ``notebooks/execute.py --exercises`` writes them, a test compares.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from podlab.checks.verdict import NOT_ANSWERED, Report, number
from podlab.errors import PodlabError
from podlab.grading import Place, grade
from podlab.grading.exercise import Exercise

Cell = dict[str, Any]
BEFORE = "## Words of this page"
INTRO = (
    "## Exercises\n\nEach answer is run on the cluster and judged by what was recorded. Change a cell and run it as "
    "often as you like; `%hint eNN` opens a hint, and nothing is lost by a wrong answer.\n\n"
)


def is_of_an_exercise(cell: Cell) -> bool:
    """Return whether a cell was written by ``with_exercises``."""
    return "part" in (cell["metadata"].get("podlab") or {})


def with_exercises(notebook: dict[str, Any], exercises: Sequence[Exercise]) -> dict[str, Any]:
    """
    Return the notebook with the cells of *exercises*, in order, before the section "Words of this page".

    Cells that an earlier call wrote are replaced; all others stay. Execution counts are put in order again.

    Raises:
        PodlabError: No cell begins with that section.
    """
    found = copy.deepcopy(notebook)
    kept = [cell for cell in found["cells"] if not is_of_an_exercise(cell)]
    at = next((n for n, cell in enumerate(kept) if source(cell).startswith(BEFORE)), len(kept))
    if at == len(kept) and exercises:
        raise PodlabError(
            f"cannot put {exercises[0].id} into this notebook",
            cause=f"no cell begins with {BEFORE!r}",
            hint="give that section a Markdown cell of its own; exercises are written before it",
        )
    made = [cell for n, each in enumerate(exercises) for cell in cells(each, first=n == 0)]
    found["cells"] = [*kept[:at], *made, *kept[at:]]
    _count(found["cells"])
    return found


def cells(exercise: Exercise, *, first: bool = False, seed: int = 0) -> Iterable[Cell]:
    """Yield the question and the answer cell of one exercise, as a learner with this seed sees them."""
    ask, starter = exercise.shown(seed)
    about = f"{number(exercise.points)} points, {exercise.minutes} minutes"
    text = f"### {exercise.id} {exercise.title.replace('-', ' ')} ({about})\n\n{ask.strip()}"
    yield {
        "cell_type": "markdown", "id": f"{exercise.id}-ask", "source": (INTRO if first else "") + text,
        "metadata": {"podlab": {"exercise": exercise.id, "part": "ask"}},
    }  # fmt: skip
    option = f" --seed {seed}" if seed else ""
    body = starter.strip("\n") or "# your answer, below this line"
    yield {
        "cell_type": "code", "id": f"{exercise.id}-answer", "source": f"%%exercise {exercise.id}{option}\n{body}",
        "metadata": {"podlab": {"exercise": exercise.id, "part": "answer", "role": "answer"},
                     "tags": ["nbval-check-output"]},
        "execution_count": 1, "outputs": [_untouched(exercise, body, seed)],
    }  # fmt: skip


def _untouched(exercise: Exercise, body: str, seed: int) -> dict[str, Any]:
    """Return the output of the cell as it is shipped: read and refused, without a cluster."""
    report = grade(exercise, body + "\n", Place(client=None), seed=seed)
    return {"name": "stdout", "output_type": "stream", "text": f"{reply(report, exercise)}\n"}


def reply(report: Report, exercise: Exercise) -> str:
    """Return what an answer cell prints: the report, or what to do before the first answer."""
    if report.state != NOT_ANSWERED:
        return str(report)
    todo = f"write your answer below the first line and run the cell; %hint {exercise.id} opens a hint"
    return f"{report}\n    {todo}"


def source(cell: Cell) -> str:
    """Return a cell's text, which files hold as one text or as a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def _count(all_cells: Iterable[Cell]) -> None:
    code = [cell for cell in all_cells if cell["cell_type"] == "code"]
    for number_, cell in enumerate(code, 1):
        cell["execution_count"] = number_
        for output in cell.get("outputs", []):
            if "execution_count" in output:
                output["execution_count"] = number_
