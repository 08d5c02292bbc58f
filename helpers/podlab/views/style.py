"""
The looks of states: colour, height and hatch, the same in every view.

Three channels tell a state, so that none is needed alone: colour (readable in grey, and by colour-blind eyes:
states of the same height differ in luminance), height (a run is tall, waiting is thin) and words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

INK, FAINT, PAPER, GRID = "#1F2933", "#5F6B7A", "#FFFFFF", "#E3E7EB"
ALARM = "#B2182B"


@dataclass(frozen=True, slots=True)
class SpanStyle:
    """How one kind of span is drawn: fill, share of the lane's height, and the character for text."""

    fill: str
    height: float
    char: str
    ascii: str
    name: str


LOOKS: dict[str, SpanStyle] = {
    "waiting": SpanStyle("#CBD2D9", 0.22, "─", "-", "waiting"),
    "pulling": SpanStyle("#6BAED6", 0.36, "▒", "%", "pulling the image"),
    "back-off": SpanStyle("#BF4F36", 0.36, "┄", "~", "back-off"),
    "running starting": SpanStyle("#B5E2D3", 0.72, "░", ":", "running, not started"),
    "running started": SpanStyle("#4DAF97", 0.72, "▓", "=", "running, started"),
    "running ready": SpanStyle("#0B6E4F", 0.72, "█", "#", "running, ready"),
    "terminating": SpanStyle("#F2B134", 0.72, "▚", "x", "told to stop"),
    "terminated": SpanStyle("#9AA5B1", 0.08, "·", ".", "ended, exit 0"),
    "terminated error": SpanStyle(ALARM, 0.14, "╌", "!", "ended, exit not 0"),
    "unseen": SpanStyle("#F7F9FB", 0.72, "?", "?", "ran unseen"),
}
"""Key of a span (``style_of``) -> its look; the order is that of legends."""

PHASES: dict[str, str] = {
    "Pending": "#CBD2D9",
    "Running": "#7CC4B2",
    "Succeeded": "#A6CBE3",
    "Failed": "#E4A59A",
    "Unknown": "#F2E2B6",
}

ROLE_WORDS = {"init": "init", "sidecar": "sidecar", "app": "app", "ephemeral": "debug"}
ROLE_LONG = {
    "init": "regular init container",
    "sidecar": "sidecar container",
    "app": "app container",
    "ephemeral": "ephemeral container",
}


@lru_cache(256)  # asked for each of 10,000 spans, it would cost as much as drawing them
def style_of(state: str, reason: str, exit_code: int | None) -> str:
    """Return the key into ``LOOKS`` of a span."""
    if state == "running":
        return f"running {reason}" if f"running {reason}" in LOOKS else "running started"
    if state == "terminated":
        return "terminated error" if exit_code else "terminated"
    return state if state in LOOKS else "waiting"


def luminance(colour: str) -> float:
    """Relative luminance of ``#RRGGBB``, 0 (black) to 1 (white), as WCAG computes it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on *colour*."""
    return INK if luminance(colour) > 0.2 else PAPER


_ADVANCE = [
    "32",
    "40",
    "46",
    "84",
    "64",
    "95",
    "78",
    "27",
    "39",
    "39",
    "50",
    "84",
    "32",
    "36",
    "32",
    "34",
    "64",
    "64",
    "64",
    "64",
    "64",
    "64",
    "64",
    "64",
    "64",
    "64",
    "34",
    "34",
    "84",
    "84",
    "84",
    "53",
    "100",
    "68",
    "69",
    "70",
    "77",
    "63",
    "58",
    "77",
    "75",
    "29",
    "29",
    "66",
    "56",
    "86",
    "75",
    "79",
    "60",
    "79",
    "69",
    "63",
    "61",
    "73",
    "68",
    "99",
    "69",
    "61",
    "69",
    "39",
    "34",
    "39",
    "84",
    "50",
    "50",
    "61",
    "63",
    "55",
    "63",
    "62",
    "35",
    "63",
    "63",
    "28",
    "28",
    "58",
    "28",
    "97",
    "63",
    "61",
    "63",
    "63",
    "41",
    "52",
    "39",
    "63",
    "59",
    "82",
    "59",
    "59",
    "52",
    "64",
    "34",
    "64",
    "84",
]
_WIDTHS = {chr(32 + i): int(w) / 100 for i, w in enumerate(_ADVANCE)}


def text_width(text: str, size_px: float) -> float:
    """Width of *text* in pixels, by the widths of DejaVu Sans; other fonts are narrower or about as wide."""
    return sum(_WIDTHS.get(c, 1.0) for c in text) * size_px


def shortened(names: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    """
    Return the names as they fit: whole, or with their middle left out, so that they can still be told apart.

    Names of one Pod often begin alike and often end alike; where to cut is chosen so that no two become the same.
    """
    tried: list[list[str]] = []
    for share in (0.5, 0.7, 0.3, 0.85, 0.15):
        tried.append([_without_middle(name, fits, share) for name in names])
        if len(set(tried[-1])) == len(set(names)):
            return tried[-1]
    long = [name for name in names if not fits(name)]
    place = next((i for i, letters in enumerate(zip(*long, strict=False)) if len(set(letters)) > 1), 0)
    tried.append([name if fits(name) else _around(name, place, fits) for name in names])
    return max(tried, key=lambda found: len(set(found)))


def _around(name: str, place: int, fits: Callable[[str], bool]) -> str:
    """Return the beginning, and what stands at *place*, where the names begin to differ."""
    short = name
    for size in range(len(name), 2, -1):
        head = max(1, size // 3)
        start = max(place - 1, head)
        piece = name[start : start + size - head]
        short = f"{name[:head]}…{piece}{'…' if start + len(piece) < len(name) else ''}"
        if fits(short):
            break
    return short


def _without_middle(name: str, fits: Callable[[str], bool], share: float) -> str:
    kept, short = len(name), name
    while not fits(short) and kept > 2:
        kept -= 1
        head = max(1, round(kept * share))
        short = name[:head] + "…" + name[len(name) - (kept - head) :] if kept > head else name[:head] + "…"
    return short
