"""
Situations for ``podlab explain``: what was recorded of each, and what a helpful colleague would say of it.

    python tests/unit/timeline/situation_data.py                   # prints: true cause named / tried
    python tests/unit/timeline/situation_data.py --record CLUSTER  # provokes those with a manifest, keeps what is there

The list is ``data/situations.yaml``; its head says where the objects of each come from.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import podlab_traces as traces
import yaml

from podlab.timeline import Explanation, explain, explain_owner
from podlab.timeline.clocks import parse_s

if TYPE_CHECKING:
    from podlab.client import Client

DATA = Path(__file__).parent / "data"
WAIT_S = 120
GROUPS = {
    "job": "/apis/batch/v1",
    "deployment": "/apis/apps/v1",
    "statefulset": "/apis/apps/v1",
    "daemonset": "/apis/apps/v1",
}
KINDS = {"job": "Job", "deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}
VERSIONS = {KINDS[kind]: group.removeprefix("/apis/") for kind, group in GROUPS.items()}

Raw = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What was there when the situation held; *owner* is a Job or Deployment, None for a Pod alone."""

    pods: list[Raw]
    events: list[Raw]
    owner: Raw | None = None
    sets: list[Raw] = field(default_factory=list)

    def explained(self, now: float | None = None) -> Explanation:
        """What podlab says of it."""
        if self.owner is None:
            return explain(self.pods[0], self.events, now=now)
        return explain_owner(self.owner, self.pods, self.events, between=self.sets, now=now)


@cache
def catalogue() -> dict[str, Raw]:
    """The situations by name, those that are *like* another with its manifest and Pod."""
    rows = {
        row["name"]: row for row in yaml.safe_load((DATA / "situations.yaml").read_text(encoding="utf-8"))
    }
    for row in rows.values():
        if "like" in row:
            row["manifest"] = rows[row["like"]]["manifest"]
    return rows


def seen(row: Raw) -> Seen:
    """The objects of a situation."""
    if "trace" in row:
        return _of_trace(row["trace"], row["when"])
    if "objects" in row:
        given = row["objects"]
        pods = [given["pod"]] if "pod" in given else given.get("pods") or []
        return Seen(pods, given.get("events") or [], given.get("owner"), given.get("sets") or [])
    return Seen(**json.loads(_file(row).read_text(encoding="utf-8")))


def judged(row: Raw) -> tuple[bool, Explanation]:
    """Whether the true cause is named, in all three lines."""
    found = seen(row).explained(parse_s(row.get("now")))
    wanted = row["expect"]
    told = str(found)
    right = (
        wanted["what"] in found.what
        and wanted["why"] in found.why
        and wanted["try"] in found.hint
        and row.get("also", "") in (found.hint if wanted["try"] else told)
        and not ("without" in row and row["without"] in told)
        and found.well == row.get("well", False)
    )
    return right, found


# -- moments --------------------------------------------------------------------------------


def holds(when: str, pods: list[Raw], events: list[Raw]) -> bool:
    """Whether the objects are as *when* says; its parts are joined with ``&``."""
    return all(_holds(part.strip(), pods, events) for part in when.split("&"))


def _holds(when: str, pods: list[Raw], events: list[Raw]) -> bool:
    word, _, rest = when.partition(" ")
    statuses = [(pod, s) for pod in pods for key in ("initContainerStatuses", "containerStatuses")
                for s in (pod.get("status") or {}).get(key) or []]  # fmt: skip
    checks = {
        "waiting": lambda: any((s["state"].get("waiting") or {}).get("reason") == rest for _, s in statuses),
        "running": lambda: any(s["name"] == rest and "running" in s["state"] for _, s in statuses),
        "over": lambda: any(s["name"] == rest and "terminated" in s["state"] for _, s in statuses),
        "ended": lambda: any("terminated" in s["state"] for _, s in statuses)
        and any("running" in s["state"] for _, s in statuses),
        "restarted": lambda: any(s["restartCount"] for _, s in statuses),
        "phase": lambda: any((pod.get("status") or {}).get("phase") == rest for pod in pods),
        "deleted": lambda: any(pod["metadata"].get("deletionTimestamp") for pod in pods),
        "event": lambda: any(event["reason"] == rest for event in events),
        "condition": lambda: any(c["type"] == rest and (rest != "Ready" or c["status"] == "True") for pod in pods
                                 for c in (pod.get("status") or {}).get("conditions") or []),
        "runs-again": lambda: any("running" in s["state"] and s.get("lastState") for _, s in statuses),
        "unready": lambda: any(c["type"] == "Ready" and c["status"] != "True" for pod in pods
                               for c in (pod.get("status") or {}).get("conditions") or []),
        "last": lambda: True,
    }  # fmt: skip
    return bool(checks[word]())


def _of_trace(name: str, when: str) -> Seen:
    """The first moment of a real Pod's life that *when* accepts, with what had arrived by then."""
    pod: Raw | None = None
    events: dict[str, Raw] = {}
    for o in traces.observations(name)[1]:
        body = o.get("object") or {}
        if o.get("resource") == "events":
            events[body["metadata"]["uid"]] = body
        elif o.get("resource") == "pods" and o["type"] != "DELETED" and not _helps(body):
            pod = body
        mine = [] if pod is None else _about(pod, events.values())
        if pod is not None and when != "last" and holds(when, [pod], mine):
            return Seen([pod], mine)
    if pod is None or when != "last":
        raise AssertionError(f"{name}: at no time {when}")
    return Seen([pod], mine)


