"""A monitor that a test steers."""

from __future__ import annotations

from podlab.grading.delays import DelayMonitor


class Steered(DelayMonitor):
    """A monitor whose clock and delays the test sets; its sleeps move the clock."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.now_s, self.late_s = 0.0, late_s
        super().__init__(clock=lambda: self.now_s, sleep=self._pass)

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds

    def worst_s(self, since: float, until: float | None = None) -> float:
        """Return the delay that was set."""
        return self.late_s
