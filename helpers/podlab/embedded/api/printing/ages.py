"""Ages as kubectl prints them: ``5s``, ``3m4s``, ``7h12m``, ``2d``."""

from __future__ import annotations

import calendar
import time

from podlab.embedded import clock

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


def epoch(text: str) -> float:
    """Return seconds since the epoch of an RFC 3339 time in UTC; with or without a fraction."""
    whole = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    fraction = text[19:-1]
    return whole + (float(fraction) if fraction.startswith(".") else 0.0)


def human(seconds: float) -> str:  # noqa: PLR0911 - one per scale, as upstream has them
    """Source: HumanDuration in apimachinery/pkg/util/duration."""
    if seconds < -1:
        return "<invalid>"
    s = max(0, int(seconds))
    if s < 2 * MINUTE:
        return f"{s}s"
    if s < 3 * HOUR:
        rest = s % MINUTE if s < 10 * MINUTE else 0
        return f"{s // MINUTE}m{rest}s" if rest else f"{s // MINUTE}m"
    if s < 8 * HOUR:
        rest = s % HOUR // MINUTE
        return f"{s // HOUR}h{rest}m" if rest else f"{s // HOUR}h"
    if s < 2 * DAY:
        return f"{s // HOUR}h"
    if s < 8 * DAY:
        rest = s % DAY // HOUR
        return f"{s // DAY}d{rest}h" if rest else f"{s // DAY}d"
    if s < 2 * YEAR:
        return f"{s // DAY}d"
    if s < 8 * YEAR:
        rest = s % YEAR // DAY
        return f"{s // YEAR}y{rest}d" if rest else f"{s // YEAR}y"
    return f"{s // YEAR}y"


def age(instant: str | None) -> str:
    """Return how long ago *instant* was; ``<unknown>`` for none."""
    return human(clock.now_s() - epoch(instant)) if instant else "<unknown>"
