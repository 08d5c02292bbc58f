"""
The scene of a picture, before it is drawn: rows, boxes, doubts, marks and words in pixels.

``plot`` (matplotlib), ``svg`` and ``live`` all draw a scene, so a picture says the same in each. Detail that
the pixels cannot show is left out here: boxes that would share a pixel are joined, words go only where they
fit, and each place is given to one word only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from podlab.timeline import Lane, Marker, Span, Timeline
from podlab.timeline.model import Instant, Stretch
from podlab.views.style import FAINT, LOOKS, PHASES, ROLE_WORDS, ink_on, shortened, style_of, text_width

Box = tuple[float, float]
"""Left and right edge in pixels from the plot's left edge."""

SMALL_PX, TEXT_PX, NAME_PX = 10.0, 11.0, 12.0
"""Sizes of type inside lanes, of legends, and of the names of lanes."""

WIDTH_PX = 640.0
"""Width of a plot: with labels at both sides a picture is as wide as a cell of JupyterLab, so it is not scaled down."""

PITCH_PX = 34.0
"""Height of a lane, where there are few: room for its box, its marks below and the words above the next one."""

LEAST_PX = 3.0
"""A run is drawn so wide at least, however brief it was."""

MARGIN_PX = 60.0
"""Room at the right of a plot for words about what happened at its end."""

NAMES_PX = 300.0
"""The most that names of lanes get at the left; longer ones lose their middle."""


def names_px(timeline: Timeline) -> float:
    """Pixels that the names of the lanes take, up to ``NAMES_PX``."""
    return min(max((text_width(lane.name, NAME_PX) for lane in timeline.lanes), default=0.0), NAMES_PX)


@dataclass(slots=True)
class Word:
    """One piece of text: *x* is its left edge, *y* its middle, in pixels from the top left of the plot."""

    x: float
    y: float
    text: str
    colour: str
    size: float = SMALL_PX
    plate: bool = False  # on a plate of paper, so that lines and hatches behind do not spoil it

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        width = text_width(self.text, self.size)
        return self.x, self.y - self.size * 0.6, self.x + width, self.y + self.size * 0.6


@dataclass(slots=True)
class SceneMark:
    """A single moment: *glyph* is one of ``dot``, ``alarm``, ``stop``, ``kill``, ``hook``."""

    x: float
    y: float
    glyph: str
    hover: str


GLYPH_WORDS = {
    "dot": "Event",
    "alarm": "failed probe or warning",
    "hook": "failed hook",
    "stop": "SIGTERM",
    "kill": "SIGKILL",
}
"""Kind of a mark -> its words in legends."""


@dataclass(slots=True)
class SceneRow:
    """A lane or a strip: its label and the middle of its height."""

    label: str
    role: str
    y: float
    height: float


