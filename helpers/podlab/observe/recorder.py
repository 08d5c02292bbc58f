"""
Records what happens to the Pods of a namespace: ``Recorder`` step by step, ``record`` in one call.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from podlab import manifests
from podlab.client import Client, resources
from podlab.errors import ConnectionLostError, PodlabError, WaitTimeoutError
from podlab.manifests import Manifest
from podlab.observe.goals import Goal, Until, belongs, expected_pods
from podlab.observe.logs import LogFollower, incarnations
from podlab.observe.nodes import NodeSource, node_clock
from podlab.observe.nodetime import NodeTime
from podlab.observe.recording import Recording
from podlab.observe.watching import Patience, Watcher
from podlab.observe.writing import Writer

_TICK_S = 0.02  # how often the latest Pods are looked at, however many WatchEvents came
_LONGEST_TICK_S = 0.5
_SETTLE_S = 0.15
_LONGEST_SETTLE_S = 1.0
_START_DEADLINE_S = 15.0
LOST_AFTER_S = 15.0  # without any answer of the server, a recording ends as "connection lost"

Given = str | Path | Manifest | dict[str, Any] | Sequence[Manifest | dict[str, Any]] | None


class Recorder:
    """
    A recording under way.

        with Recorder(client, namespace="lab", out=Path("run.jsonl")) as recorder:
            recorder.apply(manifest)
            recorder.wait("Ready", deadline_s=30)
            recorder.delete()
            recorder.wait("gone", deadline_s=60)
        recorder.recording

    Args:
        out: The file; None: a temporary one, removed when the Recording is forgotten.
        logs: Follow the log of each container of the Pods that appear.
        node: The node's own clock; "auto" looks for one, None does without.
        ask: Ask the node, when a container falls silent, whether it is over (see ``asking``), and for its time
            (``nodetime``); None: where the node's own clock is not to be had.
        pod: Record this Pod alone; default: all of the namespace.
        labels: Record the Pods with these labels alone, and what is said of them: a label selector.
        existing: Also write down, and follow, what was there before.
        on_observation: Called with each observation, in this thread, while it waits.

    Leaving the block ends the recording; an exception ends it as "interrupted" or "failed".
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        out: Path | None = None,
        logs: bool = True,
        node: NodeSource | Literal["auto"] | None = "auto",
        ask: bool | None = None,
        pod: str | None = None,
        labels: str | None = None,
        existing: bool = False,
        header: dict[str, Any] | None = None,
        on_observation: Callable[[dict[str, Any]], None] | None = None,
        patience: Patience | None = None,
        lost_after_s: float = LOST_AFTER_S,
    ) -> None:
        self.client, self.namespace = client, namespace
        self._pod, self._labels, self._existing, self._logs = pod, labels, existing, logs
        self._node = node_clock(client) if node == "auto" else node
        self._ask = self._node is None if ask is None else ask
        self._on_observation, self._patience, self._lost_after_s = (
            on_observation,
            patience or Patience(),
            lost_after_s,
        )
        self._extra, self._out = header or {}, out
        self.objects: list[dict[str, Any]] = []  # as stored by the server
        self._applied = False
        self._pods: dict[str, dict[str, Any]] = {}
        self._gone: set[str] = set()
        self._followers: dict[tuple[str, str], LogFollower] = {}
        self._times: dict[str, NodeTime] = {}
        self._changed = threading.Event()
        self._old_uids: set[str] = set()
        self.recording: Recording | None = None

    # -- begin and end ------------------------------------------------------------------------------------

    def start(self, given: Sequence[Manifest] = ()) -> Self:
        """
        Open the file and the watches; returns when nothing that happens from now on is missed.

        Raises:
            ConnectionLostError, ApiError: If the first lists cannot be had; no file is left.
        """
        version = self.client.version()
        header = {
            "server": version,
            "driver": "context",
            "cluster": self.client.context,
            "namespace": self.namespace,
            "manifest": [one.object for one in given] or None,
            **self._extra,
        }
        self._temporary = self._out is None
        path = self._out or _temporary_path()
        self.writer = Writer(path, header, keep=self._on_observation is not None)
        self._wake_read, self._wake_write = os.pipe()
        try:
            if self._node:
                self._node.start(self.writer, self._wake_read)
            # A recording of a manifest is of the Pods that come of it, not of those that happen to end nearby.
            strangers = set[bytes]() if given else None
            chosen = set[bytes]() if self._labels else None
            self._watchers = [
                self._watcher("pods", True, strangers, chosen),
                self._watcher("events", False, strangers, chosen),
            ]
            for watcher in self._watchers:
                watcher.start()
            self._await_lists()
        except BaseException:
            self._close_streams()
            self.writer.close()
            path.unlink(missing_ok=True)
            raise
        return self

    def _watcher(
        self, resource: str, keep: bool, strangers: set[bytes] | None, chosen: set[bytes] | None
    ) -> Watcher:
        params: dict[str, Any] = {}
        if self._labels and resource == "pods":
            params["labelSelector"] = self._labels
        if self._pod:
            field = "metadata.name" if resource == "pods" else "involvedObject.name"
            params["fieldSelector"] = f"{field}={self._pod}"
        return Watcher(
            self.client,
            resources.path(resource, self.namespace),
            resource,
            self.writer,
            self._wake_read,
            params=params,
            keep_objects=keep,
            existing=self._existing,
            strangers=strangers,
            chosen=chosen,
            changed=self._changed.set,
            patience=self._patience,
        )

    def _await_lists(self) -> None:
        end_at = time.monotonic() + min(_START_DEADLINE_S, self._lost_after_s)
        for watcher in self._watchers:
            if not watcher.ready.wait(max(0.0, end_at - time.monotonic())):
                raise ConnectionLostError(
                    f"the API server {self.client.server} did not list {watcher.resource} in time",
                    cause=f"namespace {self.namespace}",
                    hint="podlab status tells whether the cluster runs",
                )
            if watcher.failure:
                raise watcher.failure

    def finish(self, reason: str, **fields: Any) -> Recording:
        """End the recording for *reason*, after a last look at what the server lists, and return it."""
        try:
            if reason not in {"interrupted", "connection lost", "failed"}:
                self._settle()
        finally:
            self._close_streams()
            self.writer.end(reason, **fields)
            with suppress(PodlabError):
                self._drain()
        self.recording = Recording.read(self.writer.path)
        if self._temporary:
            self.recording.delete_when_forgotten()
        return self.recording

    def _settle(self) -> None:
        """Wait until nothing new comes, then compare with the server's lists."""
        end_at, lines = time.monotonic() + _LONGEST_SETTLE_S, -1
        while time.monotonic() < end_at and (lines != self.writer.lines or self._reading_ended_logs()):
            lines = self.writer.lines
            time.sleep(_SETTLE_S)
            self._look()
        for watcher in self._watchers:
            if not watcher.failure:
                watcher.verify()
        self._look()

    def _reading_ended_logs(self) -> bool:
        return any(follower.ended and follower.is_alive() for follower in self._followers.values())

    def _close_streams(self) -> None:
        threads: list[threading.Thread] = []
        for watcher in getattr(self, "_watchers", []):
            watcher.stop()
            threads.append(watcher)
        for follower in self._followers.values():
            follower.stopping.set()
            threads.append(follower)
        for node_time in self._times.values():
            node_time.stop()
            threads.append(node_time)
        os.write(self._wake_write, b"x")
        for thread in threads:
            if thread.ident:
                thread.join(5.0)
        if self._node:
            self._node.stop()
        # A stuck thread must not meet a reused descriptor.
        if not any(thread.is_alive() for thread in threads):
            os.close(self._wake_write)
            os.close(self._wake_read)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.recording is not None:
            return
        if kind is None:
            self.finish("closed")
        else:
            self.finish(
                "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed", error=str(error)[:500]
            )

    # -- what happens in between --------------------------------------------------------------------------

    def apply(self, given: Sequence[Manifest], *, checked: bool = False) -> list[dict[str, Any]]:
        """Create the objects and note the moment; see ``manifests.apply`` for *checked* and for what it raises."""
        self._look()
        self._old_uids = set(self._pods)
        before = self.writer.now()
        stored = manifests.apply(self.client, given, namespace=self.namespace, checked=checked)
        names = [
            {"kind": one.get("kind"), "name": one["metadata"]["name"], "uid": one["metadata"]["uid"]}
            for one in stored
        ]
        self.writer.mark("apply", objects=names, since_t=round(before, 6))
        self.objects += stored
        self._applied = True
        return stored

    def delete(self, *, grace_s: int | None = None) -> None:
        """Delete the applied objects (the recorded Pods, where nothing was applied) and note the moment."""
        objects = self.objects or list(self._counted().values())
        self.writer.mark("delete", objects=[one["metadata"]["name"] for one in objects], grace_s=grace_s)
        manifests.remove(
            self.client, [{"apiVersion": "v1", "kind": "Pod", **one} for one in objects], grace_s=grace_s
        )

    def step(self, text: str, **fields: Any) -> None:
        """Note that the experimenter did something now, such as killing a process."""
        self.writer.mark("step", text=text, **fields)

    def pods(self) -> list[dict[str, Any]]:
        """Return the latest state of each living Pod that counts."""
        self._look()
        return list(self._counted().values())

    def newest_version(self, resource: str) -> int:
        """Return the highest resourceVersion of *resource* that is written down or was listed."""
        return max(watcher.newest_version for watcher in self._watchers if watcher.resource == resource)

    def wait(self, until: Until, *, deadline_s: float) -> str:
        """
        Go on recording until *until* holds and return why the wait ended: "Ready", "gone", a phase, "condition".

        Raises:
            WaitTimeoutError: After *deadline_s*.
            ConnectionLostError: If the server answered nothing for ``lost_after_s``.
        """
        goal = Goal(until, expected_pods(self.objects))
        end_at = time.monotonic() + deadline_s
        while True:
            self._changed.clear()
            looked = time.thread_time()
            self._look()
            reason = goal.reached(self._counted(), self._gone)
            if reason:
                return reason
            self._check_contact()
            left_s = end_at - time.monotonic()
            if left_s <= 0:
                raise self._too_late(until, deadline_s)
            self._changed.wait(min(left_s, 0.25))
            # Only looking decodes Pods. Under a storm of changes it may take a fiftieth of the time, no more.
            pause_s = min(_LONGEST_TICK_S, max(_TICK_S, 49 * (time.thread_time() - looked)))
            time.sleep(min(pause_s, max(0.0, end_at - time.monotonic())))

    def _too_late(self, until: Until, deadline_s: float) -> WaitTimeoutError:
        states = [
            f"{one['metadata']['name']}: {(one.get('status') or {}).get('phase')}" for one in self.pods()
        ]
        return WaitTimeoutError(
            f"{until if isinstance(until, str) else 'the condition'} was not reached after {deadline_s:g} s",
            cause=", ".join(states) or "no Pods were seen",
            hint="read the Events in the recording, or give it a longer deadline",
        )

    def _check_contact(self) -> None:
        for watcher in self._watchers:
            if watcher.failure:
                raise watcher.failure
        silent_s = min(time.monotonic() - watcher.contact_at for watcher in self._watchers)
        down = not any(watcher.connected for watcher in self._watchers)
        if silent_s > self._lost_after_s and down:
            raise ConnectionLostError(
                f"the API server {self.client.server} stopped answering in the middle of the recording",
                cause=f"nothing was heard for {silent_s:.0f} s; {self.writer.path} is readable and says so",
                hint="podlab status tells whether the cluster runs",
            )

    # -- looking at the latest Pods -----------------------------------------------------------------------

    def _counted(self) -> dict[str, dict[str, Any]]:
        """Return the Pods that ``until`` is about: those of the applied objects, else all."""
        if not self._applied:
            return self._pods
        return {uid: pod for uid, pod in self._pods.items() if belongs(pod, self.objects)}

    def _look(self) -> None:
        for line in self._watchers[0].take_dirty():
            event = json.loads(line)
            pod, uid = event["object"], event["object"]["metadata"]["uid"]
            counts = not self._applied or belongs(pod, self.objects)
            if event["type"] == "DELETED":
                self._pods.pop(uid, None)
                if counts:
                    self._gone.add(uid)
            else:
                self._pods[uid] = pod
            self._follow(pod)
        self._drain()

    def _follow(self, pod: dict[str, Any]) -> None:
        runs = list(incarnations(pod))
        if self._node:
            self._node.see(pod["metadata"]["uid"])
            self._node.learn(runs)
        for run in runs if self._logs else ():
            follower = self._followers.get((run.pod_uid, run.container_id))
            if follower is None:
                node_time = self._time_of(str(pod["spec"].get("nodeName") or "")) if self._ask else None
                follower = LogFollower(
                    self.client, run, self.writer, self._wake_read, ask=self._ask, node_time=node_time
                )
                self._followers[run.pod_uid, run.container_id] = follower
                follower.start()
            elif run.ended:
                follower.ended, follower.superseded = True, run.previous

    def _time_of(self, node: str) -> NodeTime:
        """The one that asks this node for its time."""
        if node not in self._times:
            self._times[node] = NodeTime(self.client, node, self.writer)
            self._times[node].start()
        return self._times[node]

    def _drain(self) -> None:
        if self._on_observation:
            for line in self.writer.take():
                self._on_observation(json.loads(line))


