"""A recording of the Pods with labels keeps the Events about them alone, whichever watch is ahead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podlab.observe.selection import Selection
from podlab.observe.watching import Watcher
from podlab.observe.writing import Writer


def line(kind: str, uid: str, version: int, **more: Any) -> bytes:
    """One WatchEvent as a server sends it."""
    meta = {"name": uid, "namespace": "ns", "uid": uid, "resourceVersion": str(version)}
    body = {"kind": kind, "apiVersion": "v1", "metadata": meta, **more}
    return json.dumps({"type": "ADDED", "object": body}, separators=(",", ":")).encode()


def event(uid: str, version: int, about: str) -> bytes:
    """An Event about the Pod with that uid."""
    return line("Event", uid, version, involvedObject={"kind": "Pod", "name": "x", "uid": about})


def test_an_event_that_is_ahead_of_its_pod_waits_for_it(tmp_path: Path) -> None:
    """It is written down once its Pod is chosen; Events of Pods that nobody chose are not."""
    writer, chosen = Writer(tmp_path / "run.jsonl", {}), set[bytes]()
    selection = Selection(chosen=chosen)
    events = Watcher(None, "/", "events", writer, 0, selection=selection)  # type: ignore[arg-type]
    events._take([event("e1", 1, "pod-1"), event("e2", 2, "stranger")])
    assert writer.lines == 0
    chosen.add(b"pod-1")
    events._take([event("e3", 4, "pod-1"), event("e4", 5, "stranger")])
    writer.end("closed")

    rows = [json.loads(row) for row in (tmp_path / "run.jsonl").read_text().splitlines()[1:-1]]
    assert [row["object"]["metadata"]["name"] for row in rows] == ["e1", "e3"]
    times = [row["t"] for row in rows]
    assert times == sorted(times)
