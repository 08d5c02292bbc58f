"""A timeline on matplotlib Axes. A handful of collections draw everything, however many spans there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podlab.extras import need
from podlab.timeline import Timeline
from podlab.views._layout import scene_of
from podlab.views.legend import ROW_PX, SWATCH_PX, legend_of, rows_of
from podlab.views.scene import NAME_PX, NAMES_PX, PITCH_PX, TEXT_PX, WIDTH_PX, Scene, Word, names_px
from podlab.views.style import ALARM, FAINT, GRID, INK, LOOKS, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

DPI = 100.0
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 124.0, 74.0, 46.0, 80.0
"""Margins of a figure that ``plot`` makes: labels, last exit code, title, axis and legend."""
TICK_PX = 5.0


def plot(
    timeline: Timeline,
    ax: Axes | None = None,
    *,
    window: tuple[float, float] | None = None,
    legend: bool = True,
    axis: str | None = None,
    origin: float = 0.0,
) -> Axes:
    """
    Draw a timeline.

    Args:
        timeline: What to draw.
        ax: Axes to draw on, taken as they are; None makes a figure of the right size.
        window: First and last second to show; None shows all.
        legend: Whether to explain the colours below the axis.
        axis: Words below the axis; None says what the seconds are.
        origin: The second that the axis calls 0.

    Returns:
        The Axes. Their data are seconds (x) and pixels from the top (y), so that more can be drawn on the
        same scale.
    """
    own = ax is None
    width = WIDTH_PX if ax is None else ax.get_window_extent().width * DPI / _figure_of(ax).dpi
    scene = scene_of(timeline, width=width, window=window)
    if ax is None:
        ax = _new_axes(scene, left_px(timeline), rows_of(legend_of(scene)) if legend else 1)
    scene.axis = scene.axis if axis is None else axis
    scene.origin = origin
    _frame(ax, scene, _room_px(ax))
    (_write_ticks if own else _set_ticks)(ax, scene)
    draw_scene(ax, scene)
    if legend:
        _legend(ax, scene)
    return ax


def figure(timeline: Timeline, **options: Any) -> Figure:
    """Return a figure of its own, outside of pyplot's list, so that nothing has to be closed."""
    return _figure_of(plot(timeline, **options))


def _figure_of(ax: Axes) -> Figure:
    found = ax.get_figure(root=True)
    assert found is not None
    return found


