"""
Watch: the stream of changes of a list.

Every watcher has a bounded queue. A change is encoded once, by the store, and the same bytes go to all
watchers that see it unchanged; only Tables, selectors' transitions and the second spelling of Event are
encoded per watcher. A watcher that does not read is cut: its stream ends, and the client resumes from the
last resourceVersion it saw.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from podlab.embedded.api.http.codec import dumps, negotiate
from podlab.embedded.api.http.request import Request, Route
from podlab.embedded.api.printing import table
from podlab.embedded.api.resources import Kind
from podlab.embedded.api.verbs import eventversions, getting, selectors
from podlab.embedded.fault import expired, invalid
from podlab.embedded.schema import fielderror
from podlab.embedded.store import Change, ExpiredError, Store, Version
from podlab.pods.raw import RawObject

MAX_QUEUED_BYTES = 8 * 1024 * 1024
MAX_QUEUED_LINES = 10_000
BOOKMARK_S = 60.0
BOOKMARK = "BOOKMARK"
Line = Callable[[str, Version, bytes | None], bytes]


class WatchQueue:
    """The queue between the store, which must never wait, and one client, which may."""

    def __init__(self, route: Route, test: selectors.Test | None, line: Line) -> None:
        self.route, self.test, self.line = route, test, line
        self.queue: deque[bytes] = deque()
        self.queued_bytes = 0
        self.slow = False
        self.ready = asyncio.Event()

    def see(self, change: Change) -> None:
        """Take a change from the store."""
        if self.route.namespace and change.key[0] != self.route.namespace:
            return
        if self.route.name and change.key[1] != self.route.name:
            return
        if self.test is None:
            self.put(self.line(change.type, change.version, change.line))
        else:
            self._see_selected(change, self.test)

    def _see_selected(self, change: Change, test: selectors.Test) -> None:
        was = change.before is not None and test(change.before.object)
        now = change.type != "DELETED" and test(change.version.object)
        if change.type == "DELETED":
            if was:
                self.put(self.line("DELETED", change.version, change.line))
        elif now:
            kind = "MODIFIED" if was else "ADDED"
            self.put(self.line(kind, change.version, change.line if kind == change.type else None))
        elif was and change.before is not None:
            # What left the selection is shown as it was, under the revision at which it left.
            before = change.before.object
            meta = {**before["metadata"], "resourceVersion": str(change.version.revision)}
            left = Version({**before, "metadata": meta}, change.version.revision)
            self.put(self.line("DELETED", left, None))

    def put(self, line: bytes) -> None:
        """Queue one line."""
        if self.slow:
            return
        self.queue.append(line)
        self.queued_bytes += len(line)
        self.slow = self.queued_bytes > MAX_QUEUED_BYTES or len(self.queue) > MAX_QUEUED_LINES
        self.ready.set()

    def take(self) -> bytes:
        """All queued lines at once."""
        data = b"".join(self.queue)
        self.queue.clear()
        self.queued_bytes = 0
        self.ready.clear()
        return data


def plain_line(kind: str, version: Version, shared: bytes | None) -> bytes:
    """Return a watch event in JSON; *shared* is the store's own encoding where it says just this."""
    return shared or b'{"type":"%b","object":%b}\n' % (kind.encode(), version.json)


def new_event_line(kind: str, version: Version, _shared: bytes | None) -> bytes:
    """Return a watch event of an events.k8s.io Event."""
    return dumps({"type": kind, "object": eventversions.to_new(version.object)}) + b"\n"


def table_line(kind: Kind, include: str) -> Line:
    """Watch events as Tables of one row; only the first carries the column definitions."""
    first = [True]

    def line(change: str, version: Version, _shared: bytes | None) -> bytes:
        make = table.bookmark if change == BOOKMARK else table.of
        rows = make(kind, [version.object], str(version.revision), include, headers=first[0])
        first[0] = False
        return dumps({"type": change, "object": rows}) + b"\n"

    return line


def partial_line(kind: str, version: Version, _shared: bytes | None) -> bytes:
    """Return a watch event of metadata alone."""
    return dumps({"type": kind, "object": getting.partial(version.object)}) + b"\n"


def _line_of(request: Request, route: Route) -> Line:
    form = negotiate(request.headers.get("accept", ""), streams=True).form
    if form == "Table":
        return table_line(route.kind, getting.include(request))
    if form:
        return partial_line
    return new_event_line if route.kind.group == "events.k8s.io" else plain_line


