"""Reduce recorded traces to what two clusters can be asked to agree on: no names, addresses or clock times.

    python normaliser.py                              # traces/v1.36.3/*.jsonl.gz -> expected/v1.36.3/*.json
    python normaliser.py --traces second --out second-json
    python normaliser.py --traces second --show sidecar-reverse-at-delete

What is kept of each pod: for every container the sequence of its states and its runs (one per instance, with
exit code, message, whole seconds run and waited), the sequences of phases, conditions and kubectl STATUS words,
how it ended, and the logs; of the namespace the events, in order of first appearance.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import pathlib
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import corpus

from podlab.pods.status import status_word

Json = dict[str, Any]
Clean = Callable[[str], str]

GROUPS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


NOISE = (
    "errored and resulted in unknown state",
    "failed to sync configmap cache",
    "failed to sync secret cache",
)
"""Texts of events that a busy machine makes and that say nothing about the pod: they are left out."""


def read(path: pathlib.Path) -> tuple[Json, list[Json]]:
    """The header and the records of a trace file."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            header, *records = (json.loads(line) for line in lines)
    except (OSError, EOFError, ValueError) as e:
        raise ValueError(f"{path.name}: not a trace: {e}") from e
    if header.get("kind") != "header":
        raise ValueError(f"{path.name}: the first line is no header")
    return header, records


def normalise(header: Json, records: list[Json]) -> Json:
    """The comparable part of a trace."""
    aliases = _aliases(records)
    clean = _cleaner(records, aliases)
    return {
        "scenario": header["scenario"],
        "server": header["server"],
        "pods": {alias: _pod(name, records, clean, header["server"]) for name, alias in aliases.items()},
        "events": _events(records, aliases, clean),
        "steps": [
            f"{r['verb']} at {r['at_s']:g} s: {clean(r['result'])}" for r in records if r["kind"] == "step"
        ],
        "workload": _workload(records),
    }


# ------------------------------------------------------------------------------------------ names and texts


def _watched(records: Iterable[Json], kind: str) -> list[Json]:
    return [r for r in records if r["kind"] == kind]


def _aliases(records: list[Json]) -> dict[str, str]:
    """Pod name -> stable name: itself, or for a generated name its owner's with a number in order of appearance."""
    aliases: dict[str, str] = {}
    for record in _watched(records, "pod"):
        meta = record["object"]["metadata"]
        if meta["name"] in aliases or corpus.HELPER_LABEL in (meta.get("labels") or {}):
            continue
        stem = meta.get("generateName")
        number = len(aliases) + 1
        aliases[meta["name"]] = f"pod-{number}" if stem else meta["name"]
    return aliases


def _cleaner(records: list[Json], aliases: dict[str, str]) -> Clean:
    """A function that replaces, in a text, what differs from one recording to the next."""
    exact: dict[str, str] = {}
    for record in _watched(records, "pod"):
        pod = record["object"]
        status = pod.get("status", {})
        exact[pod["metadata"]["namespace"]] = "NS"
        exact[pod["metadata"]["uid"]] = "UID"
        exact |= {a["ip"]: "POD_IP" for a in status.get("podIPs") or []}
        exact |= {a["ip"]: "NODE_IP" for a in status.get("hostIPs") or []}
        if pod["spec"].get("nodeName"):
            exact[pod["spec"]["nodeName"]] = "NODE"
        for owner in pod["metadata"].get("ownerReferences") or []:
            if owner["kind"] == "ReplicaSet":
                exact.setdefault(owner["name"], f"replicaset-{aliases.get(pod['metadata']['name'], '')[4:]}")
    exact |= {name: alias for name, alias in aliases.items() if name != alias}
    ordered = sorted(exact, key=len, reverse=True)

    def clean(text: str) -> str:
        for value in ordered:
            text = text.replace(value, exact[value])
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text.strip()

    return clean


_PATTERNS = [
    (re.compile(p), r)
    for p, r in [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"\b[0-9a-f]{64}\b", "ID"),
        (r"kube-api-access-\w{5}", "kube-api-access-X"),
        (r"tcp \S+?:\d+->", "tcp SOURCE->"),
        (r'(Failed to pull image "[^"]+": ).*', r"\1WHY"),
        (r"(ErrImagePull: ).*", r"\1WHY"),
        (r"^(failed to pull and unpack image|rpc error: .*pull).*", "WHY"),
        (r"in [\d.]+m?s \([\d.]+m?s including waiting\)", "in T (T including waiting)"),
        (r"Image size: \d+ bytes", "Image size: N bytes"),
        # A refused WebSocket: what the client adds of headers differs from server to server.
        (r"Handshake status \d+ .* -\+-\+- ", ""),
    ]
]


