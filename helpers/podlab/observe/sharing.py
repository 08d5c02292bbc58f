"""
One watch of Pods and one of Events, for many recordings at once: each gets the lines of its own namespace.

A recording that watches for itself costs the API server two lists, two watches and a list for every quiet ten seconds.
A grading has many recordings side by side, each of a namespace that was made for it; they take part in one watch of
all namespaces instead. It is the same ``Watcher``, with the same lists, reconnects and gaps. A ``WatchShare`` has the
watcher's interface, so a recorder does not know the difference.

Needs the right to list and watch Pods and Events of all namespaces.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from podlab.client import Client, resources
from podlab.errors import ConnectionLostError, PodlabError, RecordingError
from podlab.observe.heads import read_head
from podlab.observe.nodesources import NodeSource, node_clock
from podlab.observe.watching import Patience, Watcher
from podlab.observe.writing import Writer, encode

START_DEADLINE_S = 15.0  # for the first lists
_CATCH_UP_S, _STEP_S = 1.0, 0.02
_CHECK_TIMEOUT_S = 5.0
# Anchored, and no brace between: a label called "namespace" cannot send its Pod's life into another recording.
_NAMESPACE = re.compile(
    rb'\{"type":"\w+","object":\{(?:"kind":"\w+","apiVersion":"[\w./]+",)?'
    rb'"metadata":\{[^{}\[\]\\]*?"namespace":"([^"\\]+)"'
)
_NODE = re.compile(rb'"nodeName":"([^"\\]+)"')


class SharedWatch:
    """
    The watch that recordings share, from ``with`` to its end; safe to use from many threads.

        with SharedWatch(client) as shared:
            Recorder(client, namespace="one", shared=shared)

    Attributes:
        nodes: Node name -> uids of the Pods of recorded namespaces that were seen on it.

    Raises:
        ApiError: On entering, where the account may not watch all namespaces.
        ConnectionLostError: Where the server does not list them in time.
    """

    def __init__(self, client: Client, *, patience: Patience | None = None) -> None:
        self.client, self.patience = client, patience or Patience()
        self.nodes: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self.start()

    def start(self) -> Self:
        """Find the node's clock, list and watch; see the class for what it raises."""
        self._wake_read, self._wake_write = os.pipe()
        self.version = self.client.version()
        self._clock = node_clock(self.client)
        self._streams = {what: _Stream(self, what) for what in ("pods", "events")}
        for stream in self._streams.values():
            stream.watcher.start()
        try:
            await_lists([stream.watcher for stream in self._streams.values()], self.client, None)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def part(self, resource: str, namespace: str, writer: Writer, changed: Callable[[], None]) -> WatchShare:
        """Return what takes the lines of *namespace* to *writer* from now on, until it is stopped."""
        part = WatchShare(self, self._streams[resource], namespace, writer, changed)
        self._streams[resource].add(part)
        return part

    def node_source(self) -> NodeSource | None:
        """Return a new source of the node's own clock, as ``node_clock`` found it once for all."""
        return self._clock.another() if self._clock else None

    def saw_on_node(self, node: str, uid: str) -> None:
        """Count a Pod of a recorded namespace for the node that it is on."""
        with self._lock:
            self.nodes.setdefault(node, set()).add(uid)

    @property
    def wake(self) -> int:
        """The descriptor that becomes readable at the end."""
        return self._wake_read

    def end(self) -> None:
        """End the watch; parts that are left get nothing more."""
        for stream in self._streams.values():
            stream.watcher.stop()
        os.write(self._wake_write, b"x")
        for stream in self._streams.values():
            stream.watcher.join(5.0)
        # A stuck thread must not meet a reused descriptor.
        if not any(stream.watcher.is_alive() for stream in self._streams.values()):
            os.close(self._wake_write)
            os.close(self._wake_read)


