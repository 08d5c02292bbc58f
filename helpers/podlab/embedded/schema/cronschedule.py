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
# Least, most, and words for numbers: minute, hour, day of the month, month, day of the week.
FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    (0, 6, {name: number for number, name in enumerate(DAYS)}),
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
        raise ValueError(f"expected exactly {len(FIELDS)} fields, found {len(words)}: [{' '.join(words)}]")
    fields = [_field(word, *row) for word, row in zip(words, FIELDS, strict=True)]
    return lambda after: _next(fields, after)


def _duration_s(text: str) -> float:
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"failed to parse duration @every {text}")
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


def _field(text: str, least: int, most: int, words: dict[str, int]) -> _Field:
    values: set[int] = set()
    star = False
    for part in [part for part in text.split(",") if part] or [""]:  # as robfig/cron: "0,30," is "0,30"
        low, high, step, whole = _span(part, least, most, words)
        if low < least:
            raise ValueError(f"beginning of range ({low}) below minimum ({least}): {part}")
        if high > most:
            raise ValueError(f"end of range ({high}) above maximum ({most}): {part}")
        if low > high:
            raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {part}")
        if step == 0:
            raise ValueError(f"step of range should be a positive number: {part}")
        star = star or (whole and step == 1)
        values.update(range(low, high + 1, step))
    return _Field(frozenset(values), star)


def _span(part: str, least: int, most: int, words: dict[str, int]) -> tuple[int, int, int, bool]:
    """Return the first, the last and the step of a range, and whether it is a star."""
    span, *steps = part.split("/")
    first, *rest = span.split("-")
    whole = first in ("*", "?")
    if whole:
        low, high = least, most
    elif len(rest) > 1:
        raise ValueError(f"too many hyphens: {part}")
    else:
        low = _number(first, words)
        high = _number(rest[0], words) if rest else low
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {part}")
    step = _number(steps[0], {}) if steps else 1
    return low, most if steps and not rest else high, step, whole


def _number(text: str, words: dict[str, int]) -> int:
    found = words.get(text.lower())
    if found is not None:
        return found
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text, re.ASCII):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if int(text) < 0:
        raise ValueError(f"negative number ({text}) not allowed: {text}")
    return int(text)


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