def record(
    client: Client,
    manifest: Given,
    *,
    namespace: str,
    until: Until = "Ready",
    deadline_s: float = 60,
    delete_after_s: float | None = None,
    out: Path | None = None,
    logs: bool = True,
    node: NodeSource | Literal["auto"] | None = "auto",
    on_observation: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> Recording:
    """
    Apply *manifest*, record the life of its Pods, and return the recording.

    Args:
        manifest: Text, a path, objects, or None to record what happens to the Pods that are there.
        until: "Ready", a phase, "gone", or a function of the list of raw Pods. Pods that have finished end the
            recording too.
        deadline_s: The recording ends then at the latest, with the reason "deadline".
        delete_after_s: So long after *until* was reached (with until="gone": after the Pods were made), the objects
            are deleted, and the recording goes on until the Pods are gone.

    Raises:
        ManifestError, ConflictError, ApiError: The manifest was refused; nothing was made, no file is left.
        ConnectionLostError: The server stopped answering; ``error.recording`` holds what there is.
        KeyboardInterrupt: As pressed; the file ends with "interrupted".
    """
    given = _manifests(manifest)
    recorder = Recorder(
        client, namespace=namespace, out=out, logs=logs, node=node, on_observation=on_observation,
        existing=manifest is None, **options,
    )  # fmt: skip
    end_at = time.monotonic() + deadline_s
    manifests.validate(client, given, namespace=namespace)
    recorder.start(given)
    try:
        if given:
            recorder.apply(given, checked=True)
        reason = _run(recorder, until, end_at, delete_after_s)
    except KeyboardInterrupt:
        recorder.finish("interrupted")
        raise
    except ConnectionLostError as error:
        error.recording = recorder.finish("connection lost", error=error.summary)  # type: ignore[attr-defined]
        raise
    except BaseException as error:
        recorder.finish("failed", error=str(error)[:500])
        if given and not recorder.objects:
            recorder.writer.path.unlink(missing_ok=True)
        raise
    return recorder.finish(reason)


def _run(recorder: Recorder, until: Until, end_at: float, delete_after_s: float | None) -> str:
    def left_s() -> float:
        return max(0.0, end_at - time.monotonic())

    try:
        if delete_after_s is None:
            return recorder.wait(until, deadline_s=left_s())
        if until != "gone":
            recorder.wait(until, deadline_s=max(0.0, left_s() - delete_after_s))
        with suppress(WaitTimeoutError):
            recorder.wait("gone", deadline_s=min(delete_after_s, left_s()))
        recorder.delete()
        return recorder.wait("gone", deadline_s=left_s())
    except WaitTimeoutError:
        return "deadline"


def _manifests(given: Given) -> list[Manifest]:
    if given is None:
        return []
    if isinstance(given, str | Path):
        return manifests.load(given)
    rows: Iterable[Manifest | dict[str, Any]] = [given] if isinstance(given, Manifest | dict) else given
    return [one if isinstance(one, Manifest) else Manifest(one) for one in rows]


def _temporary_path() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="podlab-", suffix=".jsonl")
    os.close(descriptor)
    return Path(name)
