"""
The cluster's clock: the machine's, but it never goes back.

A wall clock that is set back, by a user or after a laptop woke up, would stop every back-off and deadline for as long,
and give containers that ended before they began. So time goes on from the machine's time since its boot. A step forward
is followed: nothing waits for it.

The node's process has the same clock, by the same offset; it must not load more than this.
"""

from __future__ import annotations

import time

# Slewing corrects less than this; a larger difference is a step of the machine's clock.
STEP_NS = 1_000_000_000
# Counted on while the machine is suspended, where the kernel has such a clock.
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class SteadyClock:
    """
    A clock that goes on from now.

    Attributes:
        offset_ns: What it is ahead of the machine's time since its boot.
    """

    def __init__(self) -> None:
        self.offset_ns = time.time_ns() - _steady_ns()

    def now_ns(self) -> int:
        """Return nanoseconds since the epoch, UTC."""
        steady, wall = _steady_ns(), time.time_ns()
        if wall - steady - self.offset_ns > STEP_NS:
            self.offset_ns = wall - steady
        return steady + self.offset_ns


def _steady_ns() -> int:
    return time.monotonic_ns() if _SINCE_BOOT is None else time.clock_gettime_ns(_SINCE_BOOT)


OF_CLUSTER = SteadyClock()
now_ns = OF_CLUSTER.now_ns


def now_s() -> float:
    """Return seconds since the epoch, UTC."""
    return now_ns() / 1e9
