"""
Shortens a recording for an exercise: the last state of each Pod, its Events, and the recorder's own lines.

    podlab record pod.yaml --until Succeeded --out long.jsonl
    python labs/exercises/shorten.py long.jsonl labs/exercises/e26-what-is-certain/recordings/certain.jsonl

What is left out is left out whole: the node's clock, log lines and earlier states. Nothing that stays is changed, but
fields of a Pod that no timeline reads (volumes, tolerations, token mounts) are dropped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RawObject = dict[str, Any]
SPEC = ("initContainers", "containers", "restartPolicy", "nodeName")
CONTAINER = ("name", "image", "command", "args", "restartPolicy", "startupProbe")
STATUS = ("phase", "conditions", "startTime", "podIP", "initContainerStatuses", "containerStatuses")
HEADER = ("kind", "schema", "podlab", "server", "driver", "started_at")


def shortened(lines: list[RawObject]) -> Iterator[RawObject]:
    """Yield the header, then what stays, in the order of the recording."""
    header, observations = lines[0], lines[1:]
    yield {key: header[key] for key in HEADER}
    last = {pod_name(each): number for number, each in enumerate(observations) if pod_name(each)}
    events = {event_id(each): number for number, each in enumerate(observations) if event_id(each)}
    kept = {*last.values(), *events.values()}
    for number, each in enumerate(observations):
        if number in kept:
            yield {**each, "object": bare(each["object"]) if pod_name(each) else each["object"]}
        elif each.get("source") == "recorder":
            yield each


def pod_name(observation: RawObject) -> str:
    """Return the name of the Pod whose state this is; empty for other observations and for its deletion."""
    is_state = observation.get("resource") == "pods" and observation.get("type") != "DELETED"
    return str(observation["object"]["metadata"]["name"]) if is_state else ""


def event_id(observation: RawObject) -> str:
    """Return the uid of the Event; empty for other observations."""
    return str(observation["object"]["metadata"]["uid"]) if observation.get("resource") == "events" else ""


def bare(pod: RawObject) -> RawObject:
    """Return the Pod without the fields that no timeline reads."""
    spec = {key: pod["spec"][key] for key in SPEC if key in pod["spec"]}
    for key in ("initContainers", "containers"):
        if key in spec:
            spec[key] = [{name: row[name] for name in CONTAINER if name in row} for row in spec[key]]
    status = {key: pod["status"][key] for key in STATUS if key in pod["status"]}
    for key in ("initContainerStatuses", "containerStatuses"):
        if key in status:
            status[key] = [{name: value for name, value in row.items() if name not in ("volumeMounts", "resources")}
                           for row in status[key]]  # fmt: skip
    return {**pod, "spec": spec, "status": status}


def main(source: str, target: str) -> None:
    """Read *source*, write *target*."""
    lines = [json.loads(line) for line in Path(source).read_text("utf-8").splitlines() if line.strip()]
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text("".join(json.dumps(each) + "\n" for each in shortened(lines)), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
