"""A timeline on matplotlib Axes. A handful of collections draw everything, however many spans there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podlab.timeline import Timeline
from podlab.views.scene import Scene, scene_of
from podlab.views.style import ALARM, FAINT, GRID, INK, LOOKS, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100.0
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 118.0, 74.0, 44.0, 74.0
"""Margins of a figure that ``plot`` makes: labels, last exit code, title, axis and legend."""


def plot(
    timeline: Timeline,
    ax: Axes | None = None,
    *,
    window: tuple[float, float] | None = None,
    legend: bool = True,
) -> Axes:
    """
    Draw a timeline.

    Args:
        timeline: What to draw.
        ax: Axes to draw on, taken as they are; None makes a figure of the right size.
        window: First and last second to show; None shows all.
        legend: Whether to explain the colours below the axis.

    Returns:
        The Axes. Their data are seconds (x) and pixels from the top (y), so that more can be drawn on the
        same scale.
    """
    if ax is None:
        ax, width = _new_axes(timeline)
    else:
        width = ax.get_window_extent().width * DPI / _figure_of(ax).dpi
    scene = scene_of(timeline, width=width, window=window)
    _frame(ax, scene)
    _draw(ax, scene)
    if legend:
        _legend(ax, scene)
    return ax


def figure(timeline: Timeline, **options: Any) -> Figure:
    """A figure of its own, outside of pyplot's list, so that nothing has to be closed."""
    return _figure_of(plot(timeline, **options))


def _figure_of(ax: Axes) -> Figure:
    found = ax.get_figure(root=True)
    assert found is not None
    return found


