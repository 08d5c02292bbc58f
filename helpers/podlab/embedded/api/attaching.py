"""
``kubectl attach``: the output of a running container from now on. Its stdin is not offered, and the client is
told.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from podlab.embedded.api import streams
from podlab.embedded.api.fault import Fault, bad_request
from podlab.embedded.api.request import Request
from podlab.embedded.runtime import ContainerRecord, ContainerState

if TYPE_CHECKING:
    from podlab.embedded.api.app import App

Object = dict[str, Any]
POLL_S = 0.04


def prepare(
    app: App, request: Request, pod: Object, container: str
) -> Callable[[streams.Socket], Awaitable[None]]:
    """
    What to do on the connection.

    Raises:
        Fault: 400 or 500, when there is nothing to attach to.
    """
    found = app.node.instance(pod, container)
    if found is None:
        raise Fault(500, f'container not found ("{container}")')
    spec = next(c for key in ("containers", "initContainers", "ephemeralContainers")
                for c in pod["spec"].get(key) or [] if c["name"] == container)  # fmt: skip
    if request.flag("tty") and not spec.get("tty"):
        raise bad_request(f"Unable to use a TTY - container {container} did not allocate one")
    return lambda socket: _attach(app, socket, pod, found)


async def _attach(app: App, socket: streams.Socket, pod: Object, found: ContainerRecord) -> None:
    with open(found.log_path, "rb") as file:
        file.seek(0, os.SEEK_END)
        rest = b""
        while True:
            now = app.node.record(pod, f"containerd://{found.id}")
            ended = now is None or now.state is ContainerState.EXITED
            while data := file.read(streams.CHUNK):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    await socket.write(_show(line))
            if ended:
                break
            await asyncio.sleep(POLL_S)
    await socket.write(bytes([streams.ERROR]) + json.dumps(streams.SUCCESS).encode())


def _show(line: bytes) -> bytes:
    """One line of a CRI log as a message on its channel."""
    _, stream, tag, text = [*line.split(b" ", 3), b"", b"", b""][:4]
    channel = streams.STDERR if stream == b"stderr" else streams.STDOUT
    return bytes([channel]) + text + (b"" if tag == b"P" else b"\n")
