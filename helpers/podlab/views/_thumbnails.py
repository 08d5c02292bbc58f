"""A table whose cells are small timelines, each with its words above it: to compare many lives at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from podlab.extras import need
from podlab.timeline import Timeline
from podlab.views._layout import scene_of
from podlab.views._plot import DPI, draw_scene
from podlab.views.scene import Scene
from podlab.views.style import FAINT, GRID, INK, LOOKS, PAPER, shortened, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD_PX, NAMES_PX, PLOT_PX, GAP_PX = 150.0, 66.0, 146.0, 18.0
PITCH_PX, LINE_PX = 13.0, 15.0
EDGE_PX, TOP_PX = 8.0, 30.0
WORDS, HEAD_WORDS = 33, 21
"""Letters of a line above a thumbnail, and at the head of a row."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """
    One cell.

    Attributes:
        words: What is written above the picture.
        timeline: The life to draw; None leaves the cell with its words alone.
        lanes: Names of the containers to draw; empty: all.
    """

    words: str
    timeline: Timeline | None = None
    lanes: tuple[str, ...] = ()

    @property
    def drawn(self) -> Timeline | None:
        """The timeline with the lanes of this cell alone."""
        if self.timeline is None or not self.lanes:
            return self.timeline
        return replace(
            self.timeline, lanes=tuple(lane for lane in self.timeline.lanes if lane.name in self.lanes)
        )


@dataclass(frozen=True, slots=True)
class RowOf:
    """One row: what stands at its head, a smaller remark below that, and its cells."""

    head: str
    remark: str
    cells: tuple[Thumbnail, ...]

    @property
    def lines(self) -> int:
        """Lines of words above the thumbnails."""
        return max(len(wrap(cell.words, WORDS)) for cell in self.cells)

    @property
    def height(self) -> float:
        """Pixels: the words, the lanes of its tallest cell, the axis; or the head, where that is taller."""
        lanes = max(len(cell.drawn.lanes) if cell.drawn else 0 for cell in self.cells)
        head = LINE_PX * (len(wrap(self.head, HEAD_WORDS)) + len(wrap(self.remark, HEAD_WORDS + 3)))
        return max(LINE_PX * self.lines + PITCH_PX * lanes + 32.0, head + 20.0)


def thumbnails(columns: Sequence[str], rows: Sequence[RowOf], *, names: bool = True) -> Figure:
    """
    Draw the table.

    Args:
        columns: A heading for each column of cells.
        rows: The rows; cells of one row share their scale of seconds.
        names: Whether the containers' names stand beside their lanes.
    """
    need("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    head = EDGE_PX + (HEAD_PX if any(row.head or row.remark for row in rows) else 0.0)
    top = TOP_PX if any(columns) else 0.0
    wide = head + len(columns) * (NAMES_PX + PLOT_PX + GAP_PX)
    tall = top + sum(row.height for row in rows) + 58.0
    fig = Figure(figsize=(wide / DPI, tall / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(fig)
    page = fig.add_axes((0, 0, 1, 1), xlim=(0, wide), ylim=(tall, 0))
    page.axis("off")
    for at, words in enumerate(columns):
        _say(page, _left(head, at), 16, words, bold=True, size=12)
    used = dict[str, None]()
    for row in rows:
        page.plot([0, wide], [top, top], color=GRID, linewidth=1)
        _draw_head(page, row, top)
        for at, cell in enumerate(row.cells):
            used |= _draw_cell(fig, page, cell, (_left(head, at), top), row, names)
        top += row.height
    _draw_legend(page, [key for key in LOOKS if key in used], top, wide)
    return fig


def thumbnails_alt(columns: Sequence[str], rows: Sequence[RowOf]) -> str:
    """Say what the table says: each row with the words of its cells, and how each life began."""
    said = []
    for row in rows:
        cells = "; ".join(
            f"{column}: {cell.words}{_life(cell.drawn) if cell.drawn else ''}"
            for column, cell in zip(columns, row.cells, strict=False)
        )
        said.append(f"{row.head}{f', {row.remark}' if row.remark else ''}: {cells}.")
    return "Table of small timelines. " + " ".join(said)


def _life(timeline: Timeline) -> str:
    """
    Return the order of the starts and the restarts in one bracket: the whole words of thirty lives would be too many.
    """
    again = [f"{lane.name} {lane.starts} runs" for lane in timeline.lanes if lane.starts > 1]
    order = timeline.start_order()
    return f" ({', '.join([f'starts {order}' if order else 'never started', *again])})"


def _left(head: float, at: int) -> float:
    return head + at * (NAMES_PX + PLOT_PX + GAP_PX)


def _say(
    page: Any, x: float, y: float, text: str, *, bold: bool = False, size: float = 11, **look: Any
) -> None:
    weight = "bold" if bold else "normal"
    look = {"color": INK, "ha": "left", **look}
    page.text(x, y, text, fontsize=size * 72 / DPI, fontweight=weight, va="center_baseline", **look)


def _draw_head(page: Any, row: RowOf, top: float) -> None:
    y = top + 14
    for line in wrap(row.head, HEAD_WORDS):
        _say(page, EDGE_PX, y, line, bold=True)
        y += LINE_PX
    for line in wrap(row.remark, HEAD_WORDS + 3):
        _say(page, EDGE_PX, y, line, color=FAINT, size=10)
        y += LINE_PX


def _draw_cell(
    fig: Figure, page: Any, cell: Thumbnail, corner: tuple[float, float], row: RowOf, names: bool
) -> dict[str, None]:
    """Draw one cell with its upper left corner at *corner*; returns the looks that are in it."""
    left, top = corner
    for number, line in enumerate(wrap(cell.words, WORDS)):
        _say(page, left, top + 14 + number * LINE_PX, line)
    life = cell.drawn
    if life is None:
        return {}
    last = max(each.timeline.until for each in row.cells if each.timeline)
    scene = scene_of(life, width=PLOT_PX, window=(0.0, max(last, 0.5)), pitch=PITCH_PX, strips=False)
    wide, tall = (float(side) for side in fig.get_size_inches() * DPI)
    y = top + 10 + LINE_PX * row.lines
    ax = fig.add_axes(
        ((left + NAMES_PX) / wide, 1 - (y + scene.height) / tall, PLOT_PX / wide, scene.height / tall)
    )
    ax.set_xlim(scene.t0, scene.t1)
    ax.set_ylim(scene.height, 0)
    ax.axis("off")
    draw_scene(ax, scene)
    _draw_restarts(ax, scene, life)
    _draw_labels(page, scene, (left, y), names)
    return dict.fromkeys(scene.used)


def _draw_restarts(ax: Any, scene: Scene, life: Timeline) -> None:
    """A dot in a gap wherever a container was started again: the pause itself is often too short to be seen."""
    for row, lane in zip(scene.rows, life.lanes, strict=True):
        for start in (run.start.mid for run in lane.runs[1:] if run.start):
            ax.plot([start], [row.y], "|", color=PAPER, markersize=9, markeredgewidth=4, zorder=4)
            ax.plot([start], [row.y], ".", color=INK, markersize=4, zorder=5)


def _draw_labels(page: Any, scene: Scene, corner: tuple[float, float], names: bool) -> None:
    """Names beside the lanes, and the seconds below."""
    left, y = corner
    if names:
        whole = [row.label.partition("\n")[0] for row in scene.rows]
        short = shortened(whole, lambda name: text_width(name, 10) <= NAMES_PX - 8)
        for row, name in zip(scene.rows, short, strict=True):
            _say(page, left + NAMES_PX - 5, y + row.y, name, size=10, ha="right")
    for second, words in zip(scene.ticks(), scene.tick_words(), strict=True):
        x = left + NAMES_PX + scene.x(second)
        _say(page, x, y + scene.height + 6, words, size=9, color=FAINT, ha="center")


def _draw_legend(page: Any, keys: Sequence[str], top: float, wide: float) -> None:
    """Draw the legend; lanes of a table are too small for words."""
    from matplotlib.patches import Rectangle

    x, y = EDGE_PX, top + 12.0
    for key in keys:
        look = LOOKS[key]
        if x + 20 + text_width(look.name, 10) > wide:
            x, y = EDGE_PX, y + 16
        height = max(14 * look.height, 2.0)
        page.add_patch(Rectangle((x, y - height / 2), 14, height, facecolor=look.fill, linewidth=0))
        _say(page, x + 18, y, look.name, size=10)
        x += 32 + text_width(look.name, 10)
    page.plot([EDGE_PX + 7], [y + 18], ".", color=INK, markersize=4)
    _say(
        page,
        EDGE_PX + 18,
        y + 18,
        "started again; below each picture: seconds since the Pod was created",
        size=10,
    )


__all__ = ["RowOf", "Thumbnail", "thumbnails", "thumbnails_alt"]
