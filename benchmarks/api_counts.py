"""What an API server says of itself: requests by verb and resource, and every object by discovery."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from podlab.client import Client
from podlab.errors import ApiError

_LINE = re.compile(r"^apiserver_request_total\{(.*)\} ([0-9.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_SAMPLE_S = 2.0


def requests(client: Client) -> Counter[str]:
    """
    Return how many requests the server has answered since it started, as ``VERB resource/subresource`` -> count.

    A watch is counted when it ends.
    """
    found: Counter[str] = Counter()
    for labels, number in _LINE.findall(client.text("/metrics", timeout_s=60)):
        row = dict(_LABEL.findall(labels))
        what = "/".join(part for part in (row.get("resource"), row.get("subresource", "").strip("/")) if part)
        found[f"{row['verb']} {what}"] += int(float(number))
    return found


@dataclass
class Traffic:
    """Requests while something went on: how long, how many of each sort, and the most in a second."""

    seconds: float = 0.0
    sorts: Counter[str] = field(default_factory=Counter)
    most_per_s: float = 0.0

    @property
    def total(self) -> int:
        """All requests, our own looks at the metrics left out."""
        return self.sorts.total()

    def __str__(self) -> str:
        top = ", ".join(f"{name} {count}" for name, count in self.sorts.most_common(8))
        rate = self.total / self.seconds
        return (f"{self.total} requests in {self.seconds:.1f} s: {rate:.1f} a second, "
                f"{self.most_per_s:.1f} in the busiest {_SAMPLE_S:.0f} s\n    {top}")  # fmt: skip


@contextmanager
def traffic(client: Client) -> Iterator[Traffic]:
    """Count the server's requests during the block, by its own metrics."""
    seen, stop = Traffic(), threading.Event()
    first = requests(client)
    began = time.monotonic()

    def sample() -> None:
        total, at = first.total(), time.monotonic()
        while not stop.wait(_SAMPLE_S):
            now_total, now = requests(client).total(), time.monotonic()
            seen.most_per_s = max(seen.most_per_s, (now_total - total - 1) / (now - at))
            total, at = now_total, now

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(60)
        seen.seconds = time.monotonic() - began
        seen.sorts = requests(client) - first
        seen.sorts["GET /metrics"] = 0
        del seen.sorts["GET metrics"]
        seen.sorts = +seen.sorts


def objects(client: Client) -> dict[str, str]:
    """Return every object of every kind that the server lists: uid -> ``kind namespace/name``."""
    found: dict[str, str] = {}
    groups = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in client.get("/apis")["groups"]]
    for prefix in ["/api/v1", *groups]:
        for row in client.get(prefix)["resources"]:
            if "/" in row["name"] or "list" not in row["verbs"]:
                continue
            for item in _listed(client, f"{prefix}/{row['name']}"):
                metadata = item["metadata"]
                name = f"{row['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
                found[str(metadata.get("uid") or name)] = name
    return found


def _listed(client: Client, path: str) -> list[dict[str, Any]]:
    try:
        return list(client.get(path).get("items") or [])
    except ApiError as error:
        if error.code in (404, 405):
            return []
        raise
