"""
Keeps one resource of one namespace under watch, for as long as the recording lasts, and says what it may have missed.

List once, then watch from the list's resourceVersion. When the stream breaks, watch again from a little before the
last event: what comes twice is dropped by (uid, resourceVersion), and what a broken connection delivered out of
order is not lost. When the server no longer knows that version (410), list again and record a gap: changes between
the two versions may have been seen by nobody. An idle stream is not trusted: the objects are listed now and then,
and if they differ from what was seen, the stream is half-open and is replaced. Where the server is lost, its kubeconfig
is read again: a cluster that was made anew under the same name has another address, another certificate and a history
of its own, so it is listed from the start, and a gap says what that hides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podlab.client import Client, Kubeconfig
from podlab.errors import ApiError, ConnectionLostError, GoneError, PodlabError, RecordingError
from podlab.observe.framing import LineStream, StreamBroken
from podlab.observe.heads import Head, read_head
from podlab.observe.selection import Selection
from podlab.observe.versions import LatestLines, SeenVersions, uid_of, version_of
from podlab.observe.writing import Sink, encode

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


_CHECK_TIMEOUT_S = 5.0
ANOTHER = "the kubeconfig names another server"  # reason of a gap: a cluster that was made anew, mostly


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a watcher waits for what; tests shorten all of them."""

    idle_s: float = 10.0  # a stream silent for so long is checked against a list
    settle_s: float = 0.5  # how long a listed change may still be under way on the stream
    watch_s: int = 290  # the server is asked to end the stream then; below the usual proxies' limit
    read_s: float = 30.0  # a read that began must end
    first_pause_s: float = 0.05
    longest_pause_s: float = 2.0