def await_lists(
    watchers: Sequence[Watcher | WatchShare],
    client: Client,
    namespace: str | None,
    deadline_s: float = START_DEADLINE_S,
) -> None:
    """
    Wait until each of *watchers* has its first list; *namespace* None stands for all namespaces.

    Raises:
        ConnectionLostError: If a list does not come within *deadline_s* seconds.
        PodlabError: What the server refused for good.
    """
    end_at = time.monotonic() + deadline_s
    for watcher in watchers:
        if not watcher.ready.wait(max(0.0, end_at - time.monotonic())):
            raise ConnectionLostError(
                f"the API server {client.server} did not list {watcher.resource} in time",
                cause="all namespaces" if namespace is None else f"namespace {namespace}",
                hint="podlab status shows whether the cluster is running",
            )
        if watcher.failure:
            raise watcher.failure


class _Stream:
    """One resource of all namespaces: a `Watcher` that writes here, and the parts that its lines go to."""

    def __init__(self, shared: SharedWatch, resource: str) -> None:
        self._shared, self.resource = shared, resource
        self._lock, self._started = threading.Lock(), time.monotonic()
        self._parts: dict[str, list[WatchShare]] = {}
        self.watcher = Watcher(
            shared.client, resources.path(resource), resource, self, shared.wake, keep_objects=True,
            existing=False, changed=self._changed, patience=shared.patience,
        )  # fmt: skip

    def add(self, part: WatchShare) -> None:
        """Deliver the lines of the part's namespace to it."""
        with self._lock:
            self._parts.setdefault(part.namespace, []).append(part)

    def drop(self, part: WatchShare) -> None:
        """Deliver nothing more to it."""
        with self._lock:
            left = [one for one in self._parts.get(part.namespace, []) if one is not part]
            if left:
                self._parts[part.namespace] = left
            else:
                self._parts.pop(part.namespace, None)

    # -- what a watcher writes to -------------------------------------------------------------------------

    def now(self) -> float:
        """Return seconds on the stream's own clock; each part turns them into its recording's."""
        return time.monotonic() - self._started

    def raw(self, lines: list[bytes]) -> None:
        """Hand each line to the recordings of its namespace."""
        met: set[WatchShare] = set()
        for line in lines:
            at = line.index(b'"type":')  # what stands before it is the watcher's own: stamp, source, resource
            event = b"{" + line[at:]
            with self._lock:
                parts = list(self._parts.get(namespace_of(event), ())) if self._parts else []
            for part in parts:
                part.take(line[line.index(b",") : at], event)
                met.add(part)
        for part in met:
            part.changed()

    def mark(self, event: str, **fields: Any) -> None:
        """Tell every recording: what was lost or missed may have been of its namespace."""
        with self._lock:
            parts = [part for parts in self._parts.values() for part in parts]
        for part in parts:
            part.mark(event, self._started, fields)

    def _changed(self) -> None:
        self.watcher.take_dirty()  # the parts keep what their recordings look at
        if self.watcher.failure:
            with self._lock:
                parts = [part for parts in self._parts.values() for part in parts]
            for part in parts:
                part.changed()


