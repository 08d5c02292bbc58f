"""The board, live: three lists of the whole cluster at each look, however many students there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from podlab.classroom import board, creating
from podlab.client import Client, resources
from podlab.course.progress import SHARED
from podlab.errors import PodlabError

LOOK_EVERY_S = 3.0


def look(client: Client, name: str) -> list[board.StudentRow]:
    """
    Return the row of each student of a class.

    Raises:
        PodlabError: There is no such class.
    """
    spaces = creating.spaces(client, name)
    if not spaces:
        raise PodlabError(
            f"unknown class {name!r}: this cluster has no namespaces of it", hint="podlab class create"
        )
    selector = f"metadata.name={SHARED}"
    progress = _by_space(client.get(resources.path("configmaps"), fieldSelector=selector))
    pods = _by_space(client.get(resources.path("pods")))
    return [
        board.student_row(space, next(iter(progress.get(space["metadata"]["name"], [])), None),
                   pods.get(space["metadata"]["name"], []))
        for space in spaces
    ]  # fmt: skip


def _by_space(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    sorted_: dict[str, list[dict[str, Any]]] = {}
    for each in found.get("items") or []:
        sorted_.setdefault(each["metadata"].get("namespace", ""), []).append(each)
    return sorted_


def serve(client: Client, name: str, port: int, *, ready: Callable[[int], None]) -> None:
    """Serve the board on localhost until Ctrl-C; *ready* is told the port. One look serves all who ask meanwhile."""
    kept: dict[str, Any] = {"at": 0.0, "page": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if time.monotonic() - kept["at"] > LOOK_EVERY_S:
                kept["page"], kept["at"] = board.page(name, look(client, name)), time.monotonic()
            data = kept["page"].encode()
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Say nothing of each request."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        ready(server.server_port)
        server.serve_forever()
