"""
Views of a timeline: plot (matplotlib), text (terminal), live (ipywidgets), compare, frame (pandas), export.

All draw the same ``scene``, so a picture says the same wherever it is looked at. Nothing third-party is
loaded until a view that needs it is asked for.

    style      colours, heights and characters of states
    scene      all that is drawn, in pixels;  _layout: a timeline as a scene, in parts _lane_layout, _strip_layout
    _plot      on matplotlib Axes;  _svg: by hand, small at any size;  _text: with characters
    _thumbnails  a table whose cells are small timelines
    _compare   two lives, or a prediction over what happened
    _predicted a predicted order on the picture of what happened
    _export    files for other programs;  _alt: what the picture says
    _live      grows while the Pod lives

The modules with an underscore are named after the one function that they are for: ``views.plot`` is the
function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "alt_text": "podlab.views._alt",
    "compare": "podlab.views._compare",
    "differences": "podlab.views._compare",
    "export": "podlab.views._export",
    "figure": "podlab.views._plot",
    "frame": "podlab.views._export",
    "live": "podlab.views._live",
    "plot": "podlab.views._plot",
    "png": "podlab.views._export",
    "predicted": "podlab.views._predicted",
    "predicted_alt": "podlab.views._predicted",
    "save": "podlab.views._export",
    "svg": "podlab.views._svg",
    "text": "podlab.views._text",
    "thumbnails": "podlab.views._thumbnails",
    "thumbnails_alt": "podlab.views._thumbnails",
}
__all__ = [
    "alt_text",
    "compare",
    "differences",
    "export",
    "figure",
    "frame",
    "live",
    "plot",
    "png",
    "predicted",
    "predicted_alt",
    "save",
    "svg",
    "text",
    "thumbnails",
    "thumbnails_alt",
]

if TYPE_CHECKING:
    from podlab.views._alt import alt_text
    from podlab.views._compare import compare, differences
    from podlab.views._export import export, frame, png, save
    from podlab.views._live import live
    from podlab.views._plot import figure, plot
    from podlab.views._predicted import predicted, predicted_alt
    from podlab.views._svg import svg
    from podlab.views._text import text
    from podlab.views._thumbnails import thumbnails, thumbnails_alt


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'podlab.views' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
