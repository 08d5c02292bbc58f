"""The layout of the Pod's own moments: flags and strips above the lanes, and the marks in them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from podlab.timeline import Marker, Timeline
from podlab.timeline.model import Stretch
from podlab.views.scene import MARGIN_PX, SMALL_PX, Places, Scene, SceneMark, SceneRow, Word
from podlab.views.style import FAINT, PHASES, ink_on, text_width


def draw_strips(scene: Scene, timeline: Timeline, places: Places) -> float:
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
    scene: Scene, stretches: Sequence[Stretch], y: float, colours: dict[str, str] | None, places: Places
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


def _draw_flags(scene: Scene, timeline: Timeline, places: Places) -> None:
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
    """
    Return the second at which a moment gets its line: the earliest for a delete, so that no answer stands before it.
    """
    return marker.at.lo if marker.label == "delete" and marker.at.lo > -inf else marker.at.mid


def _doubtful(scene: Scene, marker: Marker) -> tuple[float, float] | None:
    """Return from where to where a moment may lie, in pixels; None where a line is sharp enough for it."""
    if (marker.kind != "condition" and marker.label != "delete") or marker.at.best is not None:
        return None
    left, right = (min(max(scene.x(at), 0.0), scene.width) for at in (marker.at.lo, marker.at.hi))
    return (left, right) if right - left > WIDE_PX else None


def draw_marks(scene: Scene, timeline: Timeline, pitch: float) -> None:
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