# ------------------------------------------------------------------------------------------ one pod


def _pod(name: str, records: list[Json], clean: Clean, server: str) -> Json:
    seen = [r for r in _watched(records, "pod") if r["object"]["metadata"]["name"] == name]
    objects = [r["object"] for r in seen]
    return {
        "containers": _containers(seen, clean),
        "phases": _sequence(_phase(o, clean) for o in objects),
        "conditions": _conditions(objects, clean),
        "status": _sequence(status_word(o, server) for o in objects),
        "end": "deleted" if seen[-1]["type"] == "DELETED" else "present",
        "logs": _logs(name, records, clean),
    }


def _sequence(values: Iterable[str]) -> list[str]:
    """The values without immediate repetitions."""
    result: list[str] = []
    for value in values:
        if not result or result[-1] != value:
            result.append(value)
    return result


def _phase(pod: Json, clean: Clean) -> str:
    """``Running``, ``Failed DeadlineExceeded: …``; ``(terminating)`` when a deletion is under way."""
    status = pod.get("status", {})
    text = status.get("phase", "none")
    if status.get("reason"):
        text += f" {status['reason']}"
    if status.get("message"):
        text += f": {clean(status['message'])}"
    return text + (" (terminating)" if pod["metadata"].get("deletionTimestamp") else "")


def _conditions(pods: list[Json], clean: Clean) -> dict[str, list[str]]:
    """Condition type -> sequence of ``status reason: message``."""
    found: dict[str, list[str]] = {}
    for pod in pods:
        for condition in pod.get("status", {}).get("conditions") or []:
            text = condition["status"]
            if condition.get("reason"):
                text += f" {condition['reason']}"
            if condition.get("message"):
                text += f": {clean(condition['message'])}"
            found.setdefault(condition["type"], []).append(text)
    return {kind: _sequence(values) for kind, values in sorted(found.items())}


def _containers(seen: list[Json], clean: Clean) -> dict[str, Json]:
    """Container name -> kind, states with the arrival time of each, messages of waiting, and runs."""
    result: dict[str, Json] = {}
    for record in seen:
        pod = record["object"]
        for spec_key, status_key in GROUPS:
            for container in pod["spec"].get(spec_key) or []:
                entry = result.setdefault(
                    container["name"],
                    {
                        "kind": _kind(spec_key, container),
                        "states": [],
                        "t_ms": [],
                        "waiting": [],
                        "instances": {},
                    },
                )
            for status in pod.get("status", {}).get(status_key) or []:
                entry = result[status["name"]]
                text = state_text(status)
                if not entry["states"] or entry["states"][-1] != text:
                    entry["states"].append(text)
                    entry["t_ms"].append(record["t_ms"])
                _note_waiting(entry["waiting"], status, clean)
                _note_instances(entry["instances"], status)
    for entry in result.values():
        entry["runs"] = _runs(entry.pop("instances"), clean)
    return result


def _kind(spec_key: str, container: Json) -> str:
    if spec_key == "initContainers":
        return "sidecar" if container.get("restartPolicy") == "Always" else "init"
    return "app" if spec_key == "containers" else "ephemeral"


def state_text(status: Json) -> str:
    """A container status in one line, as ``terminated Error/1 r2 unstarted unready last=Error/1``."""
    parts = [
        _state(status.get("state") or {}),
        f"r{status.get('restartCount', 0)}",
        "started" if status.get("started") else "unstarted",
        "ready" if status.get("ready") else "unready",
    ]
    if status.get("lastState"):
        parts.append("last=" + _state(status["lastState"]).removeprefix("terminated "))
    return " ".join(parts)


def _state(state: Json) -> str:
    if not state:
        return "none"
    kind, value = next(iter(state.items()))
    if kind == "terminated":
        return f"terminated {value.get('reason')}/{value.get('exitCode')}"
    return f"{kind} {value['reason']}" if value and value.get("reason") else kind


def _note_waiting(waiting: list[str], status: Json, clean: Clean) -> None:
    value = (status.get("state") or {}).get("waiting") or {}
    if value.get("message"):
        text = f"{value.get('reason')}: {clean(value['message'])}"
        if text not in waiting:
            waiting.append(text)


def _note_instances(instances: dict[str, Json], status: Json) -> None:
    """Keep the newest that is known of each instance (by container ID) of a container."""
    for key in ("lastState", "state"):
        for kind, value in (status.get(key) or {}).items():
            if kind == "waiting" or not value:
                continue
            identity = value.get("containerID") or (
                status.get("containerID") if kind == "running" else f"lost-{status['restartCount']}"
            )
            if kind == "terminated" or identity not in instances:
                instances[identity] = {"kind": kind, **value}