@dataclass(slots=True)
class Scene:
    """Everything to draw, in pixels; *x* of a second is ``(second - t0) * scale``."""

    title: str
    subtitle: str
    width: float
    height: float
    t0: float
    t1: float
    rows: list[SceneRow] = field(default_factory=list)
    boxes: dict[tuple[str, float], list[tuple[float, float, float]]] = field(default_factory=dict)
    doubts: list[tuple[float, float, float, float]] = field(default_factory=list)
    strips: list[tuple[float, float, float, float, str]] = field(default_factory=list)
    marks: list[SceneMark] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    axis: str = "seconds since the Pod was created"
    origin: float = 0.0  # the second that the axis calls 0
    until: float = inf  # the last second that is known of

    @property
    def last_x(self) -> float:
        """Pixel up to which anything is known: what has not ended is drawn so far."""
        return self.x(min(self.until, self.t1))

    @property
    def hatched(self) -> str:
        """Return what hatching stands for in this picture; empty if absent."""
        if "unseen" in self.used:
            return "an edge, or runs that nobody saw, somewhere here"
        return "it happened somewhere here" if self.doubts else ""

    @property
    def glyphs(self) -> list[tuple[str, str]]:
        """Kinds of marks in this picture, and what they stand for, in the order of legends."""
        shown = {mark.glyph for mark in self.marks}
        return [(glyph, words) for glyph, words in GLYPH_WORDS.items() if glyph in shown]

    @property
    def scale(self) -> float:
        """Pixels per second."""
        return self.width / max(self.t1 - self.t0, 1e-9)

    def x(self, t: float) -> float:
        """Pixel of a second, kept inside the plot."""
        return min(max((t - self.t0) * self.scale, 0.0), self.width)

    def ticks(self) -> list[float]:
        """Round seconds for the axis, at least 60 pixels apart."""
        wanted = (self.t1 - self.t0) / max(self.width / 60, 1)
        steps = [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 5)]
        step = next((s for s in steps if s >= wanted), steps[-1])
        first = -(-(self.t0 - self.origin) // step)
        count = int((self.t1 - self.t0) / step) + 2
        marks = [self.origin + (first + i) * step for i in range(count)]
        return [t for t in marks if self.t0 <= t <= self.t1]

    def names(self, room_px: float) -> list[tuple[SceneRow, str, str]]:
        """Rows that get a label, with the name as it fits into *room_px*, and the word for its role."""
        rows = self.labelled()
        parts = [row.label.partition("\n") for row in rows]
        short = shortened([name for name, _, _ in parts], lambda n: text_width(n, NAME_PX) <= room_px)
        return [(row, name, role) for row, name, (_, _, role) in zip(rows, short, parts, strict=True)]

    def labelled(self) -> list[SceneRow]:
        """Return the rows that get a label: all, or about ten where they are crowded."""
        lanes = [row for row in self.rows if row.role != "strip"]
        room = 12.0 if not lanes or lanes[0].height >= 14 else max(12.0, self.height / 9)
        found: list[SceneRow] = []
        last = -1e9
        for row in self.rows:
            if row.y - last >= room or row.role == "strip":
                found.append(row)
                last = row.y
        return found

    def tick_words(self) -> list[str]:
        """Return what the axis prints at its ticks."""
        return [f"{round(t - self.origin, 6):g}" for t in self.ticks()]


class _Places:
    """Which places of which line of text are taken."""

    def __init__(self) -> None:
        self._taken: dict[float, list[Box]] = {}

    def take(self, y: float, left: float, right: float) -> bool:
        """Claim ``[left, right]`` at height *y*; False when somebody has part of it."""
        taken = self._taken.setdefault(y, [])
        if any(left < r and right > a for a, r in taken):
            return False
        taken.append((left, right))
        return True


def scene_of(
    timeline: Timeline,
    *,
    width: float = WIDTH_PX,
    window: tuple[float, float] | None = None,
    pitch: float | None = None,
    detail: float = 1.0,
    strips: bool = True,
    extra: float = 0.0,
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
        extra: Pixels to leave free at the right, for a last label.
    """
    t0, t1 = window or (0.0, max(_last(timeline), 0.5))
    lanes = timeline.lanes
    pitch = pitch or min(PITCH_PX, max(3.0, 640.0 / max(len(lanes), 1)))
    title = _fitted(_title(timeline), width + MARGIN_PX, 15.0 * BOLD)
    scene = Scene(title, "", width, 0.0, t0, t1, notes=list(timeline.notes), until=max(timeline.until, t0))
    places = _Places()
    top = _draw_strips(scene, timeline, places) if strips else 6.0
    crowded = pitch < 14
    for index, lane in enumerate(lanes):
        y = top + (index + 0.5) * pitch
        scene.rows.append(SceneRow(_label(lane, crowded), lane.role, y, pitch))
        if lane.spans and detail <= 1:  # nothing stands before it whose end would be this edge
            _doubt(scene, lane.spans[0].start, y, pitch * 0.72)
        _draw_lane(scene, lane, scene.rows[-1], detail, timeline.until, _following(timeline, index))
        if not crowded:
            _draw_words(scene, lane, y, places)
    if not crowded:
        _draw_marks(scene, timeline, pitch)
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


# -- lanes ---------------------------------------------------------------------------------------------------


# One loop with many branches: for 10,000 spans, calls would cost as much as drawing.
def _draw_lane(  # noqa: PLR0912
    scene: Scene, lane: Lane, row: SceneRow, quantum: float, until: float, following: float
) -> None:
    """Boxes of what is known, doubts where an edge is not; joined where they would share a pixel."""
    scale, t0, limit = scene.scale, scene.t0, scene.width
    y, tall = row.y, row.height * 0.72
    open_boxes: dict[str, list[float]] = {}
    done, height, doubts_too = scene.boxes, row.height, quantum <= 1
    ceiling = (following - t0) * scale  # a brief init does not reach into what starts after it
    filled = shown = -1.0
    for span in lane.spans:
        start, end, state = span.start, span.end, span.state
        left = start.hi if start.best is None else start.best
        right = until if end is None else end.lo if end.best is None else end.best
        x0, x1 = (left - t0) * scale, (right - t0) * scale
        if limit < x0 < inf or x1 < 0.0:
            continue  # beyond the window
        x0 = 0.0 if x0 < 0.0 else limit if x0 > limit else x0
        x1 = limit if x1 > limit else x1
        if state == "unseen" and x1 - x0 >= 2:
            scene.doubts.append((x0, x1, y, tall))
        if (
            state == "terminating"
            and start.hi > (until if end is None else end.lo)
            and start.width * scale >= 2
        ):
            x1 = x0  # all of it is hatched: where in there is not known
        if doubts_too and end is not None and end.best is None and (end.hi - end.lo) * scale >= 2:
            _doubt(scene, end, y, tall)
        kept = state in _NEVER_HIDDEN and not (state == "terminating" and x1 == x0)
        least = max(quantum, min(LEAST_PX, ceiling - x0)) if kept else quantum
        if x1 - x0 < least:
            if kept and x0 >= shown - 0.5:
                x1 = min(x0 + least, limit)
                x0 = min(x0, x1 - least)
            elif x1 <= filled or x1 <= x0:
                continue
        key = style_of(state, span.reason, span.exit_code)
        if kept:
            shown = x1 if x1 > shown else shown
        elif x0 < filled < x1:
            x0 = filled
        last = open_boxes.get(key)
        if last is None:
            open_boxes[key] = [x0, x1]
        elif x0 - last[1] < quantum:
            last[1] = x1 if x1 > last[1] else last[1]
        else:
            done.setdefault((key, height), []).append((last[0], last[1], y))
            last[0], last[1] = x0, x1
        filled = x1 if x1 > filled else filled
    for key, (a, b) in open_boxes.items():
        done.setdefault((key, row.height), []).append((a, b, y))
    scene.used.update(open_boxes)


_NEVER_HIDDEN = frozenset({"running", "unseen", "terminating"})
"""States that get a box of their own however brief they were, unless another run has that place."""


def _doubt(scene: Scene, end: Instant | None, y: float, tall: float) -> None:
    """Hatch where an edge may lie."""
    if end is None or end.best is not None:
        return
    x0, x1 = (
        scene.x(max(end.lo, 0.0)),
        scene.x(min(end.hi, scene.t1) if end.hi < inf else min(scene.until, scene.t1)),
    )
    if x1 - x0 >= 2:
        scene.doubts.append((x0, x1, y, tall))


def _draw_words(scene: Scene, lane: Lane, y: float, places: _Places) -> None:
    """Exit codes beside the ends first, then numbers of restarts, then reasons of waiting."""
    later = [run.start.lo for run in lane.runs if run.start is not None]
    for run in lane.runs:
        if run.end is not None and run.end.lo <= scene.t1 and run.exit_code is not None and run.ran:
            x = scene.x(min(run.end.hi, scene.t1)) + 3
            text = f"exit {run.exit_code}" if run.reason in ("Completed", "Error", "") else f"{run.reason}"
            if run.reason == "OOMKilled":
                text = f"OOMKilled {run.exit_code}"
            following = next((at for at in later if at >= run.end.lo and at > run.start.lo), inf)  # type: ignore[union-attr]
            if x + text_width(text, SMALL_PX) > (following - scene.t0) * scene.scale:
                continue  # it would lie over the next run
            _put(scene, places, Word(x, y, text, "#8F1521" if run.exit_code else FAINT, plate=True))
    for run in lane.runs:
        if run.start is not None and run.restart and run.seen:
            left = scene.x(run.start.hi if run.start.hi < inf else run.start.lo) + 3
            right = scene.x(run.end.lo if run.end else scene.t1)
            style = LOOKS["running ready" if lane.role != "init" else "running started"]
            if right - left >= text_width(f"#{run.restart + 1}", SMALL_PX) + 2:
                _put(scene, places, Word(left, y, f"#{run.restart + 1}", ink_on(style.fill)))
    for span in lane.spans:
        if span.state in ("waiting", "back-off", "pulling", "unseen", "terminating") and span.reason:
            left, right = _edges(scene, span)
            text = span.message if span.state == "unseen" else _reason(span)
            colour = ink_on(LOOKS[span.state].fill)
            if right - left >= text_width(text, SMALL_PX) + 6:
                raised = y if LOOKS[span.state].height > 0.5 else y - 12.2
                plate = span.state == "unseen"
                ink = colour if raised == y else FAINT
                _put(scene, places, Word(left + 3, raised, text, ink, plate=plate))


def _reason(span: Span) -> str:
    return {"Killing": "told to stop", "Pulling": "pulling"}.get(span.reason, span.reason)


def _edges(scene: Scene, span: Span) -> Box:
    start = span.start.best if span.start.best is not None else span.start.hi
    left = scene.x(start if start < inf else span.start.lo)
    if span.end is None:
        return left, scene.last_x
    return left, scene.x(span.end.best if span.end.best is not None else span.end.lo)


def _put(scene: Scene, places: _Places, word: Word) -> bool:
    """Add the word if it lies inside and nobody has its place."""
    right = word.x + text_width(word.text, word.size)
    if word.x < 0 or right > scene.width + MARGIN_PX or not places.take(word.y, word.x - 2, right + 2):
        return False
    scene.words.append(word)
    return True


# -- strips and marks ----------------------------------------------------------------------------------------


def _draw_strips(scene: Scene, timeline: Timeline, places: _Places) -> float:
    """Flags of the Pod's own moments, then phase and STATUS; returns where the lanes begin."""
    y = 30.0
    _draw_flags(scene, timeline, places)
    for label, stretches, colours in (
        ("phase", timeline.phases, PHASES),
        ("STATUS", timeline.status_words, None),
    ):
        if not stretches:
            continue
        scene.rows.append(SceneRow(label, "strip", y + 8, 16))
        _draw_strip(scene, stretches, y, colours, places)
        y += 19
    return y + 5


def _draw_strip(
    scene: Scene, stretches: Sequence[Stretch], y: float, colours: dict[str, str] | None, places: _Places
) -> None:
    last_x = -1.0
    for index, stretch in enumerate(stretches):
        left = scene.x(stretch.start.mid)
        right = scene.x(stretch.end.mid) if stretch.end else scene.last_x
        if right - left < 1 and right - last_x < 1:
            continue
        last_x = right
        fill = colours.get(stretch.word, "#F2E2B6") if colours else ("#E9ECEF", "#DDE3E9")[index % 2]
        scene.strips.append((left, right, y, 16.0, fill))
        width = text_width(stretch.word, SMALL_PX)
        at = _beside_lines(scene, left + 3, width)
        room = right - at + (MARGIN_PX if index == len(stretches) - 1 else 0.0)
        if room >= width + 3:
            places.take(y + 8, at, at + width)
            scene.words.append(Word(at, y + 8, stretch.word, ink_on(fill)))


def _beside_lines(scene: Scene, x: float, width: float) -> float:
    """Where a word that would begin at *x* can stand without a line through it."""
    for line in sorted(at for at, _, _ in scene.lines):
        if x - 1 < line < x + width + 1:
            x = line + 3
    return x


FLAG_PX = 3.0
"""Height of the hatched bar below a flag whose moment is not known."""

WIDE_PX = 12.0
"""A moment that may lie anywhere in more than this is drawn as an interval."""

FLAGS = {"Ready": "Ready", "not Ready": "not Ready", "delete": "delete", "gone": "gone", "gap": "gap"}


def _draw_flags(scene: Scene, timeline: Timeline, places: _Places) -> None:
    """The Pod's own moments along the top, on two levels; one that fits on neither keeps its line only."""
    last = 0.0  # an interval may begin before the flag in front of it, whose label stands first all the same
    for marker in timeline.markers:
        text = FLAGS.get(marker.label) if marker.kind in ("condition", "deletion", "gap") else None
        if text is None:
            continue
        at = _line_s(marker)
        x = scene.x(at)
        if not scene.t0 <= at <= scene.t1 + 1e-9:
            continue
        alarm = marker.warning or (text == "not Ready" and bool(marker.message)) or text == "gap"
        span = _doubtful(scene, marker)
        if span is None:
            scene.lines.append((x, "alarm" if alarm else "plain", _hover(marker)))
        else:
            scene.doubts.append((*span, 28.0, FLAG_PX))
        width = text_width(text, SMALL_PX)
        # Beyond the right edge, if need be: moved to the left, it would stand before what came earlier.
        left = min(max(span[0] if span else x, last) + 2, scene.width + MARGIN_PX - width)
        for level in (20.5, 8.0):
            if places.take(level, left - 3, left + width + 3):
                scene.words.append(Word(left, level, text, "#8F1521" if alarm else FAINT))
                last = left - 2
                break


def _line_s(marker: Marker) -> float:
    """The second at which a moment gets its line: the earliest for a delete, so that no answer stands before it."""
    return marker.at.lo if marker.label == "delete" and marker.at.lo > -inf else marker.at.mid


def _doubtful(scene: Scene, marker: Marker) -> tuple[float, float] | None:
    """Return from where to where a moment may lie, in pixels; None where a line is sharp enough for it."""
    if (marker.kind != "condition" and marker.label != "delete") or marker.at.best is not None:
        return None
    left, right = (min(max(scene.x(at), 0.0), scene.width) for at in (marker.at.lo, marker.at.hi))
    return (left, right) if right - left > WIDE_PX else None


def _draw_marks(scene: Scene, timeline: Timeline, pitch: float) -> None:
    rows = {lane.name: scene.rows[i - len(timeline.lanes)].y for i, lane in enumerate(timeline.lanes)}
    last: dict[tuple[str, str], float] = {}
    for marker in timeline.markers:
        if marker.container not in rows or not scene.t0 <= marker.at.mid <= scene.t1:
            continue
        glyph, x = _glyph(marker), scene.x(marker.at.mid)
        if x - last.get((marker.container, glyph), -9.0) < (2 if glyph == "dot" else 7):
            continue
        last[marker.container, glyph] = x
        y = rows[marker.container] + pitch * _LEVELS[glyph]
        scene.marks.append(SceneMark(x, y, glyph, _hover(marker)))


_LEVELS = {"dot": 0.4, "alarm": 0.32, "hook": 0.32, "stop": 0.0, "kill": 0.32}
"""How far below the middle of its lane a mark stands, in heights of lanes: words stand in the middle."""


def _glyph(marker: Marker) -> str:
    if marker.kind == "signal":
        return "kill" if marker.label == "SIGKILL" else "stop"
    if marker.kind == "probe":
        return "alarm"
    return "hook" if marker.kind == "hook" else "alarm" if marker.warning else "dot"


def _hover(marker: Marker) -> str:
    times = f" (x{marker.count})" if marker.count > 1 else ""
    message = f": {marker.message}" if marker.message else ""
    return f"{marker.label}{times} at {marker.at}{message}"[:300]
