"""
``GET …/pods/NAME/log``: which instance's log, which lines of it, and following it while it grows.

The files hold ``<RFC3339Nano> stdout F text`` a line, as the runtime wrote them.

Source: pkg/kubelet/kubelet_pods.go validateContainerLogStatus, cri-client/pkg/logs/logs.go at v1.36.3.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from podlab.embedded import clock
from podlab.embedded.api.http.request import Request, Response
from podlab.embedded.api.nodeconnection import NodeConnection, choose, status_of
from podlab.embedded.fault import StatusError, bad_request, invalid
from podlab.embedded.runtime import ContainerRecord, ContainerState
from podlab.embedded.schema import fielderror
from podlab.embedded.store import Store
from podlab.pods.raw import RawObject

POLL_S = 0.04  # how often a followed file is looked at
CHUNK = 256 * 1024
WAITING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


class PodLogOptions:
    """PodLogOptions from the query."""

    def __init__(self, request: Request) -> None:
        self.name = request.path.split("/")[-2]
        self.follow, self.previous = request.flag("follow"), request.flag("previous")
        self.timestamps = request.flag("timestamps")
        self.tail, self.limit = request.number("tailLines"), request.number("limitBytes")
        seconds, instant = request.number("sinceSeconds"), request.one("sinceTime")
        self._check(seconds, instant, request.one("stream"))
        self.since = _since(seconds, instant)
        self.whole = not (self.previous or self.tail or self.limit or self.since)

    def _check(self, seconds: int | None, instant: str, stream: str) -> None:
        """Raise StatusError 400 for an unreadable time, 422 for unsupported options."""
        if instant:
            _seconds(instant)
        faults = []
        if self.tail is not None and self.tail < 0:
            faults.append(fielderror.invalid("tailLines", self.tail, "must be greater than or equal to 0"))
        if self.limit is not None and self.limit < 1:
            faults.append(fielderror.invalid("limitBytes", self.limit, "must be greater than 0"))
        if seconds is not None and instant:
            faults.append(
                fielderror.forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified")
            )
        elif seconds is not None and seconds < 1:
            faults.append(fielderror.invalid("sinceSeconds", seconds, "must be greater than 0"))
        if stream:  # upstream's gate for it, PodLogsQuerySplitStreams, is off
            faults.append(fielderror.forbidden("stream", "may not be specified"))
        if faults:
            raise invalid("PodLogOptions", "", self.name, faults)


def _since(seconds: int | None, instant: str) -> str:
    """Return the oldest time to show, as text that sorts like the stamps in the file; "" for all."""
    if seconds is None and not instant:
        return ""
    oldest = max(0.0, clock.now_s() - seconds if seconds is not None else _seconds(instant))
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(oldest)) + f".{int(oldest % 1 * 1e9):09d}Z"


def _seconds(instant: str) -> float:
    """Return seconds since the epoch of an RFC 3339 time. Raises StatusError 400."""
    from datetime import datetime

    try:
        at = datetime.fromisoformat(instant)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        head = f'parsing time "{instant}" as "2006-01-02T15:04:05Z07:00"'
        raise bad_request(f'{head}: cannot parse "{instant}" as "2006"')
    return at.timestamp()


def instance_of(pod: RawObject, container: str, previous: bool) -> str:
    """
    Return the id of the instance whose log is asked for.

    Raises:
        StatusError: 400 with the kubelet's words, without such an instance.
    """
    name, status = pod["metadata"]["name"], status_of(pod, container)
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated") or {}
    terminated, waiting = state.get("terminated") or {}, state.get("waiting") or {}
    if previous:
        if not last.get("containerID"):
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        return str(last["containerID"])
    if state.get("running"):
        return str(status["containerID"])
    found = terminated.get("containerID") or last.get("containerID")
    if found:
        return str(found)
    if terminated:
        raise bad_request(f'container "{container}" in pod "{name}" is terminated')
    reason = waiting.get("reason", "")
    if waiting:
        why = WAITING.get(reason, reason)
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')
    raise bad_request(f'container "{container}" in pod "{name}" is waiting to start - no logs yet')


async def answer(store: Store, node: NodeConnection, request: Request, pod: RawObject) -> Response | None:
    """Answer a log request; None when it was streamed."""
    container = choose(pod, request.one("container"))
    options = PodLogOptions(request)
    if not pod["spec"].get("nodeName"):
        return Response(b"", 204, kind="text/plain")
    wanted = instance_of(pod, container, options.previous)
    found = node.record(pod, wanted)
    if found is None:  # such as of a Pod that was evicted; the kubelet has begun its answer by then, so a 200
        return Response(f"unable to retrieve container logs for {wanted}".encode(), kind="text/plain")
    if not os.path.exists(found.log_path):
        if found.state is not ContainerState.EXITED:
            return Response(b"", kind="text/plain")
        raise StatusError(500, f'unable to retrieve container logs for "{container}"')
    await _stream(node, request, pod, found, options)
    return None


class LogReader:
    """
    Reads complete lines of one log, from where it stopped last, also when a new file has taken its place.

    It begins with the older part of a log that grew too long, which a real kubelet no longer shows: a learner whose
    first lines are gone looks for a fault of the program.
    """

    def __init__(self, path: str, options: PodLogOptions) -> None:
        self.path = path
        self.file = _oldest_part(path)
        self.options = options
        self.rest = b""
        self.left = options.limit
        self.mid_line = False

    def lines(self) -> Iterator[bytes]:
        """Raw lines that are new since the last call."""
        while True:
            while data := self.file.read(CHUNK):
                *lines, self.rest = (self.rest + data).split(b"\n")
                yield from lines
            if not self._next_file():
                return

    def _next_file(self) -> bool:
        """Go on with the file that replaced the one that was read to its end, if one did."""
        try:
            if os.path.samestat(os.stat(self.path), os.fstat(self.file.fileno())):
                return False
            fresh = open(self.path, "rb")  # noqa: SIM115 - closed by the caller
        except OSError:
            return False
        self.file.close()
        self.file = fresh
        return True

    def show(self, raw: bytes) -> bytes:
        """One raw line as the client sees it; empty when the options leave it out."""
        stamp, _, rest = raw.partition(b" ")
        _stream_name, _, rest = rest.partition(b" ")
        tag, _, text = rest.partition(b" ")
        if self.options.since and stamp.decode("ascii", "replace") < self.options.since:
            return b""
        shown = stamp + b" " + text if self.options.timestamps and not self.mid_line else text
        self.mid_line = tag == b"P"
        return shown if self.mid_line else shown + b"\n"

    def cut(self, data: bytes) -> bytes:
        """Return what ``limitBytes`` leaves of *data*."""
        if self.left is None:
            return data
        data = data[: self.left]
        self.left -= len(data)
        return data

    @property
    def full(self) -> bool:
        """True when ``limitBytes`` is used up."""
        return self.left == 0

    def first(self) -> Iterator[bytes]:
        """Return what is there now, only the last ``tailLines`` of it."""
        if self.options.tail is None:
            yield from self.lines()
        else:
            yield from deque(self.lines(), maxlen=self.options.tail)


def _oldest_part(path: str) -> BinaryIO:
    """Open what was renamed when the log grew too long, else the log; the caller closes it."""
    try:
        return open(f"{path}.1", "rb")
    except FileNotFoundError:
        return open(path, "rb")


async def _stream(
    node: NodeConnection, request: Request, pod: RawObject, found: ContainerRecord, options: PodLogOptions
) -> None:
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-cache, private")]
    await request.send({"type": "http.response.start", "status": 200, "headers": headers})
    reader = LogReader(found.log_path, options)
    try:
        await _send_all(request, reader, reader.first())
        if not options.follow and options.whole:
            node.logs_read.note(found.id, reader.file.tell() - len(reader.rest))
        if options.follow and not reader.full:
            await _follow(node, request, pod, found, reader)
    finally:
        reader.file.close()
    await request.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_all(request: Request, reader: LogReader, lines: Iterator[bytes]) -> None:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch.append(reader.show(line))
        size += len(batch[-1])
        if size > CHUNK:
            await _send(request, reader, batch)
            batch, size = [], 0
        if reader.full:
            return
    await _send(request, reader, batch)


async def _send(request: Request, reader: LogReader, batch: list[bytes]) -> None:
    data = reader.cut(b"".join(batch))
    if data:
        await request.send({"type": "http.response.body", "body": data, "more_body": True})


async def _follow(
    node: NodeConnection, request: Request, pod: RawObject, found: ContainerRecord, reader: LogReader
) -> None:
    """Send new lines until the instance has ended and all is sent, or the client leaves."""
    await request.send({"type": "http.response.body", "body": b"", "more_body": True})
    gone = asyncio.ensure_future(_gone(request))
    try:
        while not gone.done() and not reader.full:
            now = node.record(pod, f"containerd://{found.id}")
            ended = now is None or now.state is ContainerState.EXITED
            await _send_all(request, reader, reader.lines())
            if ended:
                return
            await asyncio.wait([gone], timeout=POLL_S)
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
