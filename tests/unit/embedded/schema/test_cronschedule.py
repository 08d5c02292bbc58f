"""When a schedule's next time is."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from podlab.embedded.schema.cronschedule import parse

AT = datetime(2026, 2, 27, 22, 58, 30, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", "2026-02-27 22:59"),
        ("*/5 * * * *", "2026-02-27 23:00"),
        ("58 22 * * *", "2026-02-28 22:58"),
        ("0 9-17/4 * * mon-fri", "2026-03-02 09:00"),
        ("0 0 29 FEB *", "2028-02-29 00:00"),
        ("30 4 1,15 * 5", "2026-03-01 04:30"),
        ("30 4 13 * fri", "2026-03-06 04:30"),
        ("30 4 */2 * sun", "2026-03-01 04:30"),
        ("0 0 31 4 *", None),
        ("@hourly", "2026-02-27 23:00"),
        ("@weekly", "2026-03-01 00:00"),
        ("5/20 * * * *", "2026-02-27 23:05"),
        ("0,30, * * * *", "2026-02-27 23:00"),
        (",15,,45 * * * *", "2026-02-27 23:15"),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, expected: str | None) -> None:
    """Day of the month or of the week, where both are chosen; the other, where one is a star."""
    found = parse(schedule)(AT)
    assert (found and f"{found:%Y-%m-%d %H:%M}") == expected


def test_every_so_often_counts_from_the_time_before() -> None:
    assert parse("@every 1m30s")(AT) == datetime(2026, 2, 27, 23, 0, tzinfo=UTC)


def test_a_schedule_is_read_in_its_time_zone() -> None:
    found = parse("0 9 * * *")(AT.astimezone(ZoneInfo("Asia/Tokyo")))
    assert found and found.astimezone(UTC) == datetime(2026, 2, 28, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "schedule", ["", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a * * * *", "@often",
                 "@every soon", "1- * * * *", ", * * * *"]
)  # fmt: skip
def test_a_schedule_that_cannot_be_read_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(schedule)
