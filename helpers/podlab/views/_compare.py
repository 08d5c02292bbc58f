"""
Two lives under each other on one scale, aligned at a moment of choice; or a prediction over what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podlab.errors import TimelineError
from podlab.extras import need
from podlab.timeline import Timeline
from podlab.timeline.prediction import Prediction, parse
from podlab.timeline.questions import moment
from podlab.views._layout import scene_of
from podlab.views._plot import BOTTOM_PX, DPI, RIGHT_PX, TOP_PX, left_px, plot, scene_height
from podlab.views.legend import ROW_PX, legend_of, rows_of
from podlab.views.scene import WIDTH_PX
from podlab.views.style import INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that two timelines do not share."""

    what: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.what}: {self.first or 'none'} / {self.second or 'none'}"


def differences(first: Timeline, second: Timeline) -> list[Difference]:
    """Facts that differ: orders, starts, exit codes, phases; no times."""
    facts = [
        ("start order", first.start_order(), second.start_order()),
        ("stop order", first.stop_order(), second.stop_order()),
        ("phases", " ".join(first.phase_sequence()), " ".join(second.phase_sequence())),
    ]
    names = list(dict.fromkeys(lane.name for t in (first, second) for lane in t.lanes))
    for name in names:
        one, two = (_facts_of(t, name) for t in (first, second))
        facts += [(f"{name}: {key}", one[key], two[key]) for key in one]
    return [Difference(what, a, b) for what, a, b in facts if a != b]


def _facts_of(timeline: Timeline, name: str) -> dict[str, str]:
    if not any(lane.name == name for lane in timeline.lanes):
        return {"role": "", "starts": "", "exit codes": ""}
    codes = " ".join("?" if c is None else str(c) for c in timeline.exit_codes(name))
    return {"role": timeline.lane(name).role, "starts": str(timeline.starts(name)), "exit codes": codes}


def compare(
    first: Timeline | Prediction | str,
    second: Timeline,
    *,
    align: str = "pod.created",
    names: tuple[str, str] | None = None,
) -> Figure:
    """
    Draw two lives under each other.

    Args:
        first: A timeline; or a prediction (also as text), which is drawn above with its own unit steps.
        second: The timeline that is held against it.
        align: The moment that lies on one line in both, as ``pod.created``, ``pod.ready``, ``shop.start``,
            ``proxy.end``.
        names: Titles of the two.

    Returns:
        A figure with two Axes, on one scale of seconds unless one of them is a prediction.

    Raises:
        TimelineError: One of the two never reached *align*, or the prediction cannot be read.
    """
    if isinstance(first, str):
        first = parse(first, [lane.name for lane in second.lanes])
    if isinstance(first, Prediction):
        first = first.timeline(second)
    shifts = [_shift(t, align) for t in (first, second)]
    windows = _windows(first, second, shifts)
    fig, axes = _figure(first, second)
    for index, (timeline, ax) in enumerate(zip((first, second), axes, strict=True)):
        words = "" if timeline.predicted else "seconds since the Pod was created"
        if shifts[index]:
            words = f"seconds from {align}"
        plot(
            timeline,
            ax,
            window=windows[index],
            legend=index == 1,
            axis=words if index else "",
            origin=shifts[index],
        )
        if names:
            ax.set_title(names[index], loc="left", fontsize=11, fontweight="bold", y=1.0, pad=20)
        if shifts[index]:
            ax.axvline(shifts[index], color=INK, linewidth=1.2)
    if first.predicted:
        axes[0].set_xticks([])
    return fig


def _shift(timeline: Timeline, align: str) -> float:
    """Return seconds from the timeline's 0 to the moment."""
    if timeline.predicted or align in ("created", "pod.created"):
        return 0.0
    at, words = moment(timeline, align if "." in align else f"{align}.start")
    if at is None:
        raise TimelineError(f"Pod {timeline.name}: {words} was not seen", hint="align on pod.created")
    return at.mid


def _windows(first: Timeline, second: Timeline, shifts: list[float]) -> list[tuple[float, float]]:
    """Equal stretches around the moment; a prediction keeps its own."""
    if first.predicted:
        return [(0.0, first.until), (0.0, max(second.until, 0.5))]
    before = max(shifts)
    after = max(t.until - s for t, s in zip((first, second), shifts, strict=True))
    return [(s - before, s + max(after, 0.5)) for s in shifts]


def _figure(first: Timeline, second: Timeline) -> tuple[Figure, list[Axes]]:
    need("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [scene_height(first), scene_height(second)]
    between = TOP_PX + 30.0
    below = BOTTOM_PX + ROW_PX * (rows_of(legend_of(scene_of(second))) - 1)
    total = TOP_PX + sum(heights) + between + below
    left = left_px(first, second)
    width = left + WIDTH_PX + RIGHT_PX
    fig = Figure(figsize=(width / DPI, total / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(fig)
    bottoms = [below + heights[1] + between, below]
    rectangles = [
        (left / width, b / total, WIDTH_PX / width, h / total) for b, h in zip(bottoms, heights, strict=True)
    ]
    return fig, [fig.add_axes(rectangle) for rectangle in rectangles]
