"""The waits before a crashed container is started again, or an image is pulled again: 10 s, doubling to 300 s."""

from __future__ import annotations

SECOND = 1_000_000_000
INITIAL_NS = 10 * SECOND
CAP_NS = 300 * SECOND


class _Entry:
    __slots__ = ("updated_at", "wait_ns")

    def __init__(self, wait_ns: int, updated_at: int) -> None:
        self.wait_ns, self.updated_at = wait_ns, updated_at


class Backoff:
    """
    Waits by key. A wait counts from the event that caused it (the end of a container, a failed pull), and is
    forgotten when the next event comes later than twice the cap after the last change: it ran well for long.
    """

    def __init__(self, initial_ns: int = INITIAL_NS, cap_ns: int = CAP_NS) -> None:
        self._initial_ns, self._cap_ns = initial_ns, cap_ns
        self._entries: dict[str, _Entry] = {}

    def wait_ns(self, key: str) -> int:
        """Return the present wait, 0 if absent."""
        entry = self._entries.get(key)
        return entry.wait_ns if entry else 0

    def ends_at(self, key: str, event_at: int) -> int | None:
        """When the wait that *event_at* began is over; None if absent (it may lie in the past)."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, event_at):
            return None
        return event_at + entry.wait_ns

    def advance(self, key: str, event_at: int, now: int) -> None:
        """Take the next wait: the initial one, or twice the present one."""
        entry = self._entries.get(key)
        fresh = entry is None or self._expired(entry, event_at)
        wait_ns = self._initial_ns if fresh or entry is None else min(entry.wait_ns * 2, self._cap_ns)
        self._entries[key] = _Entry(wait_ns, now)

    def forget(self, prefix: str) -> None:
        """Drop all keys that begin with *prefix*: the Pod is gone."""
        for key in [k for k in self._entries if k.startswith(prefix)]:
            del self._entries[key]

    def _expired(self, entry: _Entry, event_at: int) -> bool:
        return event_at - entry.updated_at > 2 * self._cap_ns


def go_duration(ns: int) -> str:
    """Whole seconds as Go prints them: ``10s``, ``1m20s``, ``5m0s``, ``1h0m0s``."""
    minutes, seconds = divmod(ns // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
