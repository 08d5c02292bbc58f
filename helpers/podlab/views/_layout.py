"""
The layout of a timeline: rows from the top down, and the title above them.

Detail that the pixels cannot show is left out: boxes that would share a pixel are joined, words go only where they
fit, and no two words share a position.
"""

from __future__ import annotations

from math import inf

from podlab.timeline import Lane, Timeline
from podlab.views._lane_layout import doubt, draw_lane, draw_words
from podlab.views._strip_layout import draw_marks, draw_strips
from podlab.views.scene import MARGIN_PX, PITCH_PX, WIDTH_PX, Places, Scene, SceneRow
from podlab.views.style import ROLE_WORDS, shortened, text_width


def scene_of(
    timeline: Timeline,
    *,
    width: float = WIDTH_PX,
    window: tuple[float, float] | None = None,
    pitch: float | None = None,
    detail: float = 1.0,
    strips: bool = True,
) -> Scene:
    """
    Lay a timeline out.

    Args:
        timeline: What to draw.
        width: Width of the plot in pixels, without labels.
        window: First and last second to show; None shows all.
        pitch: Height of a lane in pixels; None chooses by their number.
        detail: Boxes that would share so many pixels are joined.
        strips: Whether phase and STATUS strips are drawn.
    """
    t0, t1 = window or (0.0, max(_last(timeline), 0.5))
    lanes = timeline.lanes
    pitch = pitch or min(PITCH_PX, max(3.0, 640.0 / max(len(lanes), 1)))
    title = _fitted(_title(timeline), width + MARGIN_PX, 15.0 * BOLD)
    scene = Scene(title, "", width, 0.0, t0, t1, notes=list(timeline.notes), until=max(timeline.until, t0))
    places = Places()
    top = draw_strips(scene, timeline, places) if strips else 6.0
    crowded = pitch < 14
    for index, lane in enumerate(lanes):
        y = top + (index + 0.5) * pitch
        scene.rows.append(SceneRow(_label(lane, crowded), lane.role, y, pitch))
        if lane.spans and detail <= 1:  # nothing stands before it whose end would be this edge
            doubt(scene, lane.spans[0].start, y, pitch * 0.72)
        draw_lane(scene, lane, scene.rows[-1], detail, timeline.until, _following(timeline, index))
        if not crowded:
            draw_words(scene, lane, y, places)
    if not crowded:
        draw_marks(scene, timeline, pitch)
    scene.subtitle = _fitted(_subtitle(timeline, hatched=bool(scene.doubts)), width + MARGIN_PX, 11.0)
    scene.height = top + len(lanes) * pitch + 4
    return scene


def _following(timeline: Timeline, index: int) -> float:
    """Return the second at which what waits for a regular init container is drawn to start; infinite for others."""
    if timeline.lanes[index].role != "init":
        return inf
    later = (lane.first_start for lane in timeline.lanes[index + 1 : index + 2])
    return min((start.lo for start in later if start is not None), default=inf)


def _last(timeline: Timeline) -> float:
    ends = [i.hi if i.hi < inf else i.lo for lane in timeline.lanes[:50] for s in lane.spans[-1:]
            if (i := s.end or s.start)]  # fmt: skip
    return max([timeline.until, *(e for e in ends if e < inf)])


def _title(timeline: Timeline) -> str:
    kind = "Predicted life of Pod" if timeline.predicted else "Life of Pod"
    return f"{kind} {timeline.name}"


BOLD = 1.15
"""How much wider bold letters are."""


def _fitted(text: str, room_px: float, size_px: float) -> str:
    """Return the text as it fits, with its middle left out where it is too long."""
    return shortened([text], lambda words: text_width(words, size_px) <= room_px)[0]


def _subtitle(timeline: Timeline, *, hatched: bool) -> str:
    if timeline.predicted:
        return "order only: lengths mean nothing"
    if timeline.live:
        return "still being recorded"
    if not timeline.complete:
        return next(
            (n for n in timeline.notes if "cut short" in n or "gap" in n), "the recording is incomplete"
        )
    return (
        "hatched: it happened somewhere in there" if hatched else ""
    )  # what the seconds count from is said below the axis


def _label(lane: Lane, crowded: bool) -> str:
    return lane.name if crowded else f"{lane.name}\n{ROLE_WORDS.get(lane.role, lane.role)}"
