"""The table of forms that page 05 builds: a row for each question, a column for each form, a life in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podlab.lab.factsheet import plain
from podlab.lab.forms import INIT, OLDER, SIDECAR

if TYPE_CHECKING:
    from podlab.timeline import Timeline
    from podlab.views._thumbnails import RowOf

    Cell = tuple[Any, Timeline | None, tuple[str, ...]]

COLUMNS = {"init": INIT, "sidecar": SIDECAR, "older": OLDER}
LETTERS = 3


class FormTable:
    """
    Rows that grow while a page is run; what a cell says is a value that was computed from its recording.

    Args:
        columns: Headings of the cells, by the names that ``add`` takes.
    """

    def __init__(self, columns: Mapping[str, str] = COLUMNS) -> None:
        self.columns = dict(columns)
        self.rows: dict[str, tuple[str, dict[str, Cell]]] = {}

    def add(self, row: str, remark: str = "", **cells: tuple[Any, ...]) -> None:
        """
        Add a row, or replace the one of that name.

        Args:
            row: The question that it answers.
            remark: Smaller words below it, such as what was printed.
            **cells: For each column ``(value,)``, ``(value, timeline)`` or ``(value, timeline, names of lanes)``.
        """
        found = {name: _cell(*cells.get(name, ("not in the printed table",))) for name in self.columns}
        self.rows[row] = (remark, found)

    def __str__(self) -> str:
        lines = []
        for row, (_, cells) in self.rows.items():
            lines.append(row)
            wide = max(map(len, self.columns.values()))
            lines += [f"  {self.columns[name]:<{wide}}  {_words(cell[0])}" for name, cell in cells.items()]
        return "\n".join(lines)

    def show(self, rows_with: str = "") -> None:
        """Draw the table below the cell, or the rows whose name holds *rows_with*; with words."""
        from podlab import views
        from podlab.lab.showing import show_figure

        columns, rows = list(self.columns.values()), [row for row in self._drawn() if rows_with in row.head]
        show_figure(views.thumbnails(columns, rows), views.thumbnails_alt(columns, rows))

    def _drawn(self) -> list[RowOf]:
        from podlab.views._thumbnails import RowOf, Thumbnail

        return [
            RowOf(
                row,
                remark,
                tuple(Thumbnail(_words(value), life, lanes) for value, life, lanes in cells.values()),
            )
            for row, (remark, cells) in self.rows.items()
        ]


def _words(value: Any) -> str:
    """Return a value as facts print it; a mapping as ``name: value`` with commas between."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(each)}" for name, each in value.items())
    return plain(value)


def _cell(value: Any, timeline: Timeline | None = None, lanes: Sequence[str] = ()) -> Cell:
    return value, timeline, tuple(lanes)


def show_unlabelled(lives: Mapping[str, Timeline]) -> None:
    """Draw lives side by side, with their names above them and without the names and roles of their containers."""
    from podlab import views
    from podlab.lab.showing import show_figure
    from podlab.views._thumbnails import RowOf, Thumbnail

    cells = [Thumbnail(name, life) for name, life in lives.items()]
    rows = [RowOf("", "", tuple(cells[at : at + LETTERS])) for at in range(0, len(cells), LETTERS)]
    alt = " ".join(
        f"{name}: upper lane {_runs(life, 0)}, lower lane {_runs(life, 1)}." for name, life in lives.items()
    )
    show_figure(views.thumbnails([""] * LETTERS, rows, names=False), f"Two lanes in each picture. {alt}")


def _runs(life: Timeline, at: int) -> str:
    """When a lane ran, in whole seconds, without saying what it is."""
    spans = [
        (run.start.mid, run.end.mid if run.end else life.until) for run in life.lanes[at].runs if run.start
    ]
    return " and ".join(f"from {start:.0f} to {end:.0f} s" for start, end in spans) or "never ran"
