"""
Services and names of the node, and a new node when its processes have ended.

Service addresses, names and the way from Pods to the API server live in the node's network, so they go with it. A real
machine's kubelet, container runtime and kube-proxy are started again by systemd; Pods are then given new sandboxes.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator

from podlab.embedded.api.http.server import Server
from podlab.embedded.network import ServiceProxy
from podlab.embedded.sandbox.process_runtime import ProcessRuntime
from podlab.embedded.store import Store
from podlab.errors import SandboxError

API_PORT = 6443  # on the node's own address
LIVED_S, LONGEST_PAUSE_S = 60.0, 30.0
_LOG = logging.getLogger(__name__)


class NodeNetwork:
    """Service addresses, names, and the API server's address for Pods, on one node."""

    def __init__(self, store: Store, runtime: ProcessRuntime, server: Server) -> None:
        self._store, self._runtime, self._server = store, runtime, server
        self._proxy: ServiceProxy | None = None
        self._inside: asyncio.Server | None = None

    async def start(self) -> None:
        """Set up all of it. Raises OSError when the node is gone."""
        if not self._runtime.node.reduced:  # the reduced mode has no network of its own to listen in
            address = (self._runtime.node.ip, API_PORT)
            descriptor = await self._runtime.make_socket(None, socket.SOCK_STREAM, address)
            inside = socket.socket(fileno=descriptor)
            inside.setblocking(False)
            self._inside = await self._server.listen_on(inside)  # what kubernetes.default leads to, for Pods
        self._proxy = ServiceProxy(self._store, self._runtime)
        await self._proxy.start()

    async def close(self) -> None:
        """Stop answering."""
        if self._proxy:
            await self._proxy.close()
        if self._inside:
            self._server.stop_listening(self._inside)
        self._proxy = self._inside = None


class NodeRestarter:
    """
    Makes the node again whenever its processes have ended.

    Args:
        forget: Forgets what lay in the memory of the former node.
    """

    def __init__(self, runtime: ProcessRuntime, network: NodeNetwork, forget: Callable[[], None]) -> None:
        self._runtime, self._network, self._forget = runtime, network, forget
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look after the node."""
        self._runtime.watch(self._changed)
        self._task = asyncio.ensure_future(self._keep())

    async def close(self) -> None:
        """Leave the node alone from now on."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _changed(self, pod_uid: str) -> None:
        if not pod_uid and self._runtime.lost:
            self._gone.set()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        since, pauses = loop.time(), _pauses()
        while True:
            await self._gone.wait()
            self._gone.clear()
            if loop.time() - since > LIVED_S:
                pauses = _pauses()
            await asyncio.sleep(next(pauses))
            since = loop.time()
            await self._try()

    async def _try(self) -> None:
        """Make the node again; a node that cannot be made stays lost, and is tried again."""
        await self._network.close()
        try:
            await self._runtime.renew()
            self._forget()
            await self._network.start()
        except (SandboxError, OSError) as error:
            why = error.cause or error.summary if isinstance(error, SandboxError) else str(error)
            _LOG.warning("the node's processes cannot be started again: %s", why)
            self._runtime.set_lost(f"its processes have ended, and cannot be started again: {why}")
            return
        self._runtime.set_lost("")


def _pauses() -> Iterator[float]:
    """Return seconds before each try: the first at once, then a second, doubled each time."""
    yield 0.0
    pause_s = 1.0
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
