"""An asyncio event loop on a time of its own: nothing waits, the clock jumps to the next thing that is due."""

from __future__ import annotations

import asyncio
from typing import Any

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z: when every simulation begins


class IdleError(RuntimeError):
    """Nothing is left that could ever happen."""


class _Jump:
    """Stands where the selector would: waiting *timeout* seconds is moving the clock by as much."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise IdleError("the simulation waits for something that no one will do")
        self._loop.advance(timeout)
        return []


class SimulatedLoop(asyncio.BaseEventLoop):
    """No sockets, no threads, no signals: timers and tasks only, which is all that a scripted node needs."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = _Jump(self)

    def time(self) -> float:
        """Simulated seconds since the beginning."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self._now += max(0.0, seconds)

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: a simulation watches no files."""

    def _write_to_self(self) -> None:
        """No other thread needs to wake this loop."""


class SimulatedClock:
    """The wall clock of a simulation."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        """Nanoseconds since the epoch, cut to microseconds: floats carry no more."""
        return EPOCH_NS + round(self._loop.time() * 1_000_000) * 1000
