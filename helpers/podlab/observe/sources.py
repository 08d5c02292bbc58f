"""
The sources of a recording: two watches, a follower for the log of each run, and the node's clock.

Where labels choose the Pods, no selector names the Events of all of them. So each chosen Pod has a watch of its own
Events, once it is seen: a busy namespace then costs no more than a quiet one. Of many chosen Pods, the Events of the
namespace are watched and sorted out here.

Each is a thread that writes its observations by itself; the recorder starts and ends them, and looks at what the
watch of Pods has brought.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from podlab.client import Client, resources
from podlab.errors import ConnectionLostError
from podlab.observe.goals import Family
from podlab.observe.logfollower import LogFollower, incarnations
from podlab.observe.nodesources import NodeSource
from podlab.observe.nodetime import NodeTime
from podlab.observe.selection import Selection
from podlab.observe.sharing import START_DEADLINE_S, SharedWatch, WatchShare, await_lists
from podlab.observe.watching import Patience, Watcher
from podlab.observe.writing import Writer

_OWN_WATCHES = 12  # so many chosen Pods have a watch of Events each; those of more come from the namespace's


class Sources:
    """
    The threads that observe.

    Args:
        writer: Takes the observations.
        logs, node, ask, pod, labels, existing, shared: As the ``Recorder`` has them.
        lost_after_s: Without any answer of the server for so long, the connection counts as lost.

    Attributes:
        changed: Set when the watch of Pods has brought something.
    """

    def __init__(
        self,
        client: Client,
        writer: Writer,
        *,
        namespace: str,
        logs: bool,
        node: NodeSource | None,
        ask: bool,
        pod: str | None,
        labels: str | None,
        existing: bool,
        shared: SharedWatch | None,
        patience: Patience,
        lost_after_s: float,
    ) -> None:
        self._client, self._writer, self._namespace = client, writer, namespace
        self._logs, self._node, self._ask = logs, node, ask
        self._pod, self._labels, self._existing = pod, labels, existing
        self._shared, self._patience, self._lost_after_s = shared, patience, lost_after_s
        self.changed = threading.Event()
        self._watchers: list[Watcher | WatchShare] = []
        self._followers: dict[tuple[str, str], LogFollower] = {}
        self._times: dict[str, NodeTime] = {}
        self._chosen: set[bytes] = set()
        self._beyond: set[bytes] = set()  # those without a watch of their own Events
        self._wake_read, self._wake_write = os.pipe()

    # -- begin and end ------------------------------------------------------------------------------------

    def start(self, *, of_manifest: bool, family: Family | None = None) -> None:
        """
        Open the watches; returns when nothing that happens from now on is missed.

        Args:
            of_manifest: Leave out Pods that end nearby and are not of the applied objects.
            family: What these make; leave out Pods that others make meanwhile.

        Raises:
            ConnectionLostError, ApiError: If the first lists cannot be had; call ``close`` then.
        """
        if self._node:
            self._node.start(self._writer, self._wake_read)
        strangers = set[bytes]() if of_manifest else None
        self._watchers = [self._watcher("pods", Selection(strangers, family))]
        if self._shared or not self._labels:
            self._watchers.append(self._watcher("events", Selection(strangers, family)))
        for watcher in self._watchers:
            watcher.start()
        deadline_s = min(START_DEADLINE_S, self._lost_after_s)
        await_lists(self._watchers, self._client, self._namespace, deadline_s)

    def _watcher(
        self,
        resource: str,
        selection: Selection | None = None,
        *,
        uid: str = "",
    ) -> Watcher | WatchShare:
        if self._shared:
            return self._shared.part(resource, self._namespace, self._writer, self.changed.set)
        return Watcher(
            self._client,
            resources.path(resource, self._namespace),
            resource,
            self._writer,
            self._wake_read,
            params=self._selected(resource, uid),
            keep_objects=resource == "pods",
            existing=self._existing or (resource == "events" and bool(self._labels)),
            selection=selection,
            changed=self.changed.set,
            patience=self._patience,
        )

    def _selected(self, resource: str, uid: str) -> dict[str, str]:
        """Return the selector that the server is asked by; *uid* is that of the Pod whose Events are watched alone."""
        if uid:
            return {"fieldSelector": f"involvedObject.uid={uid}"}
        if self._pod:
            field = "metadata.name" if resource == "pods" else "involvedObject.name"
            return {"fieldSelector": f"{field}={self._pod}"}
        return {"labelSelector": self._labels} if self._labels and resource == "pods" else {}

    def _watch_events_of(self, uid: str) -> None:
        """Watch the Events of a Pod that labels chose; existing Events are listed first."""
        if uid.encode() in self._chosen:
            return
        self._chosen.add(uid.encode())
        watcher = None
        if len(self._chosen) <= _OWN_WATCHES:
            watcher = self._watcher("events", uid=uid)
        else:
            if not self._beyond:
                watcher = self._watcher("events", Selection(chosen=self._beyond))
            self._beyond.add(uid.encode())
        if watcher is not None:
            self._watchers.append(watcher)
            watcher.start()

    def close(self) -> None:
        """End all threads, and wait up to 5 s for each."""
        threads: list[threading.Thread] = []
        for watcher in self._watchers:
            watcher.stop()
            if isinstance(watcher, Watcher):
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

    # -- while it runs --------------------------------------------------------------------------------------

    def take_dirty(self) -> list[bytes]:
        """Return the newest WatchEvent of each Pod that changed since the last call."""
        return self._watchers[0].take_dirty()

    def verify(self) -> None:
        """Compare what was written with the server's lists."""
        for watcher in self._watchers:
            watcher.ready.wait(START_DEADLINE_S)  # that of a Pod that was seen last may be listing still
            if not watcher.failure:
                watcher.verify()

    def newest_version(self, resource: str) -> int:
        """Return the highest resourceVersion of *resource* that is written down or was listed."""
        return max(
            (watcher.newest_version for watcher in self._watchers if watcher.resource == resource), default=0
        )

    def reading_ended_logs(self) -> bool:
        """Return whether the log of an ended run is still being read."""
        return any(follower.ended and follower.is_alive() for follower in self._followers.values())

    def check_contact(self) -> None:
        """
        Make sure that a watch stands or the server answered not long ago.

        Raises:
            ConnectionLostError: Neither.
            PodlabError: What ended a watch for good.
        """
        for watcher in self._watchers:
            if watcher.failure:
                raise watcher.failure
        silent_s = min(time.monotonic() - watcher.contact_at for watcher in self._watchers)
        down = not any(watcher.connected for watcher in self._watchers)
        if silent_s > self._lost_after_s and down:
            raise ConnectionLostError(
                f"the API server {self._client.server} stopped answering in the middle of the recording",
                cause=f"it sent nothing for {silent_s:.0f} s; {self._writer.path} is readable and says so",
                hint="podlab status shows whether the cluster is running",
            )

    def follow(self, pod: dict[str, Any]) -> None:
        """Follow the logs of the runs that *pod* has, those that are followed already left alone."""
        runs = list(incarnations(pod))
        if self._labels and not self._shared:
            self._watch_events_of(str(pod["metadata"]["uid"]))
        if self._node:
            self._node.see(pod["metadata"]["uid"])
            self._node.learn(runs)
        for run in runs if self._logs else ():
            follower = self._followers.get((run.pod_uid, run.container_id))
            if follower is None:
                node_time = self._time_of(str(pod["spec"].get("nodeName") or "")) if self._ask else None
                follower = LogFollower(
                    self._client, run, self._writer, self._wake_read, ask=self._ask, node_time=node_time
                )
                self._followers[run.pod_uid, run.container_id] = follower
                follower.start()
            elif run.ended:
                follower.ended, follower.superseded = True, run.previous

    def _time_of(self, node: str) -> NodeTime:
        """Return the one that asks this node for its time."""
        if node not in self._times:
            self._times[node] = NodeTime(self._client, node, self._writer)
            self._times[node].start()
        return self._times[node]
