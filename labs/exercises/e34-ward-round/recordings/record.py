"""
Records the patients of lab 13 for this exercise, and keeps what a diagnosis needs: ``python record.py``.

The last state of each Pod, its Events and three log lines of each container stay; commands, probes and volumes go.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import podlab

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
from shorten import pod_name, shortened  # noqa: E402

CLINIC = HERE.parents[2] / "13-failure-clinic" / "manifests" / "clinic.yaml"
LINES = 3


def closed(observation: dict[str, Any]) -> dict[str, Any]:
    """Return the observation with nothing of the manifest but names, images and restart policies."""
    if pod_name(observation):
        spec = observation["object"]["spec"]
        for kind in ("initContainers", "containers"):
            for row in spec.get(kind, []):
                for key in set(row) - {"name", "image", "restartPolicy"}:
                    del row[key]
    return observation


def first_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first log lines of each container."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for each in lines:
        if each.get("source") == "log" and seen[each["pod"], each["container"]] < LINES:
            seen[each["pod"], each["container"]] += 1
            kept.append(each)
    return kept


def main() -> None:
    """Record until the slowest patient has shown what it has, delete patient-10 meanwhile, and write the rest."""
    lab = podlab.open(namespace="podlab-clinic")

    def leave() -> None:
        lab.wait_for_line("patient-10", "shop", event="sold")
        lab.delete("pod", "patient-10")

    until = lab.when("patient-01", container="shop", restarts=2) & lab.when("patient-11", phase="Failed")
    for pod, container in (("patient-07", "shop"), ("patient-08", "proxy"), ("patient-02", "prepare")):
        until &= lab.when(pod, container=container, restarts=2)
    lab.record_all(CLINIC, until=until & lab.when("patient-09", phase="Failed"), act=leave, show=False)
    assert lab.recording is not None
    text = Path(lab.recording.path).read_text("utf-8")
    lines = [json.loads(line) for line in text.split("\n") if line.strip()]
    kept = [*map(closed, shortened(lines)), *first_lines(lines)]
    (HERE / "clinic.jsonl").write_text("".join(json.dumps(each) + "\n" for each in kept), "utf-8")
    lab.close()


if __name__ == "__main__":
    main()
