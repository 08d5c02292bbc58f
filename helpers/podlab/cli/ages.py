"""
Ages as kubectl prints them: ``12s``, ``3m20s``, ``2h``, ``4d``.

Source: HumanDuration in k8s.io/apimachinery/pkg/util/duration/duration.go.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def age(stamp: object, now: float | None = None) -> str:
    """Return how long ago a time of the API was; ``<unknown>`` if absent."""
    try:
        then = datetime.fromisoformat(str(stamp)).astimezone(UTC).timestamp()
    except ValueError:
        return "<unknown>"
    return short((time.time() if now is None else now) - then)


def short(seconds: float) -> str:
    """Return a duration in its two largest units, the second only where the first is small."""
    whole = int(seconds)
    if whole < 0:
        return "0s"
    for limit, unit, smaller in ((120, 1, 0), (600, 60, 1), (10_800, 60, 0), (28_800, 3600, 60),
                                 (172_800, 3600, 0), (691_200, 86_400, 3600)):  # fmt: skip
        if whole < limit:
            return _two(whole, unit, smaller)
    return _two(whole, 86_400, 0)


def _two(whole: int, unit: int, smaller: int) -> str:
    letters = {1: "s", 60: "m", 3600: "h", 86_400: "d"}
    first, rest = divmod(whole, unit)
    second = rest // smaller if smaller else 0
    return f"{first}{letters[unit]}" + (f"{second}{letters[smaller]}" if second else "")
