"""
A timeline as lines of text, for terminals, logs and screen readers: one line per lane, whatever the width.
"""

from __future__ import annotations

import os
import sys
from math import inf

from podlab.timeline import Lane, Span, Timeline
from podlab.timeline.model import Instant, Stretch
from podlab.views.style import LOOKS, ROLE_WORDS, shortened, style_of

_ANSI = {
    "waiting": "90", "pulling": "94", "back-off": "33", "running starting": "36", "running started": "36;1",
    "running ready": "32;1", "terminating": "93", "terminated": "90", "terminated error": "91;1", "unseen":
    "90", "bad end": "91;1",
}  # fmt: skip
BAD_END = {True: "!", False: "\u2717"}
DOUBT = {True: "/", False: "\u2571"}
"""Character for an edge that lies somewhere here: ASCII or not."""


def text(
    timeline: Timeline, width: int | None = 120, colour: bool | None = None, *, ascii: bool = False
) -> str:
    """
    Draw a timeline with characters.

    Args:
        timeline: What to draw.
        width: Columns at most (at least 40); None takes the terminal's.
        colour: Whether to use ANSI colours; None: only on a terminal, and not when NO_COLOR is set.
        ascii: Use ASCII characters only.

    Returns:
        A ruler, one line per strip and lane, a legend, and the notes; without a newline at the end.
    """
    width = max(40, width or _terminal_width())
    colour = _wants_colour() if colour is None else colour
    label = min(max([len(_label(lane)) for lane in timeline.lanes] + [6]), max(14, width // 4))
    tail = min(max([len(_tail(lane)) for lane in timeline.lanes] + [0]), max(16, width // 4))
    room = max(10, width - label - tail - 3)
    canvas = _Canvas(timeline, room, colour, ascii)
    lines = [_heading(timeline, width)]
    lines.append(f"{'':{label}} {canvas.ruler()}".rstrip())
    for name, strip in (("phase", timeline.phases), ("STATUS", timeline.status_words)):
        if strip:
            lines.append(f"{name:{label}} {canvas.strip(strip)}".rstrip())
    for lane, shown in zip(timeline.lanes, _labels(timeline, label, ascii), strict=True):
        row = f"{shown:{label}} {canvas.lane(lane)} {_fit(_tail(lane), tail, ascii)}"
        lines.append(row.rstrip())
    lines.append(canvas.legend(width))
    lines += [_fit(f"note: {note}", width, ascii) for note in timeline.notes]
    done = "\n".join(line for line in lines if line)
    return done.encode("ascii", "replace").decode() if ascii else done


def _terminal_width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 120


def _wants_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _heading(timeline: Timeline, width: int) -> str:
    ready = timeline.ready_after()
    parts = [f"Pod {timeline.name}", f"{timeline.phase}"]
    if ready is not None and not timeline.predicted:
        parts.append(f"Ready after {ready.mid:.1f} s")
    if not (timeline.complete or timeline.live):
        parts.append("recording incomplete")
    return _fit(", ".join(p for p in parts if p), width, False)


def _label(lane: Lane) -> str:
    return f"{lane.name} ({ROLE_WORDS.get(lane.role, lane.role)})"


def _labels(timeline: Timeline, room: int, ascii: bool) -> list[str]:
    """Return names with their roles; where that is too long, names lose their middle, and roles their place."""
    whole = [_label(lane) for lane in timeline.lanes]
    if all(len(label) <= room for label in whole):
        return whole
    roles = [f" ({ROLE_WORDS.get(lane.role, lane.role)})" for lane in timeline.lanes]
    names = shortened([lane.name for lane in timeline.lanes], lambda name: len(name) <= room)
    found = [n + role if len(n) + len(role) <= room else n for n, role in zip(names, roles, strict=True)]
    return [label.replace("…", "~") for label in found] if ascii else found


def _tail(lane: Lane) -> str:
    """Return what became of the container: its exits, restarts or its reason for waiting."""
    ran = [run for run in lane.runs if run.ran]
    if not lane.runs:
        return next((s.reason for s in reversed(lane.spans) if s.reason), "not started")
    again = f", {lane.starts - 1}x again" if lane.starts > 1 else ""
    last = lane.runs[-1]
    if last.end is None and ran:
        return f"running{again}"
    word = last.reason if last.reason not in ("Completed", "Error", "", "not seen") else "exit"
    return f"{word} {'?' if last.exit_code is None else last.exit_code}{again}"


def _cut(word: str, room: int, ascii: bool) -> str:
    """Return the word, or as much of it as can still be recognised, with a sign that it goes on; else nothing."""
    return _fit(word, room, ascii) if len(word) <= room or room >= 3 else ""


def _fit(word: str, room: int, ascii: bool) -> str:
    if len(word) <= room:
        return word
    return word[: max(room - 1, 0)] + ("~" if ascii else "…")


class _Canvas:
    """Columns of characters over the seconds of one timeline."""

    def __init__(self, timeline: Timeline, room: int, colour: bool, ascii: bool) -> None:
        self.room, self.colour, self.ascii = room, colour, ascii
        self.until = timeline.until
        self.t1 = max(timeline.until, 0.5)
        self.used: set[str] = set()
        self.doubts = False

    def column(self, t: float) -> int:
        """Return the column of a second, kept inside."""
        return int(min(max(t, 0.0) / self.t1 * self.room, self.room - 1)) if t < inf else self.room - 1

    def ruler(self) -> str:
        steps = [m * 10.0**e for e in range(-2, 7) for m in (1, 2, 5)]
        step = next((s for s in steps if self.t1 / s <= max(self.room / 9, 1)), steps[-1])
        line = [" "] * self.room
        for k in range(int(self.t1 / step) + 1):
            label = f"{k * step:g}s"
            at = self.column(k * step)
            word = ("|" if self.ascii else "╷") + label
            if at + len(word) <= self.room:
                line[at : at + len(word)] = word
        return "".join(line).rstrip()

    def strip(self, stretches: tuple[Stretch, ...]) -> str:
        line = [" "] * self.room
        edge = "|" if self.ascii else "│"
        for stretch in stretches:
            a = self.column(stretch.start.mid)
            b = self.column(stretch.end.mid) if stretch.end else self.room
            word = edge + _cut(stretch.word, max(b - a - 1, 0), self.ascii)
            line[a : a + len(word)] = word
        return "".join(line[: self.room])

    def lane(self, lane: Lane) -> str:
        cells: list[tuple[str, str]] = [(" ", "")] * self.room
        rank = {"running": 3, "terminating": 3, "unseen": 3, "back-off": 1, "pulling": 1}
        for span in sorted(lane.spans, key=lambda s: rank.get(s.state, 0)):
            self._span(cells, span)
        edges = [*(span.start for span in lane.spans[:1]), *(span.end for span in lane.spans)]
        for edge in edges:
            self._doubt(cells, edge)
        for run in lane.runs:
            if run.end is not None and run.exit_code and run.ran:
                at = self.column(run.end.mid)
                cells[at] = (BAD_END[self.ascii], "bad end")
        return self._painted(cells)

    def _span(self, cells: list[tuple[str, str]], span: Span) -> None:
        key = style_of(span.state, span.reason, span.exit_code)
        a = self.column(span.start.mid)
        b = self.column(span.end.mid) if span.end else self.column(self.until) + 1
        b = max(b, a + 1) if span.state in ("running", "terminating", "unseen", "back-off") else b
        char = LOOKS[key].ascii if self.ascii else LOOKS[key].char
        for i in range(a, min(b, self.room)):
            cells[i] = (char, key)

    def _doubt(self, cells: list[tuple[str, str]], edge: Instant | None) -> None:
        if edge is None or edge.best is not None:
            return
        a, b = self.column(max(edge.lo, 0.0)), self.column(min(edge.hi, self.t1))
        if b - a >= 1:
            self.doubts = True
            for i in range(a, b + 1):
                cells[i] = (DOUBT[self.ascii], "doubt")

    def _painted(self, cells: list[tuple[str, str]]) -> str:
        self.used.update(key for _, key in cells)
        if not self.colour:
            return "".join(c for c, _ in cells)
        parts, last = [], ""
        for char, key in cells:
            code = _ANSI.get(key, "")
            if code != last:
                parts.append("\x1b[0m" + (f"\x1b[{code}m" if code else ""))
                last = code
            parts.append(char)
        return "".join(parts) + "\x1b[0m"

    def legend(self, width: int) -> str:
        entries = [
            f"{look.ascii if self.ascii else look.char} {look.name}"
            for key, look in LOOKS.items()
            if key in self.used
        ]
        if "bad end" in self.used:
            entries.append(f"{BAD_END[self.ascii]} end of a run, exit not 0")
        if self.doubts:
            entries.append(f"{DOUBT[self.ascii]} an edge is somewhere here")
        lines, line = [], ""
        for entry in entries:
            if line and len(line) + len(entry) + 3 > width:
                lines.append(line)
                line = ""
            line = f"{line}   {entry}" if line else entry
        return "\n".join([*lines, line])