def _runs(instances: dict[str, Json], clean: Clean) -> list[Json]:
    """The instances of a container in order of start: how each ended, how long it ran, and the wait before."""
    # One without a start was lost: it goes last.
    ordered = sorted(instances.values(), key=lambda i: _time(i.get("startedAt")) or float("inf"))
    runs, before = [], None
    for instance in ordered:
        started, finished = _time(instance.get("startedAt")), _time(instance.get("finishedAt"))
        run: Json = {"end": "running"}
        if instance["kind"] == "terminated":
            run = {"end": f"{instance.get('reason')}/{instance.get('exitCode')}"}
            if started > 0:
                run["ran_s"] = round(finished - started)
            if instance.get("message"):
                run["message"] = clean(instance["message"])
        if before is not None and started > 0:
            run["wait_s"] = round(started - before)
        before = finished or before
        runs.append(run)
    return runs


def _time(text: str | None) -> float:
    """Seconds of an API time, 0 if there is none (the API also writes year 1 or 1970 for 'none')."""
    if not text:
        return 0.0
    value = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return value.timestamp() if value.year > 1970 else 0.0


def _logs(name: str, records: list[Json], clean: Clean) -> dict[str, str]:
    """Container -> the last log that the server gave for it (an error only if there was nothing else)."""
    logs: dict[str, str] = {}
    for record in _watched(records, "logs"):
        if record["pod"] != name:
            continue
        text = clean(record["text"])
        if not (text.startswith("HTTP ") and record["container"] in logs):
            logs[record["container"]] = text
    return logs


# ------------------------------------------------------------------------------------------ events, workload


def _events(records: list[Json], aliases: dict[str, str], clean: Clean) -> list[Json]:
    """Events about the pods and their workload, equal ones merged, in order of first appearance."""
    counts: dict[tuple[str, ...], dict[str, int]] = {}
    for record in _watched(records, "event"):
        event = record["object"]
        about = event["involvedObject"]
        if record["type"] == "DELETED" or (about["kind"] == "Pod" and about["name"] not in aliases):
            continue
        if any(text in (event.get("message") or "") for text in NOISE):
            continue
        key = (
            about["kind"],
            aliases.get(about["name"], about["name"]),
            event["type"],
            event["reason"],
            about.get("fieldPath") or "",
            clean(event.get("message") or ""),
        )
        if about["kind"] == "ReplicaSet":
            key = (key[0], "", *key[2:])
        count = event.get("count") or (event.get("series") or {}).get("count") or 1
        by_object = counts.setdefault(key, {})
        name = event["metadata"]["name"]
        by_object[name] = max(by_object.get(name, 0), count)
    fields = ("kind", "name", "type", "reason", "fieldPath", "message")
    return [
        {**dict(zip(fields, key, strict=True)), "count": sum(by_object.values())}
        for key, by_object in counts.items()
    ]


def _workload(records: list[Json]) -> Json:
    """The conditions of a Job, Deployment or DaemonSet as they came, its last counts, and which indexes completed."""
    seen = _watched(records, "workload")
    if not seen:
        return {}
    conditions: list[str] = []
    for record in seen:
        for condition in record["object"].get("status", {}).get("conditions") or []:
            text = f"{condition['type']}={condition['status']} {condition.get('reason', '')}".strip()
            if text not in conditions:
                conditions.append(text)
    last = seen[-1]["object"].get("status", {})
    counts = {
        k: v
        for k, v in last.items()
        if k == "completedIndexes" or (isinstance(v, int) and k != "observedGeneration")
    }
    return {"conditions": conditions, "counts": counts}


# ------------------------------------------------------------------------------------------ command line


def write(path: pathlib.Path, document: Json) -> None:
    """Write a normalised trace, one value a line so that a difference is easy to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Normalise a folder of traces."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=pathlib.Path, default=corpus.TRACES)
    parser.add_argument("--out", type=pathlib.Path, default=corpus.EXPECTED)
    parser.add_argument("--show", metavar="NAME", help="print this one instead of writing files")
    args = parser.parse_args(argv)
    if args.show:
        print(
            json.dumps(normalise(*read(args.traces / f"{args.show}.jsonl.gz")), indent=1, ensure_ascii=False)
        )
        return 0
    paths = sorted(args.traces.glob("*.jsonl.gz"))
    for path in paths:
        write(args.out / f"{path.name.removesuffix('.jsonl.gz')}.json", normalise(*read(path)))
    print(f"{len(paths)} traces normalised")
    return 0


if __name__ == "__main__":
    sys.exit(main())