class WatchShare:
    """One recording's part in a shared watch; it has the interface of a `Watcher`."""

    def __init__(
        self,
        shared: SharedWatch,
        stream: _Stream,
        namespace: str,
        writer: Writer,
        changed: Callable[[], None],
    ) -> None:
        self.namespace, self.resource, self.changed = namespace, stream.resource, changed
        self._shared, self._stream, self._writer = shared, stream, writer
        self._lock = threading.Lock()
        self._since = stream.watcher.newest_version
        self._known: dict[bytes, int] = {}
        self._dirty: dict[bytes, bytes] = {}
        self._failure: PodlabError | None = None

    # -- what a recorder asks -----------------------------------------------------------------------------

    @property
    def failure(self) -> PodlabError | None:
        """The error that ended this part, or the watch of all, for good."""
        return self._failure or self._stream.watcher.failure

    @property
    def ready(self) -> threading.Event:
        """Set once the namespaces were listed."""
        return self._stream.watcher.ready

    @property
    def contact_at(self) -> float:
        """When the server was last heard of."""
        return self._stream.watcher.contact_at

    @property
    def connected(self) -> bool:
        """Whether the stream is open."""
        return self._stream.watcher.connected

    @property
    def newest_version(self) -> int:
        """The highest resourceVersion seen, in any namespace."""
        return self._stream.watcher.newest_version

    def start(self) -> None:
        """Nothing to start: the watch runs."""

    def stop(self) -> None:
        """Take no more lines."""
        self._stream.drop(self)

    def take_dirty(self) -> list[bytes]:
        """Return the latest WatchEvent line of each object that changed since the last call."""
        with self._lock:
            taken, self._dirty = self._dirty, {}
        return list(taken.values())

    def verify(self) -> None:
        """Before the end: list the namespace once, wait for what is still under way, and name what did not come."""
        path = resources.path(self.resource, self.namespace)
        try:
            listing = self._shared.client.get(path, timeout_s=_CHECK_TIMEOUT_S)
        except PodlabError as error:
            self._mark_gap(
                f"the end could not be compared with a list: {error.summary}", self._newest(), None
            )
            return
        version = int(listing["metadata"]["resourceVersion"])
        items = {item["metadata"]["uid"].encode(): item for item in listing.get("items") or []}
        end_at = time.monotonic() + _CATCH_UP_S
        while (missed := self._missed(items, version)) and time.monotonic() < end_at:
            time.sleep(_STEP_S)
        if missed:
            after = min(abs(self._known.get(uid, self._since)) for uid in missed)
            about = sorted(uid.decode() for uid in missed)
            self._mark_gap("not delivered", after, version, about=about)
            self._write_listed([items[uid] for uid in missed if uid in items], str(listing.get("kind")))

    # -- what the stream brings ---------------------------------------------------------------------------

    def take(self, source: bytes, event: bytes) -> None:
        """Write down one WatchEvent."""
        head = read_head(event)
        if head is None or self._failure:
            return
        with self._lock:
            if head.version >= abs(self._known.get(head.uid, 0)):
                self._known[head.uid] = -head.version if head.type == "DELETED" else head.version
                self._dirty[head.uid] = event
        if self.resource == "pods" and (node := _NODE.search(event)):
            self._shared.saw_on_node(node[1].decode(), head.uid.decode())
        with self._guarded():
            self._writer.raw([b'{"t":%.6f' % self._writer.now() + source + event[1:]])

    def mark(self, event: str, started: float, fields: dict[str, Any]) -> None:
        """Write down what the watch of all says of itself, its times turned into this recording's."""
        if fields.get("since_t") is not None:
            since_t = fields["since_t"] + started - self._writer.started
            fields = {**fields, "since_t": round(max(0.0, since_t), 6)}
        with self._guarded():
            self._writer.mark(event, **fields)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """A recording that cannot be written ends alone: its recorder raises the error when it looks next."""
        try:
            yield
        except RecordingError as error:
            self._failure = error
            self.changed()

    def _missed(self, items: dict[bytes, dict[str, Any]], version: int) -> list[bytes]:
        """uids that the list shows in a state not seen, or no longer shows though their end was not seen."""
        with self._lock:
            known = dict(self._known)
        listed = {uid: int(item["metadata"]["resourceVersion"]) for uid, item in items.items()}
        behind = [
            uid for uid, one in listed.items()
            if abs(known.get(uid, 0)) < one and (uid in known or one > self._since)
        ]  # fmt: skip
        return behind + [uid for uid, one in known.items() if 0 < one <= version and uid not in listed]

    def _newest(self) -> int:
        return max((abs(version) for version in self._known.values()), default=self._since)

    def _mark_gap(self, reason: str, after: int, before: int | None, **fields: Any) -> None:
        versions = {"after_version": str(after), "before_version": None if before is None else str(before)}
        with self._guarded():
            self._writer.mark("gap", of=self.resource, reason=reason, **versions, **fields)

    def _write_listed(self, items: list[dict[str, Any]], kind: str) -> None:
        for item in items:
            whole = {"kind": kind.removesuffix("List"), "apiVersion": "v1", **item}
            line = encode({"type": "ADDED", "object": whole})
            self.take(b',"source":"list","resource":"' + self.resource.encode() + b'",', line)


def namespace_of(event: bytes) -> str:
    """Return the namespace of a WatchEvent's object; empty for one that has none or cannot be read."""
    match = _NAMESPACE.match(event)
    if match:
        return match[1].decode()
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(event)["object"]["metadata"].get("namespace") or "")
    return ""
