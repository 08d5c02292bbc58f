"""A PNG file from a drawn figure, by Pillow, which matplotlib brings along."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL = 2  # of zlib: timelines are flat areas, which pack as well at a low level


def encode(figure: Figure, texts: Mapping[str, str]) -> bytes:
    """
    Draw a figure and return it as PNG.

    Args:
        figure: With an Agg canvas; its background must be opaque, as alpha is not kept.
        texts: Keywords and texts of the file (``Title``, ``Description``), kept as UTF-8.
    """
    from matplotlib import rc_context
    from PIL import Image, PngImagePlugin

    canvas = figure.canvas
    with rc_context({"text.hinting": "no_hinting"}):  # even spaces between letters, and less work for each
        canvas.draw()
    drawn = canvas.buffer_rgba()  # type: ignore[attr-defined]
    pixels = Image.frombuffer("RGBA", canvas.get_width_height(), drawn, "raw", "RGBA", 0, 1).convert("RGB")
    kept = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        kept.add_itxt(key, text)
    out = io.BytesIO()
    pixels.save(out, "PNG", compress_level=LEVEL, dpi=(figure.dpi, figure.dpi), pnginfo=kept)
    return out.getvalue()