class Watcher(threading.Thread):
    """
    Watches the collection at *path* and writes each WatchEvent to *writer*.

    Args:
        resource: Its word in the recording, such as ``pods``.
        keep_objects: Hold the latest line of each living object for ``latest``; for Pods, not for Events.
        existing: Whether objects that were there before the recording are written down.
        selection: Which lines belong to the recording; None for all of them.
        changed: Called after each batch that held something new; must be quick.

    ``failure`` holds a refusal by the server that ended the watch for good (credentials, rights).
    """

    def __init__(
        self,
        client: Client,
        path: str,
        resource: str,
        writer: Sink,
        wake: int,
        *,
        params: dict[str, Any] | None = None,
        keep_objects: bool = False,
        existing: bool = True,
        selection: Selection | None = None,
        changed: Callable[[], None] = lambda: None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(name=f"podlab-watch-{resource}", daemon=True)
        self._client, self._path, self.resource = client, path, resource
        self._writer, self._wake = writer, wake
        self._params, self._existing, self._changed = params or {}, existing, changed
        self._selection, self._versions = selection or Selection(), SeenVersions()
        self._patience = patience or Patience()
        self._stopping = threading.Event()
        self.ready = threading.Event()
        self.failure: PodlabError | None = None
        self.contact_at = time.monotonic()  # when the server was last heard of
        self.connected = False
        self._lines = LatestLines(keep=keep_objects)
        self._server: tuple[str, Mapping[str, Any]] | None = None  # whose versions these are
        self._list_for: str | None = "start"  # why the next thing to do is a list, not a watch
        self._silent = 0  # streams in a row that held back what a list showed
        self._prefix = b',"source":"watch","resource":"' + resource.encode() + b'",'

    # -- what others ask ----------------------------------------------------------------------------------

    def take_dirty(self) -> list[bytes]:
        """Return the latest WatchEvent line of each object that changed since the last call."""
        return self._lines.take_changed()

    @property
    def newest_version(self) -> int:
        """The highest resourceVersion seen, bookmarks and lists included."""
        return self._versions.latest

    def stop(self) -> None:
        """End soon; the pipe that wakes the stream is the caller's."""
        self._stopping.set()

    # -- the loop -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """List, then watch until stopped or refused for good."""
        try:
            self._hold()
        except PodlabError as error:
            self.failure = error
        except Exception as error:
            # An error in a thread reaches no caller: note it, so that the recorder stops waiting.
            self.failure = RecordingError(
                f"the watch of {self.resource} ended by a bug in podlab", cause=repr(error)
            )
        finally:
            self.connected = False
            self.ready.set()
            self._changed()

    def _hold(self) -> None:
        pause_s, lost_t = self._patience.first_pause_s, None
        while not self._stopping.is_set():
            config = self._client.config
            try:
                if self._silent > 1:
                    self._list_for = "not delivered"
                if self._is_another():
                    self._list_for = self._list_for or ANOTHER
                if self._list_for:
                    self._relist(self._list_for)
                    self.ready.set()
                self._watch(lost_t)
                lost_t, pause_s = None, self._patience.first_pause_s
                continue  # the server ended the stream in good order: its time was up
            except GoneError:
                self._step_back()
                continue
            except (StreamBroken, ConnectionLostError, OSError, ValueError) as error:
                reason = _brief(error)
            except ApiError as error:
                renewed = error.code == 401 and (self._client.reread() or self._client.config is not config)
                if error.code < 500 and error.code not in {408, 429} and not renewed:
                    raise
                reason = _brief(error)
            if self._stopping.is_set():
                return
            self._client.reread()
            if lost_t is None:
                lost_t = self._writer.now()
                self._writer.mark("lost", of=self.resource, reason=reason)
            if self.connected:
                pause_s = self._patience.first_pause_s
            self.connected = False
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, self._patience.longest_pause_s)

    def _is_another(self) -> bool:
        """Return whether the kubeconfig has led elsewhere since the last list; another thread may have read it."""
        return self._server is not None and _identity(self._client.config) != self._server

    def _watch(self, lost_t: float | None) -> None:
        """Follow one stream to its end in good order; *lost_t* is when the one before it was lost."""
        start = self._versions.resume_from()
        with self._client.stream(
            self._path,
            read_timeout_s=self._patience.read_s,
            watch=True,
            resourceVersion=start,
            allowWatchBookmarks=True,
            timeoutSeconds=self._patience.watch_s,
            **self._params,
        ) as answer:
            if self._is_another():
                raise StreamBroken(ANOTHER)
            self._heard()
            if lost_t is not None:
                self._writer.mark(
                    "resume",
                    of=self.resource,
                    after_s=round(self._writer.now() - lost_t, 6),
                    version=str(start),
                )
            self._follow(answer)

    def _follow(self, answer: BaseHTTPResponse) -> None:
        stream = LineStream(answer, self._wake, self._patience.idle_s)
        for batch in stream.batches():
            if batch is not None:
                self.contact_at = time.monotonic()
                self._take(batch)
                stream.idle_s, self._silent = self._patience.idle_s, 0
            elif self.differs():
                if stream.idle_s == self._patience.settle_s:
                    self._silent += 1
                    raise StreamBroken("the stream is silent although objects changed (half-open connection)")
                stream.idle_s = self._patience.settle_s  # it may be under way: look once more
            else:
                stream.idle_s = self._patience.idle_s

    def _heard(self) -> None:
        self.contact_at, self.connected = time.monotonic(), True

    # -- events -------------------------------------------------------------------------------------------

    def _take(self, batch: list[bytes]) -> None:
        stamp = self._stamp()
        out = [stamp + line[1:] for line in self._selection.released()]
        self._versions.arrived()
        try:
            for line in batch:
                head = read_head(line)
                if head is None:
                    if line.strip():
                        raise StreamBroken(f"a line that is not a WatchEvent: {line[:60]!r}")
                elif head.uid:
                    if self._versions.is_new(head):
                        self._remember(head, line)
                        if self._selection.leaves_out(self.resource, head, line):
                            self._lines.leave_out(head.uid)
                            self._selection.hold_back(line)
                        else:
                            out.append(stamp + line[1:])
                else:
                    self._control(head)
        finally:
            if out:
                self._writer.raw(out)
                self._changed()

    def _stamp(self) -> bytes:
        """Return how an observation of this watch begins, now."""
        return b'{"t":%.6f' % self._writer.now() + self._prefix

    def _remember(self, head: Head, line: bytes) -> None:
        if self._versions.add(head):
            self._lines.put(head, line)

    def _control(self, head: Head) -> None:
        if head.type == "BOOKMARK":
            self._versions.bookmark(head.version)
            return
        status = head.status or {}
        text = f"{status.get('reason', 'ERROR')}: {status.get('message', '')}"
        if status.get("code") == 410:
            raise GoneError(text, status=status, code=410)
        raise StreamBroken(text)

    # -- where to go on -----------------------------------------------------------------------------------

    def _step_back(self) -> None:
        """After a 410: go on from the newest version seen, or, if that was what is gone, list anew."""
        start = self._versions.resume_from()
        if start < self._versions.latest:
            # Events before the newest may have been on their way, out of order, when the stream broke.
            self._mark_gap("410", start, self._versions.latest)
            self._versions.confirm()
        else:
            self._list_for = "410"

    def _relist(self, reason: str) -> None:
        before, seen_t = self._versions.latest, round(self._writer.now(), 6)
        server = _identity(self._client.config)
        listing = self._client.get(self._path, **self._params)
        if _identity(self._client.config) != server:
            raise StreamBroken(ANOTHER)
        self._heard()
        if server != self._server:
            # Versions of the former server mean nothing here; the objects known there tell what has vanished.
            self._server = server
            self._versions.forget_server()
            reason = reason if reason == "start" else ANOTHER
        version = int(listing["metadata"]["resourceVersion"])
        kind = str(listing.get("kind", "")).removesuffix("List")
        api_version = listing.get("apiVersion")
        items = [{"kind": kind, "apiVersion": api_version, **item} for item in listing.get("items") or []]
        changed = self._changed_since(items)
        vanished = self._vanished(items)
        if reason != "start":
            about = sorted({*changed, *(vanished if self.resource == "pods" else ())})
            self._mark_gap(reason, before, version, since_t=seen_t, vanished=vanished, about=about)
        if reason in ("start", ANOTHER) and self.resource == "pods":
            self._selection.exclude({uid_of(item) for item in items})
        self._write_listed(items, write=self._existing or reason != "start")
        self._versions.listed(version)
        self._list_for, self._silent = None, 0
        if reason != "start":
            self._changed()

    def _write_listed(self, items: list[dict[str, Any]], *, write: bool) -> None:
        stamp, out = round(self._writer.now(), 6), []
        for item in items:
            head = Head("ADDED", uid_of(item), version_of(item))
            if self._versions.known.get(head.uid) == head.version:
                continue
            line = encode({"type": "ADDED", "object": item})
            self._remember(head, line)
            if self._selection.leaves_out(self.resource, head, line):
                self._lines.leave_out(head.uid)
                if write:
                    self._selection.hold_back(line)
            elif write:
                body = b'{"t":%.6f,"source":"list","resource":"%s",' % (stamp, self.resource.encode())
                out.append(body + line[1:])
        if out:
            self._writer.raw(out)
        if not write:
            self._lines.take_changed()

    def _changed_since(self, items: list[dict[str, Any]]) -> set[str]:
        """
        uids of the Pods of which something was not delivered: the others' objects, or Events, are those last seen.
        """
        missed = self._versions.missed(items)
        if self.resource != "events":
            return {item["metadata"]["uid"] for item in missed}
        return {str((item.get("involvedObject") or {}).get("uid") or "") for item in missed}

    def _vanished(self, items: list[dict[str, Any]]) -> list[str]:
        """Forget the objects that are no longer listed and return their uids; their DELETED was never seen."""
        gone = self._versions.drop_unlisted(items)
        for uid in gone:
            deleted = self._lines.vanish(uid)
            if deleted is not None and not self._selection.has_stranger(uid):
                self._lines.change(uid, deleted)
                head = b'{"t":%.6f,"source":"list","resource":"%s","vanished":true,'
                self._writer.raw([head % (self._writer.now(), self.resource.encode()) + deleted[1:]])
        return [uid.decode() for uid in gone]

    # -- is the stream telling all? -----------------------------------------------------------------------

    def verify(self) -> None:
        """
        Before the end: list once more, and record a gap if something was not delivered or cannot be known.
        """
        released = self._selection.released()
        if released:
            stamp = self._stamp()
            self._writer.raw([stamp + line[1:] for line in released])
        try:
            for _ in range(3):
                if not self.differs():
                    return
                time.sleep(self._patience.settle_s / 3)
            self.stop()
            self._relist("not delivered")
        except PodlabError as error:
            reason = f"the end could not be compared with a list: {_brief(error)}"
            self._mark_gap(reason, self._versions.latest, None)

    def _mark_gap(self, reason: str, after: int, before: int | None, **fields: Any) -> None:
        """Say that changes after one version, up to another (None: the end), may have been seen by nobody."""
        versions = {"after_version": str(after), "before_version": None if before is None else str(before)}
        self._writer.mark("gap", of=self.resource, reason=reason, **versions, **fields)

    def differs(self) -> bool:
        """Ask the server for the list and return whether it shows anything that was not seen."""
        listing = self._client.get(self._path, timeout_s=_CHECK_TIMEOUT_S, **self._params)
        self.contact_at = time.monotonic()
        return self._versions.differ_from(listing.get("items") or [])


def _identity(config: Kubeconfig) -> tuple[str, Mapping[str, Any]]:
    """Return what tells one server from another: where it is, and whom its certificate is of."""
    return config.server, config.cluster


def _brief(error: BaseException) -> str:
    text = getattr(error, "cause", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
