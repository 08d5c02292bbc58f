"""Pictures of requests: how long each of the first ones took, of several callers beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

_MARKS = ("o", "s", "^", "D")


def figure(took_s: Mapping[str, Sequence[float]]) -> Figure:
    """
    Draw how long requests took.

    Args:
        took_s: Name of the caller -> seconds of each request, in order.
    """
    picture = Figure(figsize=(9, 3), layout="constrained")
    axes: Any = picture.add_subplot()
    for (name, values), mark in zip(took_s.items(), _MARKS * len(took_s), strict=False):
        axes.plot(range(1, len(values) + 1), values, mark, label=name, markersize=5)
    axes.set_xlabel("request")
    axes.set_ylabel("seconds")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture


def alt_text(took_s: Mapping[str, Sequence[float]]) -> str:
    """Return what the picture shows, in words."""
    parts = [
        f"{name}: {len(values)} requests, the first took {values[0]:.2f} s, the slowest {max(values):.2f} s, "
        f"the median is {sorted(values)[len(values) // 2]:.2f} s"
        for name, values in took_s.items()
        if values
    ]
    return "How long each request took. " + ". ".join(parts) + "."
