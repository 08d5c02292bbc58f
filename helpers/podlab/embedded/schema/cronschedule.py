"""
The schedule of a CronJob: five fields, or ``@hourly`` and its like, or ``@every 90s``.

Source: github.com/robfig/cron/v3 v3.0.1 (``ParseStandard``, ``SpecSchedule.Next``), which upstream uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# Name, least, most, and words for numbers.
FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(DAYS)}),
)
SHORT = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
LONGEST_YEARS = 5

Next = Callable[[datetime], datetime | None]


class _Field(NamedTuple):
    values: frozenset[int]
    star: bool


def parse(text: str) -> Next:
    """
    Return what gives the first instant of a schedule after another one; None if five years hold none.

    Raises:
        ValueError: If the schedule cannot be read.
    """
    if text.startswith("@every "):
        step = timedelta(seconds=max(1, int(_duration_s(text.removeprefix("@every ")))))
        return lambda after: after.replace(microsecond=0) + step
    words = SHORT.get(text, text).split()
    if text.startswith("@") and text not in SHORT:
        raise ValueError(f"unrecognized descriptor: {text}")
    if len(words) != len(FIELDS):
        raise ValueError(f"expected exactly {len(FIELDS)} fields, found {len(words)}: {words}")
    fields = [_field(word, *row) for word, row in zip(words, FIELDS, strict=True)]
    return lambda after: _next(fields, after)


def _duration_s(text: str) -> float:
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"failed to parse duration @every {text}")
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


def _field(text: str, name: str, least: int, most: int, words: dict[str, int]) -> _Field:
    values: set[int] = set()
    star = False
    for part in text.split(","):
        span, _, step = part.partition("/")
        if step and not step.isdecimal():
            raise ValueError(f"failed to parse int from {step}")
        first, dash, last = span.partition("-")
        if first in ("*", "?"):
            low, high = least, most
            star = star or step in ("", "1")
        else:
            low = _number(first, words)
            high = _number(last, words) if dash else most if step else low
        if not least <= low <= high <= most or step == "0":
            raise ValueError(f"{part} is not a {name} between {least} and {most}")
        values.update(range(low, high + 1, int(step or 1)))
    return _Field(frozenset(values), star)


def _number(text: str, words: dict[str, int]) -> int:
    found = words.get(text.lower())
    if found is None and not text.isdecimal():
        raise ValueError(f"failed to parse int from {text}")
    return int(text) if found is None else found


def _next(fields: list[_Field], after: datetime) -> datetime | None:
    minutes, hours, days, months, weekdays = fields
    at = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = at.year + LONGEST_YEARS
    while at.year <= end:
        if at.month not in months.values:
            at = (at.replace(day=1, hour=0, minute=0) + timedelta(days=32)).replace(day=1)
        elif not _is_day(at, days, weekdays):
            at = at.replace(hour=0, minute=0) + timedelta(days=1)
        elif at.hour not in hours.values:
            at = at.replace(minute=0) + timedelta(hours=1)
        elif at.minute not in minutes.values:
            at += timedelta(minutes=1)
        else:
            return at
    return None


def _is_day(at: datetime, days: _Field, weekdays: _Field) -> bool:
    """Either field may choose the day; if one of them takes all days, the other decides."""
    in_month, in_week = at.day in days.values, at.isoweekday() % 7 in weekdays.values
    return in_month and in_week if days.star or weekdays.star else in_month or in_week
