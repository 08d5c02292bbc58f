"""
Runs one schedule with our recorder, or with the ``kubernetes`` package's own watch loop, and judges what was kept.

A change is *missing* when the archive does not hold it. A missing change is *named* when the archive marks the
stretch of versions it lies in (ours: a gap; theirs: an exception that the caller saw). What is missing and not named
is *silent*: the reader of the archive cannot know.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watchserver import History, Schedule, WatchServer

from podlab.client import Client, Kubeconfig
from podlab.errors import WaitTimeoutError
from podlab.observe import Patience, Recorder, SharedWatch

PATIENCE = Patience(idle_s=0.15, settle_s=0.1, read_s=2.0, first_pause_s=0.01, longest_pause_s=0.1)
DEADLINE_S = 6.0


@dataclass
class Verdict:
    """What one run kept of the server's history."""

    seed: int
    faults: list[str]
    changes: int
    missing: int
    silent: int
    invented: int
    gaps: int
    lost: list[int] = field(default_factory=list)


def client_of(server: WatchServer) -> Client:
    """Return our client for a plain local server."""
    return Client(Kubeconfig(server.url, "test", "lab", {"server": server.url}, {}))


def judge(
    history: History, schedule: Schedule, seen: set[tuple[str, int]], named: list[tuple[int, int]]
) -> Verdict:
    """Compare what was kept with the truth; *named* holds (after, before] pairs of versions."""
    truth = {(change.uid, change.version) for change in history.changes}
    missing = sorted(version for _, version in truth - seen)
    silent = [version for version in missing if not any(low < version <= high for low, high in named)]
    return Verdict(
        schedule.seed,
        schedule.faults,
        len(truth),
        len(missing),
        len(silent),
        len(seen - truth),
        len(named),
        silent,
    )


def ours(seed: int, out: Path, *, changes: int = 60, seconds: float = 0.4, shared: bool = False) -> Verdict:
    """Record one schedule with ``Recorder``, with its own or a *shared* watch, and judge the file that it left."""
    history, schedule = History(seed, changes=changes), Schedule.of(seed)
    server = WatchServer(history, schedule, seconds=seconds)
    client, ending = client_of(server), ExitStack()
    try:
        watch = ending.enter_context(SharedWatch(client, patience=PATIENCE)) if shared else None
        recorder = Recorder(
            client, namespace="lab", out=out, logs=False, node=None, patience=PATIENCE, shared=watch
        )
        recorder.start()
        server.play()
        newest = history.changes[-1].version
        with suppress(WaitTimeoutError):  # a busy machine; what is missing then must still be named
            recorder.wait(
                lambda _: server.done and recorder.newest_version("pods") >= newest, deadline_s=DEADLINE_S
            )
    finally:
        recording = recorder.finish("closed")
        ending.close()
        server.close()
    seen, named = set[tuple[str, int]](), list[tuple[int, int]]()
    for one in recording.observations:
        if one["source"] in {"watch", "list"} and not one.get("vanished"):
            metadata = one["object"]["metadata"]
            seen.add((metadata["uid"], int(metadata["resourceVersion"])))
        elif one["source"] == "recorder" and one["event"] == "gap":
            named.append((int(one["after_version"]), int(one["before_version"] or 1 << 60)))
    return judge(history, schedule, seen, named)


def theirs(seed: int, *, changes: int = 60, seconds: float = 0.4) -> Verdict:
    """
    Watch one schedule with the ``kubernetes`` package, in the loop that its documentation shows.

    List, then ``Watch().stream`` from there; an exception is seen by the caller, who lists again: everything between
    the two is named. The run ends when all was seen, or at the deadline.
    """
    history, schedule = History(seed, changes=changes), Schedule.of(seed)
    server = WatchServer(history, schedule, seconds=seconds)
    seen, named, stop = set[tuple[str, int]](), list[tuple[int, int]](), threading.Event()
    thread = threading.Thread(target=_their_loop, args=(server, seen, named, stop), daemon=True)
    thread.start()
    time.sleep(0.05)
    server.play()
    truth, end_at = (
        {(change.uid, change.version) for change in history.changes},
        time.monotonic() + DEADLINE_S / 3,
    )
    while time.monotonic() < end_at and not truth <= seen:
        time.sleep(0.02)
    stop.set()
    verdict = judge(history, schedule, set(seen), list(named))
    server.close()
    thread.join(2)
    return verdict


def _their_loop(
    server: WatchServer, seen: set[tuple[str, int]], named: list[tuple[int, int]], stop: threading.Event
) -> None:
    import kubernetes

    api = kubernetes.client.CoreV1Api(
        kubernetes.client.ApiClient(kubernetes.client.Configuration(host=server.url))
    )
    newest = server.history.first
    failed = False

    def keep(pod: Any) -> None:
        nonlocal newest
        version = int(pod.metadata.resource_version)
        seen.add((pod.metadata.uid, version))
        newest = max(newest, version)

    while not stop.is_set():
        try:
            listing = api.list_namespaced_pod("lab")
            version = listing.metadata.resource_version
            if failed:
                named.append((newest, int(version)))
            for pod in listing.items:
                keep(pod)
            failed = False
            watch = kubernetes.watch.Watch()
            for event in watch.stream(api.list_namespaced_pod, "lab", resource_version=version):
                keep(event["object"])
                if stop.is_set():
                    return
        except Exception:  # whatever it is, the caller has seen it
            failed = True
            time.sleep(0.01)
