"""
Compose the cheat sheet (A4) and the poster (A2) from the course's own pictures: ``python docs/cheat-sheet/draw.py``.

Each is written as SVG and, where Chromium is there, printed as PDF. A PDF's title ends with the digest of its SVG.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parents[1] / "notebooks" / "pictures"
INK, FAINT, PAPER, SOFT = "#1F2933", "#52606D", "#FFFFFF", "#F5F7FA"
SANS, MONO = "DejaVu Sans, Verdana, sans-serif", "DejaVu Sans Mono, Menlo, monospace"
WIDE, GAP, EDGE, HEAD, CAPTION = 860.0, 40.0, 50.0, 92.0, 40.0
BELOW = 8.0  # between lines of text and what follows

MANIFEST = (
    "spec:",
    "  initContainers:",
    "    - name: fetch            # regular: must end with 0 before the next one starts",
    "    - name: shipper          # sidecar: there first, comes back, leaves last",
    "      restartPolicy: Always",
    "  containers:",
    "    - name: app              # all of these start and stop together",
)
COMMANDS = (
    "podlab record pod.yaml --until Succeeded --watch --out run.jsonl",
    "podlab show run.jsonl       podlab plot run.jsonl --out run.svg",
    "podlab explain POD          podlab watch POD",
    "podlab logs POD -c NAME     podlab events --for POD",
)


@dataclass(frozen=True)
class Cell:
    """A caption, and below it a picture of the course or lines of text."""

    caption: str
    picture: str = ""
    lines: Sequence[str] = ()

    @property
    def tall(self) -> float:
        """Height with the caption."""
        inner = _size(self.picture) if self.picture else 26.0 * len(self.lines) + 30.0 + BELOW
        return inner + CAPTION


SHEET = [
    [Cell("Which form of container?", "decision-card")],
    [Cell("In the manifest", lines=MANIFEST)],
    [Cell("A Pod is deleted: who is told to stop, and when", "stop-order")],
    [Cell("See it", lines=COMMANDS)],
]
POSTER = [
    [
        Cell("Which form of container?", "decision-card"),
        Cell("In the manifest, and at work", lines=(*MANIFEST, "", *COMMANDS)),
    ],
    [Cell("A Pod's life", "first-timeline"), Cell("The same helper in two forms", "two-forms")],
    [Cell("Init containers: one after another", "staircase"), Cell("A Pod is deleted", "stop-order")],
    [
        Cell("An init container fails", "three-policies"),
        Cell("How long until the next try", "back-off-ruler"),
    ],
    [Cell("Four words for how it is doing", "four-words"), Cell("Why is it not running?", "reading-order")],
    [Cell("What containers of a Pod share", "what-is-shared"), Cell("When did it start?", "five-clocks")],
]
PAGES = {"cheat-sheet": (SHEET, "A4"), "poster": (POSTER, "420mm 594mm")}
RATIO = 297 / 210


def _size(picture: str) -> float:
    text = (PICTURES / f"{picture}.svg").read_text("utf-8")
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', text)
    assert found is not None
    return float(found[2]) * WIDE / float(found[1])


def page(rows: Sequence[Sequence[Cell]]) -> str:
    """One page as SVG, in the proportions of A4; what is left of its height goes between the rows."""
    columns = max(len(row) for row in rows)
    width = 2 * EDGE + columns * WIDE + (columns - 1) * GAP
    height = width * RATIO
    used = HEAD + EDGE + sum(max(cell.tall for cell in row) for row in rows)
    spare = (height - used) / len(rows)
    if spare < 0:
        raise ValueError(f"the page is too full by {-spare:.0f} pixels a row")
    parts = [_text(EDGE, 58, "Init containers and sidecar containers", 34, bold=True)]
    parts.append(_text(width - EDGE, 58, "podlab", 22, colour=FAINT, anchor="end"))
    y = HEAD
    for row in rows:
        for number, cell in enumerate(row):
            parts.append(_cell(cell, EDGE + number * (WIDE + GAP), y))
        y += max(cell.tall for cell in row) + spare
    words = "Init containers and sidecar containers on one page: " + "; ".join(
        cell.caption for row in rows for cell in row
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(words)}" font-family="{SANS}">\n'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="{PAPER}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _cell(cell: Cell, x: float, y: float) -> str:
    parts = [_text(x, y + 24, cell.caption, 21, bold=True)]
    top = y + CAPTION
    if cell.picture:
        parts.append(_nested(cell.picture, x, top))
    else:
        tall = cell.tall - CAPTION - BELOW
        parts.append(
            f'<rect x="{x:.0f}" y="{top:.1f}" width="{WIDE:.0f}" height="{tall:.0f}" rx="6" fill="{SOFT}"/>'
        )
        parts += [_text(x + 18, top + 34 + 26 * n, line, 16, mono=True) for n, line in enumerate(cell.lines)]
    return "\n".join(parts)


def _nested(picture: str, x: float, y: float) -> str:
    """The picture inside of the page; names that it gives to its parts get its own name in front."""
    text = (PICTURES / f"{picture}.svg").read_text("utf-8")
    inner = text[text.index("<svg") :]
    for name in re.findall(r'\bid="([^"]+)"', inner):
        inner = inner.replace(f'id="{name}"', f'id="{picture}-{name}"').replace(
            f"url(#{name})", f"url(#{picture}-{name})"
        )
    size = f'x="{x:.0f}" y="{y:.1f}" width="{WIDE:.0f}" height="{_size(picture):.0f}"'
    inner = re.sub(r'(<svg[^>]*?) width="\d+" height="\d+"', rf"\1 {size}", inner, count=1)
    return inner.replace('<svg xmlns="http://www.w3.org/2000/svg"', "<svg", 1).strip()


def _text(
    x: float, y: float, words: str, size: int, *, bold: bool = False, mono: bool = False, colour: str = INK,
    anchor: str = "start",
) -> str:  # fmt: skip
    weight = ' font-weight="bold"' if bold else ""
    family = f' font-family="{MONO}" xml:space="preserve"' if mono else ""
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}{family}>'
        f"{escape(words)}</text>"
    )


def title(name: str, svg: str) -> str:
    """The title of a PDF: its name, and the digest of the SVG that it was printed from."""
    return f"podlab {name} {hashlib.sha256(svg.encode()).hexdigest()[:16]}"


def printed(name: str, svg: str, paper: str) -> None:
    """Print the page as PDF, with Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        print(f"{name}.pdf is left as it was: Chromium prints it, and is not here", file=sys.stderr)
        return
    svg_style = "svg {display: block; width: 100vw; height: 99.9vh}"
    style = f"@page {{size: {paper}; margin: 0}} body {{margin: 0}} {svg_style}"
    html = f"<!doctype html><title>{title(name, svg)}</title><style>{style}</style>{svg}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(html, encoding="utf-8")
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        options = [
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--print-to-pdf={HERE / name}.pdf",
        ]
        subprocess.run(
            [program, *root, *options, source.as_uri()], check=True, capture_output=True, timeout=120
        )


def main() -> None:
    """Write both pages in both forms."""
    for name, (rows, paper) in PAGES.items():
        svg = page(rows)
        (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
        printed(name, svg, paper)


if __name__ == "__main__":
    main()
