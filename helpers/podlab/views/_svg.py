"""
A timeline as SVG, written by hand: small at any number of spans, with text as text and an alternative text.

All boxes of one look are one path in whole pixels, and detail that would exceed the budget is joined
beforehand, so the file is bounded by the picture and not by the recording. Hover texts are ``<title>``
elements.
"""

from __future__ import annotations

from html import escape

from podlab.timeline import Timeline
from podlab.views._alt import alt_text
from podlab.views._layout import scene_of
from podlab.views.legend import ROW_PX, SWATCH_PX, LegendEntry, legend_of, rows_of
from podlab.views.scene import NAME_PX, TEXT_PX, WIDTH_PX, Scene, names_px
from podlab.views.style import ALARM, FAINT, GRID, INK, LOOKS, PAPER

LEFT, RIGHT, TOP, BOTTOM = 112.0, 66.0, 44.0, 58.0
BUDGET = 18_000
"""Boxes at most: about 12 bytes each, so a file stays below 300 kB."""

FONT = "font-family='DejaVu Sans,Verdana,Helvetica,Arial,sans-serif'"


def svg(
    timeline: Timeline,
    *,
    width: float = WIDTH_PX,
    window: tuple[float, float] | None = None,
    shrinks: bool = False,
) -> str:
    """
    Return the timeline as one SVG element of that plot width in pixels; at most 300 kB.

    With *shrinks* it is as wide as what it stands in, and never wider than that.
    """
    detail = 1.0
    scene = scene_of(timeline, width=width, window=window)
    while sum(len(boxes) for boxes in scene.boxes.values()) > BUDGET and detail < width:
        detail *= 2
        scene = scene_of(timeline, width=width, window=window, detail=detail)
    left = max(LEFT, names_px(timeline) + 14)
    legend, rows = _legend(scene, left, TOP + scene.height + BOTTOM - 12)
    total_w, total_h = left + width + RIGHT, TOP + scene.height + BOTTOM + ROW_PX * (rows - 1)
    alt = escape(alt_text(timeline))
    size = (
        f"width='100%' style='max-width:{total_w:.0f}px;height:auto;display:block'"
        if shrinks
        else f"width='{total_w:.0f}' height='{total_h:.0f}'"
    )
    body = "".join(
        [_grid(scene), _strips(scene), _boxes(scene), _doubts(scene), _lines(scene), _marks(scene)]
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {total_w:.0f} {total_h:.0f}' "
        f"{size} role='img' aria-label='{alt}' {FONT}>"
        f"<title>{escape(scene.title)}</title>"
        f"<desc>{alt}</desc>"
        "<defs><pattern id='d' width='5' height='5' patternUnits='userSpaceOnUse' "
        f"patternTransform='rotate(45)'><path d='M0 0V5' stroke='{FAINT}' stroke-width='1.4'/></pattern></defs>"
        f"<rect width='100%' height='100%' fill='{PAPER}'/>"
        f"<text x='{left:.0f}' y='{17 if scene.subtitle else 28}' font-size='15' font-weight='bold' fill='{INK}'>"
        f"{escape(scene.title)}</text>"
        f"<text x='{left:.0f}' y='34' font-size='11' fill='{FAINT}'>{escape(scene.subtitle)}</text>"
        f"<g transform='translate({left:.0f} {TOP:.0f})'>{body}{_words(scene)}{_axis(scene, left - 12)}</g>"
        f"{legend}</svg>"
    )


def _grid(scene: Scene) -> str:
    path = "".join(f"M{scene.x(t):.1f} 0V{scene.height:.0f}" for t in scene.ticks())
    return f"<path d='{path}' stroke='{GRID}'/>"


def _axis(scene: Scene, room_px: float) -> str:
    y = scene.height
    ticks = "".join(
        f"<text x='{scene.x(t):.1f}' y='{y + 15:.0f}' text-anchor='middle'>{word}</text>"
        for t, word in zip(scene.ticks(), scene.tick_words(), strict=True)
    )
    rows = [_row_label(name, role, row.y) for row, name, role in scene.names(room_px)]
    return (
        f"<path d='M0 {y:.0f}H{scene.width:.0f}' stroke='{FAINT}'/><g font-size='11' fill='{FAINT}'>{ticks}"
        f"<text x='{scene.width:.0f}' y='{y + 28:.0f}' text-anchor='end'>"
        "seconds since the Pod was created</text></g>"
        f"<g font-size='{NAME_PX:g}' fill='{INK}' text-anchor='end'>{''.join(rows)}</g>"
    )


def _row_label(name: str, role: str, y: float) -> str:
    if not role:
        return f"<text x='-8' y='{y + 4:.0f}'>{escape(name)}</text>"
    return (
        f"<text x='-8' y='{y - 1:.0f}'>{escape(name)}</text>"
        f"<text x='-8' y='{y + 10:.0f}' font-size='9' fill='{FAINT}'>{escape(role)}</text>"
    )


