"""
Several clocks, and what one says about another.

The node's clock (status times, kubelet Events, log lines, the node's own record) is the frame of a timeline.
The recorder's clock stamps arrivals, the API server's stamps creation and deletion, the scheduler's its own
Events. No clock is assumed to agree with another: an offset is bounded from evidence, and where nothing
bounds it, arrival times are not used. All times in this module are seconds since the Unix epoch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

ONE_CLOCK = frozenset({"kind", "embedded", "simulated"})
"""Drivers whose node, API server and scheduler are processes of one kernel, and so read one clock."""

START_LAG_S = 0.15
"""
How long after a process has begun the runtime may note its start, in ``startedAt`` and in its own record.

It does so once it has returned from starting it (measured on a loaded machine: up to 101 ms after the first log line),
so a container that ends at once may be noted as ended before it was noted as started.
"""

_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$")


def parse_ns(text: str | None) -> int | None:
    """
    Return nanoseconds since the epoch of an RFC 3339 time; None for a missing, unreadable or zero one.

    The API writes year 1 or 1970 where it means "no time".
    """
    found = _STAMP.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    try:
        when = datetime(*(int(found[i]) for i in range(1, 7)), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    if when.year <= 1970:
        return None
    zone = found[8]
    shift = (
        0 if zone in "Zz" else (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)
    )
    return (int(when.timestamp()) - shift) * 10**9 + int((found[7] or "").ljust(9, "0"))


def parse_s(text: str | None) -> float | None:
    """Return seconds since the epoch of an RFC 3339 time; None if absent."""
    value = parse_ns(text)
    return None if value is None else value / 1e9


def precision_s(text: str) -> float:
    """Return how coarse a printed time is: 1.0 without a fraction, else one unit of its last digit."""
    found = _STAMP.match(text)
    return 10.0 ** -len(found[7]) if found and found[7] else 1.0


@dataclass(frozen=True, slots=True)
class Offset:
    """
    The offset of one clock from the node's: somewhere in ``[lo, hi]``; infinite where unknown.
    """

    lo: float = -inf
    hi: float = inf

    @property
    def known(self) -> bool:
        """Whether both sides are bounded and do not contradict each other."""
        return self.lo <= self.hi and self.lo > -inf and self.hi < inf


class OffsetEvidence:
    """
    Collects what bounds an offset from one clock (*other*) to the node's.

    A message sent at node time *e* and received at *other* time *a* gives ``offset >= e - a``. An act at
    *other* time *a* that something at node time *e* answered gives ``offset <= e - a``.
    """

    def __init__(self) -> None:
        self._lo, self._hi = -inf, inf
        self.lo_text = self.hi_text = ""

    def received(self, sent_at_node: float, received_at: float, text: str) -> None:
        """The node stamped *sent_at_node* (or later) what arrived at *received_at*."""
        if sent_at_node - received_at > self._lo:
            self._lo, self.lo_text = sent_at_node - received_at, text

    def answered(self, acted_at: float, answered_at_node: float, text: str) -> None:
        """
        An act at *acted_at* had an answer that the node stamped *answered_at_node* at the latest.
        """
        if answered_at_node - acted_at < self._hi:
            self._hi, self.hi_text = answered_at_node - acted_at, text

    @property
    def contradictory(self) -> bool:
        """Whether no constant offset can be true: a clock was set in between, or a stamp is wrong."""
        return self._lo > self._hi

    def offset(self) -> Offset:
        """
        Return the bounds; open on both sides when they contradict each other, so that nothing is built on them.
        """
        return Offset() if self.contradictory else Offset(self._lo, self._hi)