def _new_axes(timeline: Timeline) -> tuple[Axes, float]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = 900.0
    height = scene_height(timeline)
    total = (LEFT_PX + width + RIGHT_PX, TOP_PX + height + BOTTOM_PX)
    fig = Figure(figsize=(total[0] / DPI, total[1] / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(fig)
    ax = fig.add_axes((LEFT_PX / total[0], BOTTOM_PX / total[1], width / total[0], height / total[1]))
    return ax, width


def scene_height(timeline: Timeline) -> float:
    """Pixels that the lanes and strips of a timeline need."""
    lanes = max(len(timeline.lanes), 1)
    strips = bool(timeline.phases) + bool(timeline.status_words)
    return 30.0 + 19.0 * strips + 5 + lanes * min(30.0, max(3.0, 900.0 / lanes)) + 4


def _frame(ax: Axes, scene: Scene) -> None:
    """Axis of seconds, labels of rows, title; no box around it."""
    ax.set_xlim(scene.t0, scene.t1)
    ax.set_ylim(scene.height, 0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(FAINT)
    ax.set_xticks(scene.ticks())
    ax.tick_params(axis="x", colors=FAINT, labelsize=8)
    labelled = _thinned(scene)
    ax.set_yticks([row.y for row in labelled])
    ax.set_yticklabels([row.label for row in labelled], fontsize=8, color=INK, linespacing=0.95)
    ax.tick_params(axis="y", length=0, pad=6)
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_title(scene.title, loc="left", fontsize=11, color=INK, pad=16, fontweight="bold")
    ax.text(0, 1, scene.subtitle, transform=ax.transAxes, fontsize=8, color=FAINT, va="bottom")
    ax.set_xlabel("seconds since the Pod was created", fontsize=8, color=FAINT)


def _thinned(scene: Scene) -> list[Any]:
    """The rows that get a label: all, or as many as have room."""
    room = 12.0
    labelled, last = [], -1e9
    for row in scene.rows:
        if row.y - last >= room or row.role == "strip":
            labelled.append(row)
            last = row.y
    return labelled


def _draw(ax: Axes, scene: Scene) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    to_s = 1 / scene.scale
    for (key, pitch), boxes in scene.boxes.items():
        look = LOOKS[key]
        ax.add_collection(_boxes(boxes, look.height * pitch, look.fill, scene), autolim=False)
    if scene.doubts:
        corners = [_corners(a, b, y, h, scene) for a, b, y, h in scene.doubts]
        hatched = PolyCollection(
            corners, facecolors="#FFFFFFB0", edgecolors=FAINT, hatch="//////", linewidths=0.6
        )
        ax.add_collection(hatched, autolim=False)
    if scene.strips:
        corners = [_corners(a, b, y + h / 2, h, scene) for a, b, y, h, _ in scene.strips]
        fills = [fill for *_, fill in scene.strips]
        ax.add_collection(
            PolyCollection(corners, facecolors=fills, edgecolors=PAPER, linewidths=0.8), autolim=False
        )
    for kind, colour in (("plain", FAINT), ("alarm", ALARM)):
        segments = [[(scene.t0 + x * to_s, 28), (scene.t0 + x * to_s, scene.height)]
                    for x, k, _ in scene.lines if k == kind]  # fmt: skip
        if segments:
            ax.add_collection(
                LineCollection(segments, colors=colour, linewidths=0.9, linestyles=(0, (3, 2))), autolim=False
            )
    _draw_marks(ax, scene)
    for word in scene.words:
        plate = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.0} if word.plate else None
        ax.text(scene.t0 + word.x * to_s, word.y, word.text, fontsize=word.size * 72 / DPI, color=word.colour,
                va="center_baseline", ha="left", clip_on=False, bbox=plate)  # fmt: skip


def _corners(a: float, b: float, y: float, height: float, scene: Scene) -> list[tuple[float, float]]:
    left, right = scene.t0 + a / scene.scale, scene.t0 + b / scene.scale
    top, bottom = y - height / 2, y + height / 2
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _boxes(boxes: list[tuple[float, float, float]], height: float, fill: str, scene: Scene) -> Any:
    import numpy as np
    from matplotlib.collections import PolyCollection

    edges = np.asarray(boxes, dtype=float)
    corners = np.empty((len(edges), 4, 2))
    corners[:, 0, 0] = corners[:, 3, 0] = scene.t0 + edges[:, 0] / scene.scale
    corners[:, 1, 0] = corners[:, 2, 0] = scene.t0 + edges[:, 1] / scene.scale
    corners[:, 0, 1] = corners[:, 1, 1] = edges[:, 2] - height / 2
    corners[:, 2, 1] = corners[:, 3, 1] = edges[:, 2] + height / 2
    quads: Any = corners
    return PolyCollection(quads, facecolors=fill, linewidths=0, antialiaseds=len(edges) < 2000, closed=False)


GLYPHS = {
    "dot": (".", FAINT, 3.0),
    "alarm": ("v", ALARM, 5.5),
    "hook": ("D", ALARM, 4.5),
    "stop": ("|", INK, 13.0),
    "kill": ("X", ALARM, 7.0),
}
"""Marker, colour and size of each kind of mark."""


def _draw_marks(ax: Axes, scene: Scene) -> None:
    for glyph, (symbol, colour, size) in GLYPHS.items():
        marks = [m for m in scene.marks if m.glyph == glyph]
        if marks:
            xs = [scene.t0 + m.x / scene.scale for m in marks]
            ax.plot(xs, [m.y for m in marks], symbol, color=colour, markersize=size, markeredgecolor=PAPER
                    if glyph != "stop" else colour, markeredgewidth=0.5 if glyph != "stop" else 1.6,
                    scalex=False, scaley=False, zorder=3)  # fmt: skip


def _legend(ax: Axes, scene: Scene) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=LOOKS[k].fill, label=LOOKS[k].name) for k in LOOKS if k in scene.used]
    if scene.has_doubt:
        handles.append(Patch(facecolor=PAPER, edgecolor=FAINT, hatch="//////", label="edge somewhere here"))
    if handles:
        below = -34.0 / scene.height
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(-0.11, below),
            ncols=min(len(handles), 6),
            fontsize=7.5,
            frameon=False,
            handlelength=1.4,
            columnspacing=1.2,
            borderaxespad=0,
        )