def _strips(scene: Scene) -> str:
    return "".join(
        f"<rect x='{a:.1f}' y='{y:.0f}' width='{max(b - a - 0.8, 0.5):.1f}' height='{h:.0f}' fill='{fill}'/>"
        for a, b, y, h, fill in scene.strips
    )


def _boxes(scene: Scene) -> str:
    """All boxes of one look are one thick line with gaps: a dozen bytes for each."""
    crowded = sum(len(boxes) for boxes in scene.boxes.values()) > 1_000
    parts = []
    for (key, pitch), boxes in scene.boxes.items():
        look = LOOKS[key]
        path = "".join(_thick(a, b, y, crowded) for a, b, y in boxes)
        parts.append(
            f"<path stroke='{look.fill}' stroke-width='{max(look.height * pitch, 1.0):.3g}' d='{path}'/>"
        )
    return "".join(parts)


def _thick(a: float, b: float, y: float, crowded: bool) -> str:
    if crowded:
        return f"M{a:.0f} {y:.4g}h{max(round(b) - round(a), 1)}"
    return f"M{a:.1f} {y:.4g}h{max(b - a, 0.5):.1f}"


def _box(a: float, b: float, top: float, h: float) -> str:
    w = b - a
    return f"M{a:.4g} {top:.4g}h{w:.3g}v{h:.3g}h-{w:.3g}z"


def _doubts(scene: Scene) -> str:
    if not scene.doubts:
        return ""
    path = "".join(_box(a, b, y - h / 2, h) for a, b, y, h in scene.doubts)
    return (
        f"<path d='{path}' fill='{PAPER}' fill-opacity='.7'/>"
        f"<path d='{path}' fill='url(#d)' stroke='{FAINT}' stroke-width='.8'/>"
    )


def _lines(scene: Scene) -> str:
    return "".join(
        f"<path d='M{x:.1f} 28V{scene.height:.0f}' stroke='{ALARM if kind == 'alarm' else FAINT}' "
        f"stroke-dasharray='3 2'><title>{escape(hover)}</title></path>"
        for x, kind, hover in scene.lines[:200]
    )


def _marks(scene: Scene) -> str:
    return "".join(_mark(m.x, m.y, m.glyph, m.hover) for m in scene.marks[:800])


def _mark(x: float, y: float, glyph: str, hover: str) -> str:
    shape = {
        "dot": f"M{x - 1:.0f} {y - 1:.0f}h2v3h-2z",
        "alarm": f"M{x - 4:.0f} {y - 3:.0f}h8l-4 7z",
        "hook": f"M{x:.0f} {y - 4:.0f}l4 4l-4 4l-4-4z",
        "stop": f"M{x - 1:.0f} {y - 10:.0f}h2v20h-2z",
        "kill": f"M{x - 4:.0f} {y - 4:.0f}h2l2 3l2-3h2l-3 4l3 4h-2l-2-3l-2 3h-2l3-4z",
    }[glyph]
    colour = {"dot": INK, "stop": INK}.get(glyph, ALARM)
    edge = "" if glyph == "dot" else f" stroke='{PAPER}' stroke-width='.6'"
    return f"<path d='{shape}' fill='{colour}'{edge}><title>{escape(hover)}</title></path>"


def _words(scene: Scene) -> str:
    parts = []
    for word in scene.words:
        left, top, right, bottom = word.box
        if word.plate:
            size = f"width='{right - left + 3:.0f}' height='{bottom - top:.0f}'"
            parts.append(f"<rect x='{left - 1.5:.0f}' y='{top:.0f}' {size} fill='{PAPER}'/>")
        text = escape(word.text)
        y = word.y + word.size * 0.36
        place = f"x='{word.x:.1f}' y='{y:.1f}' font-size='{word.size:g}' fill='{word.colour}'"
        parts.append(f"<text {place}>{text}</text>")
    return "".join(parts)


def _legend(scene: Scene, left: float, top: float) -> tuple[str, int]:
    """Colours, hatches and marks, and their words, and how many rows they take."""
    entries = legend_of(scene)
    parts = [_entry(entry, left + entry.x, top + ROW_PX * entry.row) for entry in entries]
    return f"<g font-size='{TEXT_PX:g}' fill='{INK}'>{''.join(parts)}</g>", rows_of(entries)


def _entry(entry: LegendEntry, x: float, y: float) -> str:
    if entry.kind == "mark":
        sign = _mark(x + SWATCH_PX / 2, y - 4, entry.key, entry.words)
    else:
        paint = f"fill='url(#d)' stroke='{FAINT}' stroke-width='.8'"
        if entry.kind == "box":
            paint = f"fill='{LOOKS[entry.key].fill}'"
        place = f"x='{x:.0f}' y='{y - 4 - entry.height / 2:.1f}' width='{SWATCH_PX:g}'"
        sign = f"<rect {place} height='{entry.height:.1f}' {paint}/>"
    return f"{sign}<text x='{x + SWATCH_PX + 4:.0f}' y='{y:.0f}'>{escape(entry.words)}</text>"
