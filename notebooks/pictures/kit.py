"""Shapes for the course's pictures: SVG text, nothing else; colours are those of the timelines."""

from __future__ import annotations

from html import escape
from pathlib import Path

from podlab.views.style import INK, LOOKS, PAPER, ink_on

FOLDER = Path(__file__).parent
READY, STARTED, STARTING = (LOOKS[f"running {word}"].fill for word in ("ready", "started", "starting"))
WAITING, BACK_OFF, STOPPING = (LOOKS[word].fill for word in ("waiting", "back-off", "terminating"))
FAINT, FAILED = "#5F6B7A", "#B2182B"


class Picture:
    """An SVG of a fixed size; y grows downwards; every text has a size, so nothing depends on a style sheet."""

    def __init__(self, width: int, height: int, alt: str) -> None:
        self.width, self.height, self.alt = width, height, alt
        self.parts: list[str] = []

    def box(
        self, x: float, y: float, w: float, h: float, fill: str, *, line: str = "none", round_: float = 4,
        hatch: bool = False, dash: str = "",
    ) -> None:  # fmt: skip
        """A rectangle; *hatch* lays stripes over it, for what must also be told apart in grey."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        shape = f'x="{x}" y="{y}" width="{w}" height="{h}" rx="{round_}"'
        self.parts.append(f'<rect {shape} fill="{fill}" stroke="{line}" stroke-width="1.5"{dashed}/>')
        if hatch:
            self.parts.append(f'<rect {shape} fill="url(#hatch)"/>')

    def text(
        self, x: float, y: float, words: str, *, size: float = 14, fill: str = INK, bold: bool = False,
        at: str = "start", mono: bool = False,
    ) -> None:  # fmt: skip
        """Words whose base line is at *y*; *at* is start, middle or end."""
        font = "DejaVu Sans Mono, Menlo, Consolas, monospace" if mono else "DejaVu Sans, Verdana, sans-serif"
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" font-family="{font}" font-size="{size}" fill="{fill}" '
            f'text-anchor="{at}"{weight}>{escape(words)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, *, fill: str = INK, arrow: bool = False,
             dash: str = "", width: float = 1.5) -> None:  # fmt: skip
        """A straight line, with an arrow head at its end if asked for."""
        head = ' marker-end="url(#arrow)"' if arrow else ""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{fill}" stroke-width="{width}"{dashed}{head}/>'
        )

    def path(self, d: str, *, fill: str = "none", line: str = INK, width: float = 1.5) -> None:
        """A path in SVG's own language."""
        self.parts.append(f'<path d="{d}" fill="{fill}" stroke="{line}" stroke-width="{width}"/>')

    def lane(self, y: float, name: str, role: str, *, left: float = 24) -> None:
        """The head of a lane: the container's name, and its role below."""
        self.text(left, y, name, size=15, bold=True, mono=True)
        self.text(left, y + 16, role, size=11, fill=FAINT)

    def span(self, x1: float, x2: float, y: float, fill: str, label: str = "", *, tall: float = 26,
             hatch: bool = False) -> None:  # fmt: skip
        """A stretch of a lane whose middle is at *y*."""
        self.box(x1, y - tall / 2, x2 - x1, tall, fill, round_=3, hatch=hatch)
        if label:
            self.text((x1 + x2) / 2, y + 4.5, label, size=12, fill=ink_on(fill), at="middle")

    def save(self, name: str) -> Path:
        """Write ``NAME.svg`` beside this file."""
        path = FOLDER / f"{name}.svg"
        path.write_text("\n".join([*self._head(), *self.parts, "</svg>", ""]))
        return path

    def _head(self) -> list[str]:
        return [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" aria-label="{escape(self.alt)}">',
            f"<title>{escape(self.alt)}</title>",
            "<defs>",
            f'<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="{INK}"/></marker>',
            '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><rect width="2" height="7" fill="{INK}" fill-opacity="0.35"/></pattern>',
            "</defs>",
            f'<rect width="{self.width}" height="{self.height}" fill="{PAPER}"/>',
        ]
