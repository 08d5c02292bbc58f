"""The layout of one lane: its boxes, the hatches where an edge is not known, and its words."""

from __future__ import annotations

from math import inf

from podlab.timeline import Lane, Span
from podlab.timeline.model import Instant
from podlab.views.scene import LEAST_PX, SMALL_PX, Box, Places, Scene, SceneRow, Word, put
from podlab.views.style import FAINT, LOOKS, ink_on, style_of, text_width


# One loop with many branches: for 10,000 spans, calls would cost as much as drawing.
def draw_lane(  # noqa: PLR0912
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
            doubt(scene, end, y, tall)
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


def doubt(scene: Scene, end: Instant | None, y: float, tall: float) -> None:
    """Hatch where an edge may lie."""
    if end is None or end.best is not None:
        return
    x0, x1 = (
        scene.x(max(end.lo, 0.0)),
        scene.x(min(end.hi, scene.t1) if end.hi < inf else min(scene.until, scene.t1)),
    )
    if x1 - x0 >= 2:
        scene.doubts.append((x0, x1, y, tall))


def draw_words(scene: Scene, lane: Lane, y: float, places: Places) -> None:
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
            put(scene, places, Word(x, y, text, "#8F1521" if run.exit_code else FAINT, plate=True))
    for run in lane.runs:
        if run.start is not None and run.restart and run.seen:
            left = scene.x(run.start.hi if run.start.hi < inf else run.start.lo) + 3
            right = scene.x(run.end.lo if run.end else scene.t1)
            style = LOOKS["running ready" if lane.role != "init" else "running started"]
            if right - left >= text_width(f"#{run.restart + 1}", SMALL_PX) + 2:
                put(scene, places, Word(left, y, f"#{run.restart + 1}", ink_on(style.fill)))
    for span in lane.spans:
        if span.state in ("waiting", "back-off", "pulling", "unseen", "terminating") and span.reason:
            left, right = _edges(scene, span)
            text = span.message if span.state == "unseen" else _reason(span)
            colour = ink_on(LOOKS[span.state].fill)
            if right - left >= text_width(text, SMALL_PX) + 6:
                raised = y if LOOKS[span.state].height > 0.5 else y - 12.2
                plate = span.state == "unseen"
                ink = colour if raised == y else FAINT
                put(scene, places, Word(left + 3, raised, text, ink, plate=plate))


def _reason(span: Span) -> str:
    return {"Killing": "told to stop", "Pulling": "pulling"}.get(span.reason, span.reason)


def _edges(scene: Scene, span: Span) -> Box:
    start = span.start.best if span.start.best is not None else span.start.hi
    left = scene.x(start if start < inf else span.start.lo)
    if span.end is None:
        return left, scene.last_x
    return left, scene.x(span.end.best if span.end.best is not None else span.end.lo)
