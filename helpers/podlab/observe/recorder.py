"""
Records what happens to the Pods of a namespace: ``Recorder``, step by step.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from podlab import manifests
from podlab.client import Client
from podlab.errors import PodlabError, WaitTimeoutError
from podlab.manifests import Manifest
from podlab.observe.goals import Goal, Until, expected_pods, family
from podlab.observe.latest import LatestPods
from podlab.observe.nodesources import NodeSource, node_clock
from podlab.observe.recording import Recording
from podlab.observe.sharing import SharedWatch
from podlab.observe.sources import Sources
from podlab.observe.watching import Patience
from podlab.observe.writing import Writer

_TICK_S = 0.02  # how often the latest Pods are looked at, however many WatchEvents came
_LONGEST_TICK_S = 0.5
_SETTLE_S = 0.15
_LONGEST_SETTLE_S = 1.0
LOST_AFTER_S = 15.0  # without any answer of the server, a recording ends as "connection lost"


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
        ask: Ask the node, when a container falls silent, whether it is over (see ``logend``), and for its time
            (``nodetime``); None: where the node's own clock is not to be had.
        pod: Record this Pod alone; default: all of the namespace.
        labels: Record the Pods with these labels alone, and what is said of them: a label selector.
        existing: Also write down, and follow, what was there before.
        others: Also Pods that others make during the recording of a manifest.
        shared: The watch to take part in, in place of an own one; for a whole namespace in which nothing is yet.
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
        others: bool = False,
        shared: SharedWatch | None = None,
        header: dict[str, Any] | None = None,
        on_observation: Callable[[dict[str, Any]], None] | None = None,
        patience: Patience | None = None,
        lost_after_s: float = LOST_AFTER_S,
    ) -> None:
        self.client, self.namespace = client, namespace
        self._pod, self._labels, self._existing, self._logs = pod, labels, existing, logs
        self._shared, self._others = shared, others
        if node == "auto":
            node = shared.node_source() if shared else node_clock(client)
        self._node = node
        self._ask = self._node is None if ask is None else ask
        self._on_observation, self._patience, self._lost_after_s = (
            on_observation,
            patience or Patience(),
            lost_after_s,
        )
        self._extra, self._out = header or {}, out
        self._latest = LatestPods()
        self.recording: Recording | None = None

    # -- begin and end ------------------------------------------------------------------------------------

    def start(self, given: Sequence[Manifest] = ()) -> Self:
        """
        Open the file and the watches; returns when nothing that happens from now on is missed.

        Raises:
            ConnectionLostError, ApiError: If the first lists cannot be had; no file is left.
        """
        version = self._shared.version if self._shared else self.client.version()
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
        self._sources = Sources(
            self.client,
            self.writer,
            namespace=self.namespace,
            logs=self._logs,
            node=self._node,
            ask=self._ask,
            pod=self._pod,
            labels=self._labels,
            existing=self._existing,
            shared=self._shared,
            patience=self._patience,
            lost_after_s=self._lost_after_s,
        )
        try:
            # A recording of a manifest is of the Pods that come of it, not of those that happen to end nearby.
            objects = [one.object for one in given]
            self._sources.start(of_manifest=bool(given), family=None if self._others else family(objects))
        except BaseException:
            self._sources.close()
            self.writer.close()
            path.unlink(missing_ok=True)
            raise
        return self

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The applied objects, as the server stored them."""
        return self._latest.objects

    def finish(self, reason: str, **fields: Any) -> Recording:
        """End the recording for *reason*, after a last look at what the server lists, and return it."""
        try:
            if reason not in {"interrupted", "connection lost", "failed"}:
                self._settle()
        finally:
            self._sources.close()
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
        while time.monotonic() < end_at and (
            lines != self.writer.lines or self._sources.reading_ended_logs()
        ):
            lines = self.writer.lines
            time.sleep(_SETTLE_S)
            self._look()
        self._sources.verify()
        self._look()

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
        before = self.writer.now()
        stored = manifests.apply(self.client, given, namespace=self.namespace, checked=checked)
        names = [
            {"kind": one.get("kind"), "name": one["metadata"]["name"], "uid": one["metadata"]["uid"]}
            for one in stored
        ]
        self.writer.mark("apply", objects=names, since_t=round(before, 6))
        self._latest.applied(stored)
        return stored

    def delete(self, *, grace_s: int | None = None) -> None:
        """Delete the applied objects (the recorded Pods, where nothing was applied) and note the moment."""
        objects = self.objects or list(self._latest.counted().values())
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
        return list(self._latest.counted().values())

    def newest_version(self, resource: str) -> int:
        """Return the highest resourceVersion of *resource* that is written down or was listed."""
        return self._sources.newest_version(resource)

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
            self._sources.changed.clear()
            looked = time.thread_time()
            self._look()
            reason = goal.reached(self._latest.counted(), self._latest.gone)
            if reason:
                return reason
            self._sources.check_contact()
            left_s = end_at - time.monotonic()
            if left_s <= 0:
                raise self._too_late(until, deadline_s)
            self._sources.changed.wait(min(left_s, 0.25))
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

    # -- looking at the latest Pods -----------------------------------------------------------------------

    def _look(self) -> None:
        for line in self._sources.take_dirty():
            self._sources.follow(self._latest.take(json.loads(line)))
        self._drain()

    def _drain(self) -> None:
        if self._on_observation:
            for line in self.writer.take():
                self._on_observation(json.loads(line))


def _temporary_path() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="podlab-", suffix=".jsonl")
    os.close(descriptor)
    return Path(name)
