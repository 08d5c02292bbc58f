"""A timeline on matplotlib Axes. A handful of collections draw everything, however many spans there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podlab.timeline import Timeline
from podlab.views.scene import NAME_PX, NAMES_PX, TEXT_PX, Scene, Word, names_px, scene_of
from podlab.views.style import ALARM, FAINT, GRID, INK, LOOKS, PAPER, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

DPI = 100.0
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 124.0, 74.0, 46.0, 80.0
"""Margins of a figure that ``plot`` makes: labels, last exit code, title, axis and legend."""
TICK_PX = 5.0
LEGEND_PX = 16.0
"""A lane in the legend: swatches are as tall as their spans are in it, which tells them apart in grey."""


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
    if ax is None:
        ax, width = _new_axes(timeline)
    else:
        width = ax.get_window_extent().width * DPI / _figure_of(ax).dpi
    scene = scene_of(timeline, width=width, window=window)
    scene.axis = scene.axis if axis is None else axis
    scene.origin = origin
    _frame(ax, scene, _room_px(ax))
    (_write_ticks if own else _set_ticks)(ax, scene)
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
    left = left_px(timeline)
    total = (left + width + RIGHT_PX, TOP_PX + height + BOTTOM_PX)
    fig = Figure(figsize=(total[0] / DPI, total[1] / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(fig)
    ax = fig.add_axes((left / total[0], BOTTOM_PX / total[1], width / total[0], height / total[1]))
    return ax, width


def left_px(*timelines: Timeline) -> float:
    """Pixels at the left of figures that we make: as much as the names of the lanes take."""
    return max([LEFT_PX, *(names_px(one) + 16 for one in timelines)])


def _room_px(ax: Axes) -> float:
    """Pixels that names have at the left of these Axes: up to the figure's edge, if nothing else can stand there."""
    left = ax.get_window_extent().x0 * DPI / _figure_of(ax).dpi
    return (left if LEFT_PX <= left <= NAMES_PX + 16 else LEFT_PX) - 12


def scene_height(timeline: Timeline) -> float:
    """Pixels that the lanes and strips of a timeline need."""
    lanes = max(len(timeline.lanes), 1)
    strips = bool(timeline.phases) + bool(timeline.status_words)
    return 30.0 + 19.0 * strips + 5 + lanes * min(30.0, max(3.0, 640.0 / lanes)) + 4


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
    title = ax.set_title(scene.title, loc="left", fontsize=11, color=INK, fontweight="bold", y=1.0, pad=20)
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


def _draw(ax: Axes, scene: Scene) -> None:
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
            edge, width = (colour, 1.6) if glyph == "stop" else (PAPER, 0.5)
            xs, ys = [scene.t0 + m.x / scene.scale for m in marks], [m.y for m in marks]
            options: Any = {"markersize": size, "markeredgecolor": edge, "markeredgewidth": width}
            ax.plot(xs, ys, symbol, color=colour, scalex=False, scaley=False, zorder=3, **options)


def _legend(ax: Axes, scene: Scene) -> None:
    """Colours and their words below the axis, in rows as wide as the plot."""
    from matplotlib.collections import PolyCollection

    entries = [
        (LOOKS[k].fill, LOOKS[k].name, LOOKS[k].height) for k in LOOKS if k in scene.used and k != "unseen"
    ]
    if scene.hatched:
        entries.append(("", scene.hatched, 0.6))
    x, y = 0.0, scene.height + 52.0
    for fill, name, height in entries:
        wide = 20 + text_width(name, TEXT_PX)
        if x and x + wide > scene.width:
            x, y = 0.0, y + 15.0
        corners: Any = [_corners(x, x + 14, y, max(LEGEND_PX * height, 2.0), scene)]
        looks: Any = (
            {"facecolors": fill} if fill else {"facecolors": PAPER, "edgecolors": FAINT, "hatch": "//////"}
        )
        box = PolyCollection(corners, linewidths=0 if fill else 0.6, clip_on=False, **looks)
        ax.add_collection(box, autolim=False)
        _write(ax, scene, Word(x + 18, y, name, INK, TEXT_PX))
        x += wide + 14
