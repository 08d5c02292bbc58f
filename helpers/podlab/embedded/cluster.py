"""Wire the parts of one embedded cluster together, run them, and take them apart again."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from podlab.embedded import bootstrap, controllers, pki
from podlab.embedded.api.app import App
from podlab.embedded.api.http import server
from podlab.embedded.api.local import LocalApi
from podlab.embedded.api.nodeconnection import NodeConnection
from podlab.embedded.api.verbs import nodeevents
from podlab.embedded.settings import Settings
from podlab.embedded.store import Store, timestamp
from podlab.files import PRIVATE, write_whole
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.embedded.sandbox.launch import Zygote

IDLE_LOOK_S = 5.0
SETTLE_S = 2.0  # after the start, when the first Pod is up


class EmbeddedCluster:
    """One cluster while it runs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store()
        cert, key = pki.certificate(f"{settings.folder}/pki")
        with open(cert, encoding="ascii") as file:
            self.authority = file.read()
        self.token = pki.token(f"{settings.folder}/pki")
        sock = server.listen(settings.port)
        port = sock.getsockname()[1]
        hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
        self.node = NodeConnection()
        self.app = App(self.store, token=self.token, hosts=hosts, node=self.node)
        self.server = server.Server(self.app, sock, server.tls(cert, key))
        self.stopping = asyncio.Event()
        self._closers: list[Callable[[], Awaitable[Any]]] = []

    async def start(self, zygote: Zygote | None) -> None:
        """Start every part; the API answers when this returns."""
        bootstrap.first_objects(self.store, authority=self.authority)
        await self.server.start()
        if zygote is not None:
            await self._start_node(zygote)
        bootstrap.keep_namespace_defaults(self.store, self.authority)
        stop = controllers.start(
            self.store,
            LocalApi(self.store, self.app.mutating),
            node_name=self.settings.node_name,
            loop=asyncio.get_running_loop(),
        )
        self._closers.append(_later(stop))

    async def _start_node(self, zygote: Zygote) -> None:
        """The runtime, Service addresses and names, the kubelet."""
        from pathlib import Path

        from podlab.embedded import sandbox
        from podlab.embedded.kubelet.kubelet import Kubelet
        from podlab.embedded.kubelet.nodeservices import NodeServices
        from podlab.embedded.noderestart import NodeNetwork, NodeRestarter
        from podlab.embedded.volumes import Volumes

        settings, folder = self.settings, Path(self.settings.folder)
        runtime = await sandbox.open_runtime(folder, node_name=settings.node_name, zygote=zygote)
        self._closers.append(runtime.close)
        self.node.runtime = runtime
        self.app.extra["/podlab/v1/node-events"] = nodeevents.handler(runtime)
        bootstrap.node(self.store, settings.node_name, runtime.node.ip, runtime.node.reduced)
        names = [*pki.NAMES, *pki.ADDRESSES]
        # kubectl in a Pod names the port too.
        self.app.backend.hosts += [*names, *(f"{name}:443" for name in names)]
        network = NodeNetwork(self.store, runtime, self.server)
        await network.start()
        self._closers.append(network.close)
        volumes = Volumes(folder / "volumes", f"{runtime.node.files}/files/volumes")
        services = NodeServices(
            self.store,
            runtime,
            node_name=settings.node_name,
            node_ip=runtime.node.ip,
            folder=folder / "pods",
            small=runtime.node.files,
            volumes=volumes,
            make_token=self._make_token,
            allow_host_path=settings.allow_host_path,
            pace=settings.pace,
        )
        kubelet = Kubelet(services)
        kubelet.start()
        self._closers.append(kubelet.close)
        restarter = NodeRestarter(runtime, network, volumes.forget_contents)
        restarter.start()
        self._closers.append(restarter.close)

    def _make_token(self, pod: RawObject, audiences: list[str], lasts_s: int) -> str:
        from podlab.embedded.api.access import jwt

        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")
        account = self.store.get("serviceaccounts", namespace, name)
        if account is None:
            raise LookupError(f'serviceaccounts "{name}" not found')
        now = self.store.clock()
        # As upstream does: a token that the API server has put into a Pod itself is good for a year, for the
        # clients that read it only once.
        lasts_s = jwt.YEAR_S if lasts_s == jwt.MOUNTED_S and not audiences else lasts_s
        node = self.store.get("nodes", "", pod["spec"].get("nodeName", ""))
        return jwt.make(
            self.token, account, now=now, lasts_s=lasts_s, pod=pod, node=node, audiences=audiences
        )

    async def close(self) -> None:
        """End every part, the newest first."""
        await self.server.close()
        for closer in reversed(self._closers):
            await closer()


def _later(stop: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    """A synchronous end as a coroutine function."""

    async def end() -> None:
        stop()

    return end


def kubeconfig(settings: Settings, cluster: EmbeddedCluster) -> str:
    """Return a kubeconfig (JSON is YAML) with one context of the cluster's name."""
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


def announce(settings: Settings, cluster: EmbeddedCluster) -> None:
    """Leave word of the running daemon: kubeconfig, daemon.json, and a line on the ready descriptor."""
    write_whole(f"{settings.folder}/kubeconfig", kubeconfig(settings, cluster), mode=PRIVATE)
    facts = {
        "pid": os.getpid(),
        "port": cluster.server.port,
        "started_at": timestamp(),
        "name": settings.name,
    }
    write_whole(f"{settings.folder}/daemon.json", json.dumps(facts) + "\n", mode=PRIVATE)
    if settings.ready_fd is not None:
        os.write(settings.ready_fd, b"ready\n")
        os.close(settings.ready_fd)


async def run(settings: Settings, zygote: Zygote | None) -> int:
    """Run a cluster until SIGTERM, SIGINT or the idle time-out; returns the exit code."""
    cluster = EmbeddedCluster(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, cluster.stopping.set)
    try:
        await cluster.start(zygote)
        announce(settings, cluster)
        loop.call_later(SETTLE_S, _settle)
        watcher = asyncio.ensure_future(_watch_idle(settings, cluster))
        await cluster.stopping.wait()
        watcher.cancel()
    finally:
        await cluster.close()
        for name in ("daemon.json", "kubeconfig"):
            try:
                os.unlink(f"{settings.folder}/{name}")
            except OSError:
                continue
    return 0


def _settle() -> None:
    """
    Take what was loaded at the start out of the garbage collector's sight: it stays, and is walked for
    nothing.

    A full collection with it costs tens of milliseconds, in which no watcher hears anything.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


async def _watch_idle(settings: Settings, cluster: EmbeddedCluster) -> None:
    """Stop when nobody asked for anything during the idle time, or when the cluster's folder is gone."""
    seen, since = -1, time.monotonic()
    while True:
        await asyncio.sleep(IDLE_LOOK_S)
        if not os.path.isdir(settings.folder):
            cluster.stopping.set()
        if cluster.app.requests != seen or cluster.app.open:
            seen, since = cluster.app.requests, time.monotonic()
        elif settings.idle_s and time.monotonic() - since > settings.idle_s:
            cluster.stopping.set()
