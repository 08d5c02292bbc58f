"""
A predicted order, laid over the picture of what happened: a numbered disc at the edge of each lane.

A filled disc: what was predicted before this container, and nothing else, came before it. A hollow one: not so. So it
reads in grey as well, and one slip at the beginning does not spoil all that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podlab.timeline import Timeline
from podlab.timeline.prediction import parse
from podlab.views._layout import scene_of
from podlab.views._plot import _figure_of, plot
from podlab.views.style import INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DISC_PX = 15.0
GAP_PX = 10.0
STARTS, STOPS = "starts", "ends"


@dataclass(frozen=True, slots=True)
class Disc:
    """A container of a predicted order: its step, from 1; whether those before it came before it; its edge, seconds."""

    container: str
    step: int
    held: bool
    at: float | None  # None: that edge was not seen


def discs(timeline: Timeline, order: str, edges: str = STARTS) -> list[Disc]:
    """
    Return where each container of a predicted order belongs.

    Args:
        order: In the notation of orders, such as ``fetch | (shop admin)``.
        edges: ``starts`` or ``ends``: which order it is.

    Raises:
        TimelineError: *order* cannot be read, or it names a container that the Pod does not have.
    """
    real = timeline.start_order() if edges == STARTS else timeline.stop_order()
    mine, theirs = _before(order), _before(real)
    found = []
    for name, step in _steps(order).items():
        lane = timeline.lane(name)
        edge = lane.first_start if edges == STARTS else lane.last_end
        found.append(
            Disc(
                name,
                step,
                name in theirs and mine[name] & set(theirs) == theirs[name] & set(mine),
                None if edge is None else edge.mid,
            )
        )
    return found


def _steps(order: str) -> dict[str, int]:
    return {name: at for at, step in enumerate(parse(order).start, 1) for name in sorted(step)}


def _before(order: str) -> dict[str, set[str]]:
    """Each container of an order, and all that come before it."""
    steps = parse(order).start if order else ()
    return {name: set().union(*steps[:at]) for at, step in enumerate(steps) for name in step}


def predicted(timeline: Timeline, starts: str = "", ends: str = "") -> Figure:
    """
    Draw a timeline with the orders that somebody predicted for it.

    Raises:
        TimelineError: As for ``discs``.
    """
    wanted = [
        (edges, discs(timeline, order, edges)) for edges, order in ((STARTS, starts), (STOPS, ends)) if order
    ]
    ax = plot(timeline)
    scene = scene_of(timeline)
    heights = {
        lane.name: row.y for lane, row in zip(timeline.lanes, scene.rows[-len(timeline.lanes) :], strict=True)
    }
    for _, found in wanted:
        for disc in found:  # left of the edge: words about an end stand right of it
            x = 0.0 if disc.at is None else scene.x(disc.at)
            _draw(ax, scene.t0 + (x - GAP_PX) / scene.scale, heights[disc.container], disc)
    words = " and of ".join(edges for edges, _ in wanted)
    _caption(
        ax, scene.t0, scene.height + 32, f"your order of {words}: black where it was so, white where not"
    )
    return _figure_of(ax)


def predicted_alt(timeline: Timeline, starts: str = "", ends: str = "") -> str:
    """Return in words what ``predicted`` adds to the picture."""
    sentences = []
    for edges, order in ((STARTS, starts), (STOPS, ends)):
        if order:
            found = discs(timeline, order, edges)
            sentences.append(f"Predicted order of {edges}: {order}; {_held(found)}.")
    return " ".join(sentences)


def _held(found: Sequence[Disc]) -> str:
    wrong = [disc.container for disc in found if not disc.held]
    return f"not so for {', '.join(wrong)}" if wrong else "so it was"


def _draw(ax: Axes, x: float, y: float, disc: Disc) -> None:
    fill, ink = (INK, PAPER) if disc.held else (PAPER, INK)
    ax.plot(
        [x], [y], "o", markersize=DISC_PX * 0.72, markerfacecolor=fill, markeredgecolor=INK, markeredgewidth=1.2,
        clip_on=False, scalex=False, scaley=False, zorder=6,
    )  # fmt: skip
    ax.text(
        x, y, str(disc.step), fontsize=7.5, fontweight="bold", color=ink, ha="center", va="center_baseline",
        clip_on=False, zorder=7, in_layout=False,
    )  # fmt: skip


def _caption(ax: Axes, x: float, y: float, text: str) -> None:
    ax.text(x, y, text, fontsize=8, color=INK, va="center_baseline", clip_on=False, in_layout=False)