def _helps(pod: Raw) -> bool:
    return "conformance.example/helper" in (pod["metadata"].get("labels") or {})


def _about(pod: Raw, events: Any) -> list[Raw]:
    return [event for event in events if event["involvedObject"].get("uid") == pod["metadata"]["uid"]]


# -- recording --------------------------------------------------------------------------------


def _file(row: Raw) -> Path:
    return DATA / "situations" / f"{row['name'].lower().replace(' ', '-').replace(',', '')}.json"


def record(cluster: str, names: list[str]) -> int:
    """Provoke each situation in a namespace of its own, all at once, and keep what was there; how many failed."""
    from podlab import drivers

    client = drivers.need(cluster).client()
    rows = [row for row in catalogue().values() if "manifest" in row and (not names or row["name"] in names)]

    def one(numbered: tuple[int, Raw]) -> str:
        number, row = numbered
        try:
            _file(row).write_text(
                json.dumps(
                    _provoke(client, f"situation-{number}-{os.getpid()}", row | {"cluster": cluster}),
                    indent=1,
                )
                + "\n"
            )
        except Exception as error:
            return f"{row['name']}: {type(error).__name__}: {error}"
        return ""

    with ThreadPoolExecutor(8) as pool:
        failed = [text for text in pool.map(one, enumerate(rows)) if text]
    print("\n".join([*failed, f"recorded: {len(rows) - len(failed)} of {len(rows)}"]))
    return len(failed)


def _provoke(client: Client, space: str, row: Raw) -> Raw:
    client.create("/api/v1/namespaces", {"metadata": {"name": space, "labels": row.get("labels") or {}}})
    try:
        _wait_for(lambda: client.get(f"/api/v1/namespaces/{space}/serviceaccounts/default"), bool)
        node = client.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
        for body in json.loads(json.dumps(row["manifest"]).replace("NODE", node)):
            client.create(
                client.path_of(
                    {"apiVersion": VERSIONS.get(body["kind"], "v1"), **body}, space, collection=True
                ),
                body,
            )
        return _wait(client, space, row)
    finally:
        for pod in client.get(f"/api/v1/namespaces/{space}/pods")["items"]:
            path = f"/api/v1/namespaces/{space}/pods/{pod['metadata']['name']}"
            client.patch(
                path, {"metadata": {"finalizers": None}}, content_type="application/merge-patch+json"
            )
        client.delete(f"/api/v1/namespaces/{space}")


def _wait(client: Client, space: str, row: Raw) -> Raw:
    before = row.get("wait") or row["when"]
    if row.get("delete"):
        if "wait" in row:
            _wait_for(
                lambda: _look(client, space, row), lambda got: holds(before, got["pods"], got["events"])
            )
        time.sleep(3)
        for pod in client.get(f"/api/v1/namespaces/{space}/pods")["items"]:
            client.delete(f"/api/v1/namespaces/{space}/pods/{pod['metadata']['name']}")
    if row.get("lose_sandbox"):
        _wait_for(lambda: _look(client, space, row), lambda got: holds(before, got["pods"], got["events"]))
        _end_sandboxes(row["cluster"])
    if "wait_s" in row:
        time.sleep(row["wait_s"])
        return _look(client, space, row)
    _wait_for(lambda: _look(client, space, row), lambda got: holds(row["when"], got["pods"], got["events"]))
    time.sleep(1)  # Events come a moment after the state that they are about
    return _look(client, space, row)


def _end_sandboxes(cluster: str) -> None:
    """Kill what holds a sandbox open: the process /pause of a Pod that shares its processes, on an embedded cluster."""
    from podlab import drivers

    below = [str(pid) for one in drivers.statuses([cluster]) for pid in one.pids.values()]
    while below:
        pid = below.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            below += task.read_text().split()
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/pause"):
            os.kill(int(pid), signal.SIGKILL)


def _wait_for(look: Any, wanted: Any) -> Any:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            got = look()
            if wanted(got):
                return got
        except Exception as error:
            got = error
        if time.monotonic() > deadline:
            raise TimeoutError(str(got)[:300])
        time.sleep(0.1)


def _look(client: Client, space: str, row: Raw) -> Raw:
    def items(path: str) -> list[Raw]:
        return [_bare(item) for item in client.get(path)["items"]]

    base = f"/api/v1/namespaces/{space}"
    got: Raw = {"pods": items(f"{base}/pods"), "events": items(f"{base}/events")}
    kind, _, name = row.get("about", "pod/").partition("/")
    if kind != "pod":
        found = client.get(f"{GROUPS[kind]}/namespaces/{space}/{kind}s/{name}")
        got["owner"] = {**_bare(found), "kind": KINDS[kind]}
        got["sets"] = items(f"/apis/apps/v1/namespaces/{space}/replicasets") if kind == "deployment" else []
    return got


def _bare(body: Raw) -> Raw:
    body["metadata"].pop("managedFields", None)
    return body


def main() -> int:
    """Print the explanation of each situation with a wrong name, and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", metavar="CLUSTER")
    parser.add_argument("--all", action="store_true", help="print what is said of every situation")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.record:
        return record(args.record, args.names)
    rows = [row for row in catalogue().values() if not args.names or row["name"] in args.names]
    right = 0
    for row in rows:
        try:
            true, found = judged(row)
        except (AssertionError, OSError) as error:
            true, found = False, error  # type: ignore[assignment]
        right += true
        if args.all or not true:
            print(f"{'ok ' if true else 'NOT'} {row['name']}\n{found}\n")
    print(f"true cause named / tried: {right} / {len(rows)}")
    return 0 if right == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
