"""The legend of a picture: an entry for each colour, hatch and mark that is in it, laid out in rows below it."""

from __future__ import annotations

from dataclasses import dataclass

from podlab.views.scene import TEXT_PX, Scene
from podlab.views.style import LOOKS, text_width

SWATCH_PX, GAP_PX = 14.0, 14.0
ROW_PX = 16.0
"""Height of a row; also that of a lane in the legend: swatches are as tall in it as their spans are in theirs."""


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """
    One explanation.

    Attributes:
        kind: ``box``, ``hatch`` or ``mark``.
        key: Key of ``LOOKS`` for a box, the glyph for a mark.
        words: What it means.
        x: Pixels from the left of the plot.
        row: 0 for the first row.
    """

    kind: str
    key: str
    words: str
    x: float
    row: int

    @property
    def height(self) -> float:
        """Pixels of a swatch."""
        return max(ROW_PX * (LOOKS[self.key].height if self.kind == "box" else 0.6), 2.0)


def legend_of(scene: Scene) -> list[LegendEntry]:
    """Return the entries of a picture, in rows as wide as its plot."""
    wanted = [("box", key, LOOKS[key].name) for key in LOOKS if key in scene.used and key != "unseen"]
    if scene.hatched:
        wanted.append(("hatch", "", scene.hatched))
    wanted += [("mark", glyph, words) for glyph, words in scene.glyphs]
    found, x, row = list[LegendEntry](), 0.0, 0
    for kind, key, words in wanted:
        wide = SWATCH_PX + 4 + text_width(words, TEXT_PX)
        if x and x + wide > scene.width:
            x, row = 0.0, row + 1
        found.append(LegendEntry(kind, key, words, x, row))
        x += wide + GAP_PX
    return found


def rows_of(entries: list[LegendEntry]) -> int:
    """Return how many rows they take, at least one."""
    return entries[-1].row + 1 if entries else 1