def _new_axes(scene: Scene, left: float, legend_rows: int) -> Axes:
    need("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    below = BOTTOM_PX + ROW_PX * (legend_rows - 1)
    total = (left + scene.width + RIGHT_PX, TOP_PX + scene.height + below)
    fig = Figure(figsize=(total[0] / DPI, total[1] / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(fig)
    return fig.add_axes((left / total[0], below / total[1], scene.width / total[0], scene.height / total[1]))


def left_px(*timelines: Timeline) -> float:
    """Return pixels at the left of figures that we make: as much as the names of the lanes take."""
    return max([LEFT_PX, *(names_px(one) + 16 for one in timelines)])


def _room_px(ax: Axes) -> float:
    """
    Return pixels that names have at the left of these Axes: up to the figure's edge, if nothing else can stand there.
    """
    left = ax.get_window_extent().x0 * DPI / _figure_of(ax).dpi
    return (left if LEFT_PX <= left <= NAMES_PX + 16 else LEFT_PX) - 12


def scene_height(timeline: Timeline) -> float:
    """Return pixels that the lanes and strips of a timeline need."""
    lanes = max(len(timeline.lanes), 1)
    strips = bool(timeline.phases) + bool(timeline.status_words)
    return 30.0 + 19.0 * strips + 5 + lanes * min(PITCH_PX, max(3.0, 640.0 / lanes)) + 4


def _frame(ax: Axes, scene: Scene, room_px: float) -> None:
    """
    Axis of seconds, labels of rows, title; no box around it.

    Words are placed by hand: ticks and titles that find their own place cost more than 10,000 spans do.
    """
    ax.set_xlim(scene.t0, scene.t1)
    ax.set_ylim(scene.height, 0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(FAINT)
    _without_ticks(ax.yaxis)
    for row, name, role in scene.names(room_px):
        _write(ax, scene, Word(-8, row.y - (5 if role else 0), name, INK, NAME_PX), ha="right")
        if role:
            _write(ax, scene, Word(-8, row.y + 7, role, FAINT, 9), ha="right")
    title = ax.set_title(
        scene.title,
        loc="left",
        fontsize=11,
        color=INK,
        fontweight="bold",
        y=1.0,
        pad=20 if scene.subtitle else 8,
    )
    title.set_in_layout(False)
    _write(ax, scene, Word(0, -7, scene.subtitle, FAINT, 11))
    _write(ax, scene, Word(scene.width, scene.height + 32, scene.axis, FAINT, 11), ha="right")


def _set_ticks(ax: Axes, scene: Scene) -> None:
    """Ticks of matplotlib's own, on Axes that belong to somebody else: they can be taken away, shared and changed."""
    ax.set_xticks(scene.ticks(), scene.tick_words())
    ax.tick_params(axis="x", colors=FAINT, labelsize=8)


def _write_ticks(ax: Axes, scene: Scene) -> None:
    """The same by hand: a dozen of matplotlib's ticks cost a quarter of a picture of 10,000 spans."""
    _without_ticks(ax.xaxis)
    places = [(t - scene.t0) * scene.scale for t in scene.ticks()]
    feet = [(x, scene.height + TICK_PX) for x in places]
    _draw_lines(ax, feet, FAINT, scene, clip=False)
    for x, text in zip(places, scene.tick_words(), strict=True):
        _write(ax, scene, Word(x, scene.height + TICK_PX + 10.5, text, FAINT, 8 * DPI / 72), ha="center")


def _without_ticks(axis: Axis) -> None:
    """``set_ticks([])`` would make a tick first, to copy its looks from."""
    from matplotlib.ticker import NullLocator

    axis.set_major_locator(NullLocator())


def _write(ax: Axes, scene: Scene, word: Word, ha: str = "left") -> None:
    plate = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.0} if word.plate else None
    ax.text(
        scene.t0 + word.x / scene.scale, word.y, word.text, fontsize=word.size * 72 / DPI, color=word.colour,
        va="center_baseline", ha=ha, clip_on=False, bbox=plate, in_layout=False,
    )  # fmt: skip


def draw_scene(ax: Axes, scene: Scene) -> None:
    """Draw boxes, doubts, strips, marks and words of a scene on Axes that have its limits already."""
    from matplotlib.collections import PolyCollection

    _draw_lines(ax, [(scene.x(t), 0.0) for t in scene.ticks()], GRID, scene, zorder=0.5)
    for (key, pitch), boxes in scene.boxes.items():
        look = LOOKS[key]
        _fill(ax, boxes, look.height * pitch, look.fill, scene)
    if scene.doubts:
        corners: Any = [_corners(a, b, y, h, scene) for a, b, y, h in scene.doubts]
        hatched = PolyCollection(
            corners, facecolors="#FFFFFFB0", edgecolors=FAINT, hatch="//////", linewidths=0.6
        )
        ax.add_collection(hatched, autolim=False)
    if scene.strips:
        corners = [_corners(a, b, y + h / 2, h, scene) for a, b, y, h, _ in scene.strips]
        fills = [fill for *_, fill in scene.strips]
        strips = PolyCollection(corners, facecolors=fills, edgecolors=PAPER, linewidths=0.8)
        ax.add_collection(strips, autolim=False)
    for kind, colour in (("plain", FAINT), ("alarm", ALARM)):
        _draw_lines(ax, [(x, 28.0) for x, k, _ in scene.lines if k == kind], colour, scene, dashed=True)
    _draw_marks(ax, scene)
    for word in scene.words:
        _write(ax, scene, word)


def _draw_lines(
    ax: Axes,
    tops: list[tuple[float, float]],
    colour: str,
    scene: Scene,
    *,
    dashed: bool = False,
    zorder: float = 2,
    clip: bool = True,
) -> None:
    """Vertical lines from (x, y) down to the axis."""
    from matplotlib.collections import LineCollection

    if tops:
        at = [(scene.t0 + x / scene.scale, y) for x, y in tops]
        segments: Any = [[(x, y), (x, scene.height)] for x, y in at]
        style: Any = (0, (3, 2)) if dashed else "solid"
        lines = LineCollection(segments, colors=colour, linewidths=0.8, linestyles=style, zorder=zorder)
        ax.add_collection(lines, autolim=False)
        lines.set_clip_on(clip)


def _corners(a: float, b: float, y: float, height: float, scene: Scene) -> list[tuple[float, float]]:
    left, right = scene.t0 + a / scene.scale, scene.t0 + b / scene.scale
    top, bottom = y - height / 2, y + height / 2
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _fill(ax: Axes, boxes: list[tuple[float, float, float]], height: float, fill: str, scene: Scene) -> None:
    """All boxes of one look as one path: the cost is that of their pixels, not of their number."""
    import numpy as np
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    edges = np.asarray(boxes, dtype=float)
    corners = np.empty((len(edges), 5, 2))
    corners[:, (0, 3, 4), 0] = (scene.t0 + edges[:, 0] / scene.scale)[:, None]
    corners[:, 1:3, 0] = (scene.t0 + edges[:, 1] / scene.scale)[:, None]
    corners[:, (0, 1, 4), 1] = (edges[:, 2] - height / 2)[:, None]
    corners[:, 2:4, 1] = (edges[:, 2] + height / 2)[:, None]
    codes = np.tile(np.array([1, 2, 2, 2, 79], dtype=np.uint8), len(edges))
    path = Path(corners.reshape(-1, 2), codes)
    path.should_simplify = False
    patch = PathPatch(path, facecolor=fill, linewidth=0, antialiased=len(edges) < 2000, zorder=1)
    patch.set_in_layout(False)
    ax.add_artist(patch)


GLYPHS = {
    "dot": (".", INK, 4.0),
    "alarm": ("v", ALARM, 5.5),
    "hook": ("D", ALARM, 4.5),
    "stop": ("|", INK, 13.0),
    "kill": ("X", ALARM, 7.0),
}
"""Marker, colour and size of each kind of mark."""


def _draw_marks(ax: Axes, scene: Scene) -> None:
    for glyph in GLYPHS:
        places = [(m.x, m.y) for m in scene.marks if m.glyph == glyph]
        if places:
            _glyph(ax, scene, glyph, places)


def _glyph(
    ax: Axes, scene: Scene, glyph: str, places: list[tuple[float, float]], *, clip: bool = True
) -> None:
    symbol, colour, size = GLYPHS[glyph]
    edge, width = (colour, 1.6) if glyph == "stop" else (PAPER, 0.0 if glyph == "dot" else 0.5)
    xs, ys = [scene.t0 + x / scene.scale for x, _ in places], [y for _, y in places]
    options: Any = {"markersize": size, "markeredgecolor": edge, "markeredgewidth": width, "clip_on": clip}
    ax.plot(xs, ys, symbol, color=colour, scalex=False, scaley=False, zorder=3, **options)


def _legend(ax: Axes, scene: Scene) -> None:
    """Colours, hatches and marks, and their words, below the axis."""
    from matplotlib.collections import PolyCollection

    for entry in legend_of(scene):
        y = scene.height + 52.0 + ROW_PX * entry.row
        if entry.kind == "mark":
            _glyph(ax, scene, entry.key, [(entry.x + SWATCH_PX / 2, y)], clip=False)
        else:
            corners: Any = [_corners(entry.x, entry.x + SWATCH_PX, y, entry.height, scene)]
            hatch = {"facecolors": PAPER, "edgecolors": FAINT, "hatch": "//////", "linewidths": 0.6}
            looks: Any = (
                hatch if entry.kind == "hatch" else {"facecolors": LOOKS[entry.key].fill, "linewidths": 0}
            )
            ax.add_collection(PolyCollection(corners, clip_on=False, **looks), autolim=False)
        _write(ax, scene, Word(entry.x + SWATCH_PX + 4, y, entry.words, INK, TEXT_PX))
