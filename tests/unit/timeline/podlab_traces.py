"""
Recordings of a real kubelet as observations: the conformance traces, read into the recording's schema.

A trace holds list and watch of Pods and Events with arrival times in milliseconds since just before the Pod
was created. Its recorder's wall clock is not in it, so a header gets an arbitrary one: nothing may depend on
it.
"""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
PLACES = [
    Path(os.environ["PODLAB_TRACES"]) if "PODLAB_TRACES" in os.environ else None,
    HERE.parents[2] / "conformance" / "v1.36.3",
    HERE.parents[4] / "shared" / "conformance" / "v1.36.3",
]
ROOT = next((p for p in PLACES if p is not None and (p / "traces").is_dir()), None)
NAMES = sorted(p.name.removesuffix(".jsonl.gz") for p in (ROOT / "traces").glob("*.jsonl.gz")) if ROOT else []

STARTED_AT = "2031-05-06T07:08:09.5Z"  # years off: the recorder's clock must be matched from evidence


def expected(name: str) -> dict[str, Any]:
    """What the trace was reduced to by the corpus' own tools."""
    assert ROOT is not None
    return json.loads((ROOT / "expected" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def observations(name: str, driver: str = "kind") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and observations of one trace."""
    assert ROOT is not None
    with gzip.open(ROOT / "traces" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        head, *records = (json.loads(line) for line in lines)
    header = {
        "kind": "podlab.recording", "schema": 1, "server": head["server"], "driver": driver,
        "started_at": STARTED_AT, "manifest": None,
    }  # fmt: skip
    found: list[dict[str, Any]] = [{"t": 0.0, "source": "recorder", "event": "apply"}]
    for record in records:
        found += _observation(record)
    found.append({"t": found[-1]["t"], "source": "recorder", "event": "end", "reason": "limit"})
    return header, found


def _observation(record: dict[str, Any]) -> list[dict[str, Any]]:
    t = record["t_ms"] / 1000
    if record["kind"] in ("pod", "event"):
        source = "list" if record["type"] == "LISTED" else "watch"
        resource = record["kind"] + "s"
        return [
            {
                "t": t,
                "source": source,
                "resource": resource,
                "type": record["type"],
                "object": record["object"],
            }
        ]
    if record["kind"] == "step":  # stamped when the answer had come; begun no earlier than it was due
        return [
            {"t": t, "sent_t": record["at_s"], "source": "recorder", "event": "step", "verb": record["verb"]}
        ]
    return []
