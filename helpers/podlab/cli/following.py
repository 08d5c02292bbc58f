"""
The observations that ``watch`` shows: one Pod and its Events, listed and then watched, as observations of a recording.

For the eye only: a stream that ends is listed again at once, and nothing is written. ``podlab record`` is
what keeps a life for later.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from podlab.client import Client, resources
from podlab.errors import PodlabError

AGAIN_S = 1.0
"""Pause before a stream that broke is opened again."""


class Follower:
    """
    Gathers observations about one Pod from two threads.

    Attributes:
        header: What a recording would begin with.
        observations: Grows; only ever appended to.
        trouble: The last error of a stream, in one line; empty while all is well.
    """

    def __init__(self, client: Client, namespace: str, pod: str, driver: str) -> None:
        self.header = {"kind": "podlab.recording", "schema": 1, "driver": driver, "namespace": namespace,
                       "started_at": datetime.now(UTC).isoformat()}  # fmt: skip
        self.observations: list[Mapping[str, Any]] = []
        self.trouble = ""
        self._client, self._since = client, time.monotonic()
        self._done = threading.Event()
        streams = [("pods", f"metadata.name={pod}"), ("events", f"involvedObject.name={pod}")]
        self._threads = [
            threading.Thread(
                target=self._follow, args=(resources.path(what, namespace), what, field), daemon=True
            )
            for what, field in streams
        ]

    def __enter__(self) -> Follower:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _see(self, source: str, resource: str, kind: str, raw: Mapping[str, Any]) -> None:
        t = time.monotonic() - self._since
        self.observations.append(
            {"t": t, "source": source, "resource": resource, "type": kind, "object": raw}
        )

    def _follow(self, path: str, resource: str, field: str) -> None:
        while not self._done.is_set():
            try:
                listed = self._client.get(path, fieldSelector=field)
                for raw in listed["items"]:
                    self._see("list", resource, "LISTED", raw)
                self.trouble = ""
                self._watch(path, resource, field, listed["metadata"]["resourceVersion"])
            except (PodlabError, OSError, ValueError, KeyError) as error:
                self.trouble = str(error).splitlines()[0]
            self._done.wait(AGAIN_S)

    def _watch(self, path: str, resource: str, field: str, version: str) -> None:
        wanted = {"watch": "true", "fieldSelector": field, "resourceVersion": version, "timeoutSeconds": 300}
        with self._client.lines(path, read_timeout_s=310, **wanted) as lines:
            for line in lines:
                if self._done.is_set():
                    return
                event = json.loads(line)
                if event.get("type") == "ERROR":
                    return
                if event.get("type") != "BOOKMARK":
                    self._see("watch", resource, event["type"], event["object"])
