"""Addresses of Pods: 10.244.0.2 to 10.244.0.254, the one free longest first, as the node's range allows."""

from __future__ import annotations

from collections import deque

_RANGE = "10.244.0."


class AddressPool:
    """Free addresses, handed out oldest first so that a late packet does not reach a Pod that came after."""

    def __init__(self, prefix: str = _RANGE) -> None:
        self._prefix = prefix
        self._free = deque(range(2, 255))

    def take(self) -> str:
        """One address. Raises LookupError with host-local's words when none is left."""
        if not self._prefix:
            return "127.0.0.1"
        if not self._free:
            raise LookupError(f"no IP addresses available in range set: {self._prefix}1-{self._prefix}254")
        return f"{self._prefix}{self._free.popleft()}"

    def give_back(self, address: str) -> None:
        """Make *address* free again; anything that is not of the range is ignored."""
        if self._prefix and address.startswith(self._prefix):
            self._free.append(int(address.removeprefix(self._prefix)))
