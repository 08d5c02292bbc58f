"""
The daemon's end of the control socket: requests with answers, and events, on an asyncio loop.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from podlab.embedded.sandbox.zygote import wire

_GREETINGS = ("ready", "refused")


class NodeError(OSError):
    """The node refused a request; errno -1 is a program that could not be started, with the runtime's text."""

    @property
    def text(self) -> str:
        """Return what the node said."""
        return str(self.strerror)


class NodeLink(Protocol):
    """How requests reach a node: `Link`, or what stands in for it."""

    async def call(self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()) -> Any:
        """Return the answer to one request. Raises NodeError."""

    async def call_with_descriptors(
        self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()
    ) -> tuple[Any, list[int]]:
        """Return the answer and its descriptors."""

    def request(
        self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()
    ) -> asyncio.Future[tuple[Any, list[int]]]:
        """Send now."""

    def close(self) -> None:
        """End the node."""


class Link:
    """Sends requests to the node and hands its events to *on_event(name, value)*."""

    def __init__(self, sock: socket.socket, on_event: Callable[[str, Any], None]) -> None:
        self._sock, self._on_event = sock, on_event
        self._loop = asyncio.get_running_loop()
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[tuple[Any, list[int]]]] = {}
        self._unsent: deque[tuple[Any, list[int]]] = deque()
        self.greeting: asyncio.Future[tuple[str, Any]] = self._loop.create_future()
        self.folder: int | None = None  # the node's own, in memory; comes with the greeting, and stays open
        self.closed = False
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._readable)

    async def call(self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()) -> Any:
        """Return the answer to one request. Raises NodeError."""
        value, received = await self.call_with_descriptors(operation, arguments, descriptors)
        for descriptor in received:
            os.close(descriptor)
        return value

    async def call_with_descriptors(
        self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()
    ) -> tuple[Any, list[int]]:
        """Return the answer and its descriptors, which are the caller's to close."""
        return await self.request(operation, arguments, descriptors)

    def request(
        self, operation: str, arguments: dict[str, Any], descriptors: Sequence[int] = ()
    ) -> asyncio.Future[tuple[Any, list[int]]]:
        """Send now, before the caller next yields: so requests keep the order in which they were made."""
        if self.closed:
            raise NodeError(32, "the node is gone")
        self._sequence += 1
        future: asyncio.Future[tuple[Any, list[int]]] = self._loop.create_future()
        self._waiting[self._sequence] = future
        self._send((self._sequence, operation, arguments), descriptors)
        return future

    def _send(self, message: Any, descriptors: Sequence[int]) -> None:
        if self._unsent:
            self._unsent.append((message, [os.dup(one) for one in descriptors]))
            return
        try:
            wire.send(self._sock, message, descriptors)
        except BlockingIOError:
            # Copies: the caller closes its own when this returns.
            self._unsent.append((message, [os.dup(one) for one in descriptors]))
            self._loop.add_writer(self._sock.fileno(), self._writable)
        except OSError:
            self.close()

    def _writable(self) -> None:
        while self._unsent:
            message, descriptors = self._unsent[0]
            try:
                wire.send(self._sock, message, descriptors)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            self._unsent.popleft()
            for descriptor in descriptors:
                os.close(descriptor)
        self._loop.remove_writer(self._sock.fileno())

    def _readable(self) -> None:
        for _turn in range(64):  # a bound, so that a storm of exits does not hold the loop
            try:
                received = wire.receive(self._sock)
            except BlockingIOError:
                return
            except OSError:
                received = None
            if received is None:
                self.close()
                return
            self._handle(*received)

    def _handle(self, message: Any, descriptors: list[int]) -> None:
        sequence, outcome, value = message
        if sequence == 0 and outcome in _GREETINGS:
            self.folder = descriptors[0] if descriptors else None
            if not self.greeting.done():
                self.greeting.set_result((outcome, value))
        elif sequence == 0:
            self._on_event(outcome, value)
        else:
            self._resolve(sequence, outcome, value, descriptors)

    def _resolve(self, sequence: int, outcome: str, value: Any, descriptors: list[int]) -> None:
        future = self._waiting.pop(sequence, None)
        if future is None or future.done():
            for descriptor in descriptors:
                os.close(descriptor)
        elif outcome == "ok":
            future.set_result((value, descriptors))
        else:
            future.set_exception(NodeError(value[0], value[1]))

    def close(self) -> None:
        """Close the socket, which ends the node; everything still waited for fails."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for _message, descriptors in self._unsent:
            for descriptor in descriptors:
                os.close(descriptor)
        if not self.greeting.done():
            self.greeting.set_result(("refused", (0, "the zygote ended at its start")))
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(NodeError(32, "the node is gone"))
        self._on_event("gone", None)
