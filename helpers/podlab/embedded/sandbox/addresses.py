"""Addresses of Pods: 10.244.0.2 to 10.244.0.254, the one free longest first, as the node's range allows."""

from __future__ import annotations

from collections import deque

_RANGE = "10.244.0."


class Pool:
    """Free addresses, handed out oldest first so that a late packet does not reach a Pod that came after."""

    def __init__(self) -> None:
        self._free = deque(range(2, 255))

    def take(self) -> str:
        """One address. Raises LookupError with host-local's words when none is left."""
        if not self._free:
            raise LookupError(f"no IP addresses available in range set: {_RANGE}1-{_RANGE}254")
        return f"{_RANGE}{self._free.popleft()}"

    def give_back(self, address: str) -> None:
        """Make *address* free again; anything that is not of the range is ignored."""
        if address.startswith(_RANGE):
            self._free.append(int(address.removeprefix(_RANGE)))
