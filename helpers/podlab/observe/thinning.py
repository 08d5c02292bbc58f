"""
Bounds what a chatty container writes into a recording: of each second the first lines and the last ones.
"""

from __future__ import annotations

from collections import deque

FIRST, LAST = 1000, 100
"""Lines of one second that are kept: those that came first, and those that came last."""

Line = tuple[str, bytes]
"""The node's stamp, and the text."""


class Thinner:
    """
    Takes the lines of one container one by one and hands out those to be kept, in their order.

    An ``int`` among them stands for that many lines that were left out at this place. Seconds are those of
    the node's stamps, so that the same log is thinned the same way however fast it arrives.
    """

    def __init__(self, first: int = FIRST, last: int = LAST) -> None:
        self._first, self._tail = first, deque[Line](maxlen=last)
        self._second, self._count, self._left_out = "", 0, 0

    def take(self, line: Line) -> list[Line | int]:
        """Return what can be written now that *line* came; a second's last lines come with the next second."""
        out: list[Line | int] = []
        if line[0][:19] != self._second:
            out, self._second, self._count = self.flush(), line[0][:19], 0
        self._count += 1
        if self._count <= self._first:
            return [*out, line]
        self._left_out += len(self._tail) == self._tail.maxlen
        self._tail.append(line)
        return out

    def flush(self) -> list[Line | int]:
        """Return the last lines of the second under way: nothing came for a while, or the log has ended."""
        out: list[Line | int] = [self._left_out] if self._left_out else []
        out += self._tail
        self._tail.clear()
        self._left_out = 0
        return out
