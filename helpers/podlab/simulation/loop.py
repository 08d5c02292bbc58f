"""An asyncio event loop on a time of its own: nothing waits, the clock jumps to the next thing that is due."""

from __future__ import annotations

import asyncio
import math
from typing import Any

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z: when every simulation begins


class IdleError(RuntimeError):
    """Nothing is left that could ever happen."""


class _Jump:
    """Stands where the selector would: waiting is moving the clock to the next timer."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise IdleError("the simulation waits for an event that cannot happen")
        if timeout > 0:
            self._loop.advance_to_next_timer()
        return []


class SimulatedLoop(asyncio.BaseEventLoop):
    """No sockets, no threads, no signals: timers and tasks only, which is all that a scripted node needs."""

    _scheduled: list[asyncio.TimerHandle]  # asyncio's own heap of timers

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = _Jump(self)

    def time(self) -> float:
        """Simulated seconds since the beginning."""
        return self._now

    @property
    def _clock_resolution(self) -> float:
        """
        The smallest step that this clock can make from now.

        asyncio runs timers that are due within the clock's resolution. With that of a real clock, 1 ns, one could run
        before its time; whoever then waits for the same time again, as a probe does, would do so for ever.
        """
        return math.ulp(self._now)

    @_clock_resolution.setter
    def _clock_resolution(self, seconds: float) -> None:
        """Leave out what asyncio sets: the resolution of the machine's clock."""

    def advance_to_next_timer(self) -> None:
        """Move the clock to the very time of the next timer: a sum of differences could end before it."""
        self._now = max(self._now, self._scheduled[0].when())

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: a simulation watches no files."""

    def _write_to_self(self) -> None:
        """No other thread needs to wake this loop."""


class SimulatedClock:
    """The wall clock of a simulation."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        """Return nanoseconds since the epoch, cut to microseconds: floats carry no more."""
        return EPOCH_NS + round(self._loop.time() * 1_000_000) * 1000
