"""
Recordings of a real kubelet as observations: the conformance traces, read into the recording's schema.

A trace holds list and watch of Pods and Events with arrival times in milliseconds since just before the Pod
was created. Its recorder's wall clock is not in it, so a header gets an arbitrary one: nothing may depend on
it.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parents[2] / "conformance"
VERSION = "v1.36.3"


def names(version: str = VERSION) -> list[str]:
    """The traces of one version of Kubernetes."""
    return sorted(
        path.name.removesuffix(".jsonl.gz") for path in (CORPUS / "traces" / version).glob("*.jsonl.gz")
    )


NAMES = names()

STARTED_AT = "2031-05-06T07:08:09.5Z"  # years off: the recorder's clock must be matched from evidence


def expected(name: str) -> dict[str, Any]:
    """What the trace was reduced to by the corpus' own tools."""
    return json.loads((CORPUS / "expected" / VERSION / f"{name}.json").read_text(encoding="utf-8"))


@cache
def observations(
    name: str, driver: str = "kind", version: str = VERSION
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and observations of one trace."""
    with gzip.open(CORPUS / "traces" / version / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
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


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as the node writes them, with nanoseconds."""
    whole = datetime.fromtimestamp(int(seconds), UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{int(seconds % 1 * 1e9):09d}Z"