def _check_options(request: Request) -> None:
    """
    Refuse a match for the resourceVersion that contradicts the other options of a watch.

    Source: validateWatchOptions, beside ValidateListOptions of ``getting``.
    """
    field, only = "resourceVersionMatch", "NotOlderThan"
    match, initial, wrong = request.one(field), request.one("sendInitialEvents"), []
    if initial and match != only:
        wrong.append(fielderror.forbidden(field, f"sendInitialEvents requires setting {field} to {only}"))
    if match and not initial:
        wrong.append(
            fielderror.forbidden(
                field, f"{field} is forbidden for watch unless sendInitialEvents is provided"
            )
        )
    if match not in ("", only):
        wrong.append(fielderror.unsupported(field, match, (only,)))
    if match and request.one("continue"):
        wrong.append(fielderror.forbidden(field, f"{field} is forbidden when continue is provided"))
    if wrong:
        raise invalid("ListOptions", "meta.k8s.io", "", wrong)


def _first_lines(store: Store, request: Request, watcher: WatchQueue) -> None:
    """Queue what a new watcher gets at once: existing objects, or what it missed."""
    asked = request.one("resourceVersion")
    since = getting.check_revision(store, asked)
    initial = request.one("sendInitialEvents")
    if request.flag("sendInitialEvents") or (not since and initial != "false"):
        for version in store.versions(watcher.route.kind.stored_as, watcher.route.namespace or None):
            named = not watcher.route.name or version.object["metadata"]["name"] == watcher.route.name
            if named and (watcher.test is None or watcher.test(version.object)):
                watcher.put(watcher.line("ADDED", version, None))
        if request.flag("sendInitialEvents") and request.flag("allowWatchBookmarks"):
            watcher.put(bookmark(watcher.route.kind, store.revision, watcher.line, end=True))
    elif since:
        for change in store.changes_since(watcher.route.kind.stored_as, since):
            watcher.see(change)


def bookmark(kind: Kind, revision: int, line: Line, *, end: bool = False) -> bytes:
    """
    Return a BOOKMARK event in the form in which the watcher gets its objects.

    Args:
        line: Of the watcher.
        end: It marks the end of the initial events.
    """
    meta: dict[str, Any] = {"resourceVersion": str(revision)}
    if end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    obj: RawObject = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
    if line is new_event_line:
        return dumps({"type": BOOKMARK, "object": obj}) + b"\n"
    return line(BOOKMARK, Version(obj, revision), None)


async def watch(store: Store, request: Request, route: Route) -> None:
    """
    Answer a watch request until it times out, the client leaves, or the watcher is too slow.

    Raises:
        StatusError: 400, 406, 422 or 504 before anything was sent.
    """
    _check_options(request)
    watcher = WatchQueue(route, getting.test_of(request, route), _line_of(request, route))
    timeout = request.number("timeoutSeconds")
    lasts_s = float(timeout) if timeout else random.uniform(1800, 3600)
    try:
        _first_lines(store, request, watcher)
    except ExpiredError as too_old:
        await _start(request)
        error = dumps({"type": "ERROR", "object": expired(str(too_old)).status}) + b"\n"
        await _send(request, error, more=False)
        return
    # No await between the first lines and the subscription: a change in between would be lost.
    cancel = store.subscribe(route.kind.stored_as, watcher.see)
    try:
        await _start(request)
        await _pump(store, request, watcher, lasts_s)
    finally:
        cancel()


async def _start(request: Request) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache, private")]
    await request.send({"type": "http.response.start", "status": 200, "headers": headers})
    await _send(request, b"", more=True)  # the headers leave at once: a client waits for them


async def _send(request: Request, data: bytes, *, more: bool) -> None:
    await request.send({"type": "http.response.body", "body": data, "more_body": more})


async def _pump(store: Store, request: Request, watcher: WatchQueue, lasts_s: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + lasts_s
    bookmarks = request.flag("allowWatchBookmarks") and watcher.route.kind.resource != "events"
    next_bookmark = min(loop.time() + BOOKMARK_S, max(loop.time() + 0.5, end - 2)) if bookmarks else end
    wake = watcher.ready.set
    timers = [loop.call_at(end, wake), loop.call_at(next_bookmark, wake)]
    gone = asyncio.ensure_future(_gone(request, watcher))
    try:
        while not gone.done() and not watcher.slow:
            if watcher.queue:
                await _send(request, watcher.take(), more=True)
                continue
            now = loop.time()
            if now >= end:
                break
            if bookmarks and now >= next_bookmark:
                watcher.put(bookmark(watcher.route.kind, store.revision, watcher.line))
                next_bookmark = now + BOOKMARK_S
                timers[1] = loop.call_at(next_bookmark, wake)
                continue
            await watcher.ready.wait()
            watcher.ready.clear()
        if not gone.done():
            await _send(request, b"", more=False)
    finally:
        gone.cancel()
        for timer in timers:
            timer.cancel()


async def _gone(request: Request, watcher: WatchQueue) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    watcher.ready.set()
