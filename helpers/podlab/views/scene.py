"""
The scene of a picture, before it is drawn: rows, boxes, doubts, marks and words in pixels.

``plot`` (matplotlib), ``svg`` and ``live`` all draw a scene, so a picture says the same in each. ``_layout`` makes a
scene of a timeline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from podlab.timeline import Timeline
from podlab.views.style import shortened, text_width

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
    """Return pixels that the names of the lanes take, up to ``NAMES_PX``."""
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


class Places:
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


def put(scene: Scene, places: Places, word: Word) -> bool:
    """Add the word if it lies inside and nobody has its place."""
    right = word.x + text_width(word.text, word.size)
    if word.x < 0 or right > scene.width + MARGIN_PX or not places.take(word.y, word.x - 2, right + 2):
        return False
    scene.words.append(word)
    return True
