"""Wire the parts of one embedded cluster together, run them, and take them apart again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from podlab.embedded import pki
from podlab.embedded.api import server
from podlab.embedded.api.app import App
from podlab.embedded.api.node import Node
from podlab.embedded.store import Store, timestamp

if TYPE_CHECKING:
    from podlab.embedded.sandbox.launch import Zygote

IDLE_LOOK_S = 5.0


class Settings:
    """What the command line says; ``began`` is the monotonic time of the start."""

    def __init__(
        self,
        *,
        folder: str,
        name: str = "lab",
        ready_fd: int | None = None,
        port: int = 0,
        idle_s: float = 0,
        pace: str = "prompt",
        allow_host_path: bool = False,
        node: bool = True,
    ) -> None:
        self.folder, self.name, self.ready_fd, self.port = folder, name, ready_fd, port
        self.idle_s, self.pace, self.allow_host_path, self.node = idle_s, pace, allow_host_path, node
        self.node_name = f"{name}-control-plane"
        self.began = time.monotonic()


class Cluster:
    """One cluster while it runs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store()
        cert, key = pki.certificate(f"{settings.folder}/pki")
        with open(cert, encoding="ascii") as file:  # noqa: PTH123
            self.authority = file.read()
        self.token = pki.token(f"{settings.folder}/pki")
        sock = server.listen(settings.port)
        port = sock.getsockname()[1]
        hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
        self.node = Node()
        self.app = App(self.store, token=self.token, hosts=hosts, node=self.node)
        self.server = server.Server(self.app, sock, server.tls(cert, key))
        self.stopping = asyncio.Event()
        self._closers: list[Any] = []

    async def start(self, zygote: Zygote | None) -> None:
        """Start every part; the API answers when this returns."""
        from podlab.embedded.controllers import bootstrap

        bootstrap.first_objects(self.store, authority=self.authority, node_name=self.settings.node_name)
        await self.server.start()

    async def close(self) -> None:
        """End every part, the newest first."""
        await self.server.close()
        for closer in reversed(self._closers):
            await closer()


def write_private(path: str, text: str) -> None:
    """Write a file of mode 0600, whole or not at all."""
    temporary = f"{path}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
    os.replace(temporary, path)  # noqa: PTH105


def kubeconfig(settings: Settings, cluster: Cluster) -> str:
    """A kubeconfig (JSON is YAML) with one context of the cluster's name."""
    import base64

    name = f"podlab-{settings.name}"
    authority = base64.b64encode(cluster.authority.encode()).decode()
    address = f"https://127.0.0.1:{cluster.server.port}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": address, "certificate-authority-data": authority}}],
        "users": [{"name": name, "user": {"token": cluster.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(config, indent=2) + "\n"


def announce(settings: Settings, cluster: Cluster) -> None:
    """Leave word of the running daemon: kubeconfig, daemon.json, and a line on the ready descriptor."""
    write_private(f"{settings.folder}/kubeconfig", kubeconfig(settings, cluster))
    facts = {
        "pid": os.getpid(),
        "port": cluster.server.port,
        "started_at": timestamp(),
        "name": settings.name,
    }
    write_private(f"{settings.folder}/daemon.json", json.dumps(facts) + "\n")
    if settings.ready_fd is not None:
        os.write(settings.ready_fd, b"ready\n")
        os.close(settings.ready_fd)


async def run(settings: Settings, zygote: Zygote | None) -> int:
    """Run a cluster until SIGTERM, SIGINT or the idle time-out; returns the exit code."""
    cluster = Cluster(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, cluster.stopping.set)
    try:
        await cluster.start(zygote)
        announce(settings, cluster)
        watcher = asyncio.ensure_future(_watch_idle(settings, cluster))
        await cluster.stopping.wait()
        watcher.cancel()
    finally:
        await cluster.close()
        for name in ("daemon.json", "kubeconfig"):
            try:
                os.unlink(f"{settings.folder}/{name}")  # noqa: PTH108
            except OSError:
                continue
    return 0


async def _watch_idle(settings: Settings, cluster: Cluster) -> None:
    """Stop when nobody asked for anything during the idle time, or when the cluster's folder is gone."""
    seen, since = -1, time.monotonic()
    while True:
        await asyncio.sleep(IDLE_LOOK_S)
        if not os.path.isdir(settings.folder):  # noqa: PTH112
            cluster.stopping.set()
        if cluster.app.requests != seen or cluster.app.open:
            seen, since = cluster.app.requests, time.monotonic()
        elif settings.idle_s and time.monotonic() - since > settings.idle_s:
            cluster.stopping.set()
