"""
Situations for ``podlab explain``: what was recorded of each, and what a helpful colleague would say of it.

    python tests/unit/timeline/situation_data.py                   # prints: true cause named / tried
    python tests/unit/timeline/situation_data.py --record CLUSTER  # provokes those with a manifest, keeps what is there

The list is ``data/situations.yaml``; its head says where the objects of each come from.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import podlab_traces as traces
import yaml

from podlab.timeline import Explanation, explain, explain_owner
from podlab.timeline.clocks import parse_s

DATA = Path(__file__).parent / "data"

Raw = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What was there when the situation held; *owner* is a Job or Deployment, None for a Pod alone."""

    pods: list[Raw]
    events: list[Raw]
    owner: Raw | None = None
    sets: list[Raw] = field(default_factory=list)
    now: float | None = None

    def explained(self, now: float | None = None) -> Explanation:
        """What podlab says of it."""
        now = self.now if now is None else now
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
    if written(row):
        given = row["objects"]
        pods = [given["pod"]] if "pod" in given else given.get("pods") or []
        return Seen(pods, given.get("events") or [], given.get("owner"), given.get("sets") or [])
    return Seen(**json.loads(file_of(row).read_text(encoding="utf-8")))


def file_of(row: Raw) -> Path:
    """Where the recording of a situation is."""
    return DATA / "situations" / f"{row['name'].lower().replace(' ', '-').replace(',', '')}.json"


def written(row: Raw) -> bool:
    """Whether its objects are those of the list, not of a recording."""
    return "objects" in row and not file_of(row).exists()


def origin(row: Raw) -> str:
    """Where the objects of a situation come from."""
    if "trace" in row:
        return "from the life of a Pod that a real kubelet ran"
    return "written in the words of its source" if written(row) else "provoked on a cluster and recorded"


def judged(row: Raw) -> tuple[bool, Explanation]:
    """Whether the true cause is named, in all three lines."""
    found = seen(row).explained(parse_s(row.get("now") if written(row) or "trace" in row else None))
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


def holds(when: str, pods: list[Raw], events: list[Raw], owner: Raw | None = None) -> bool:
    """Whether the objects are as *when* says; its parts are joined with ``&``."""
    return all(_holds(part.strip(), pods, events, owner) for part in when.split("&"))


def _holds(when: str, pods: list[Raw], events: list[Raw], owner: Raw | None) -> bool:
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
        "status": lambda: rest in json.dumps((owner or {}).get("status") or {}),
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


def main() -> int:
    """Print the explanation of each situation with a wrong name, and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", metavar="CLUSTER")
    parser.add_argument("--all", action="store_true", help="print what is said of every situation")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.record:
        from situation_recorder import record

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
    for text, number in Counter(map(origin, rows)).most_common():
        print(f"  {number:3} {text}")
    for row in rows:
        if written(row):
            print(
                f"      {row['name']}: {row.get('unrecorded', 'has steps, by which --record can provoke it')}"
            )
    return 0 if right == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
