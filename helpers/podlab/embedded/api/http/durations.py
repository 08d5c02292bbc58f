"""
Go's durations, as far as a request names one: ``?timeout=30s``.

Source: ``time.ParseDuration``; ``parseTimeout`` in apiserver/pkg/endpoints/filters/request_deadline.go at v1.36.3.
"""

from __future__ import annotations

import re

from podlab.embedded.fault import StatusError, bad_request

UNITS = ("ns", "us", "µs", "μs", "ms", "s", "m", "h")
NUMBER = r"(?:\d+\.?\d*|\.\d+)"


def check_timeout(text: str) -> None:
    """
    Refuse a ``timeout`` that is not a duration; "" means absent.

    Raises:
        StatusError: 400, with Go's words.
    """
    why = fault_of(text) if text else ""
    if why:
        raise _refused(why)


def _refused(why: str) -> StatusError:
    return bad_request(f"invalid timeout specified in the request URL - {why}")


def fault_of(text: str) -> str:
    """Return what is wrong with a duration, in Go's words; "" when nothing is."""
    bare = text.lstrip("+-") if text[:1] in ("+", "-") else text
    if bare == "0":
        return ""
    parts = re.findall(rf"({NUMBER})([^\d.]*)", bare)
    if not parts or "".join(number + unit for number, unit in parts) != bare:
        return f'time: invalid duration "{text}"'
    for _, unit in parts:
        if not unit:
            return f'time: missing unit in duration "{text}"'
        if unit not in UNITS:
            return f'time: unknown unit "{unit}" in duration "{text}"'
    return ""
