"""
Follows the log of each container from its first line to its last, one thread for each incarnation.

The node stamps every line with nanoseconds (CRI), which makes logs the finest passive clock of a real cluster. A
follower goes on after a broken connection from the last stamp it saw; where lines can no longer be had, a gap says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podlab.client import Client, resources
from podlab.errors import ApiError, ConnectionLostError, RecordingError
from podlab.observe.framing import LineStream, StreamBroken
from podlab.observe.logend import LogEndProbe
from podlab.observe.nodetime import NodeTime
from podlab.observe.recording import LOST_LOG
from podlab.observe.thinning import Line, Thinner
from podlab.observe.writing import Writer, encode
from podlab.pods import roles

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


_RETRY_S = 0.2
_SILENCE_S = 30.0
_TRIES = 25
_IDLE_S = 60.0
_STATUS_LAG_S = 5.0  # a kubelet writes an exit into the status 1 to 2 s after it


@dataclass(frozen=True, slots=True)
class Incarnation:
    """One run of one container: its number of restarts and the runtime's own id tell it from the others."""

    namespace: str
    pod: str
    pod_uid: str
    container: str
    container_id: str
    restart: int
    previous: bool = False  # it is over, and a later run exists already
    ended: bool = False


def incarnations(pod: Mapping[str, Any]) -> Iterator[Incarnation]:
    """Yield every run that *pod*'s status proves: the one in ``state`` and the one kept in ``lastState``."""
    metadata = pod["metadata"]
    for row in roles.statuses(pod):
        restart = int(row.get("restartCount", 0))
        now, last = row.get("state") or {}, (row.get("lastState") or {}).get("terminated") or {}
        terminated = now.get("terminated") or {}
        current = row.get("containerID") or terminated.get("containerID")
        shared = (metadata.get("namespace", "default"), metadata["name"], metadata["uid"], row["name"])
        if last.get("containerID"):
            # While it waits to restart, state has no run of its own and restartCount is still that of the last.
            waiting = current == last["containerID"]
            number = restart if waiting else max(0, restart - 1)
            yield Incarnation(*shared, last["containerID"], number, previous=not waiting, ended=True)
        if current and current != last.get("containerID") and ("running" in now or terminated):
            yield Incarnation(*shared, current, restart, ended=bool(terminated))


class LogFollower(threading.Thread):
    """
    Writes the log lines of one run of a container; ends by itself when the run and its log have ended.

    With *ask*, the node is asked when the container falls silent whether it is over, and "over" is noted; *node_time*
    is told when lines come.
    """

    def __init__(
        self,
        client: Client,
        run: Incarnation,
        writer: Writer,
        wake: int,
        *,
        ask: bool = False,
        node_time: NodeTime | None = None,
    ) -> None:
        super().__init__(name=f"podlab-log-{run.pod}-{run.container}-{run.restart}", daemon=True)
        self._client, self._run, self._writer, self._wake = client, run, writer, wake
        self._node_time = node_time
        self.stopping = threading.Event()
        # Both are set by the recorder when the Pod's status shows it.
        self.ended, self.superseded = run.ended, run.previous
        self._last = ""  # the latest stamp of a line written
        self._resumed_at = ""  # what it was when the present stream began; "" in the first one
        self._same: list[bytes] = []  # lines written with that very stamp
        self._replayed: list[bytes] = []  # those of them that a new stream will bring again
        self._thinner = Thinner()
        self._path = resources.path("pods", run.namespace, run.pod) + "/log"
        self._question: LogEndProbe | None = None
        if ask and not run.ended:
            self._question = LogEndProbe(client, self._path, run.container, self._over, spare=client.spare)
        fixed = {"source": "log", "pod": run.pod, "pod_uid": run.pod_uid, "container": run.container}
        self._prefix = b"," + encode({**fixed, "restart": run.restart})[1:-1] + b","

    def run(self) -> None:
        """Follow, and after each break again, until the log is known to be complete or is refused."""
        try:
            self._hold()
        except RecordingError:
            return  # the file cannot be written: the recorder learns that from its watches
        except Exception as error:
            self._gap(f"a bug in podlab: {error!r}")

    def _hold(self) -> None:
        tries = 0
        while not self.stopping.is_set():
            before, began = self._last, time.monotonic()
            try:
                self._follow()
                self._ask()  # a stream's end alone proves nothing: it may have been the node that ended
                # The stream ended in good order: the node says that the run is over. The Pod's status says so a
                # moment later; if it does not, the stream was ended by a server that shut down, not by the run.
                if self._over_soon():
                    return
            except ApiError as error:
                if error.code in {400, 403, 404} and self._hopeless(error, tries):
                    return
            except (StreamBroken, ConnectionLostError, OSError, ValueError):
                pass
            # A node sends no header before the first line, so the wait for a container that says nothing times out,
            # over and over. That is no failure: only what fails at once is counted.
            in_vain = self._last == before and time.monotonic() - began < _SILENCE_S
            tries = tries + 1 if in_vain else 0
            if tries > _TRIES:
                self._gap(LOST_LOG)
                return
            self.stopping.wait(_RETRY_S)

    def _hopeless(self, error: ApiError, tries: int) -> bool:
        """
        Return whether this refusal is final: the Pod is gone, the runtime has removed the old container, or we may not
        read logs.
        """
        if error.code == 400 and "is waiting to start" in str(error.cause) and not self.ended:
            return False
        if tries < 2 and error.code == 400:
            return False
        if not self._last or not self.ended:
            self._gap(str(error.cause))
        return True

    def _gap(self, reason: str) -> None:
        run = self._run
        self._writer.mark(
            "gap", of="log", pod=run.pod, container=run.container, restart=run.restart, reason=reason,
            after=self._last or None,
        )  # fmt: skip

    def _over_soon(self) -> bool:
        end_at = time.monotonic() + _STATUS_LAG_S
        while not self.ended and time.monotonic() < end_at:
            if self.stopping.wait(0.05):
                return True
        return self.ended

    def _follow(self) -> None:
        """Read one stream to its end."""
        params: dict[str, Any] = {"container": self._run.container, "timestamps": True}
        if self.superseded:
            params["previous"] = True
        elif not self.ended:
            params["follow"] = True
        if self._last:
            # Whole seconds: the API keeps no more.
            params["sinceTime"] = self._last.split(".")[0].rstrip("Z") + "Z"
        with self._client.stream(self._path, read_timeout_s=_SILENCE_S, **params) as answer:
            try:
                self._read(answer)
            finally:
                self._write(self._thinner.flush())

    def _read(self, answer: BaseHTTPResponse) -> None:
        self._replayed, self._resumed_at = list(self._same), self._last
        stream = LineStream(answer, self._wake, self._idle_s())
        for batch in stream.batches():
            if batch is None:
                if self.ended or self.stopping.is_set():
                    return
                self._write(self._thinner.flush())
                self._ask()
                stream.idle_s = self._idle_s()
                continue
            if question := self._question:
                question.line_came()
            stream.idle_s = self._idle_s()
            if self._node_time:
                self._node_time.line_came(self._path, self._run.container)
            new = (line for line in map(self._line, batch) if line is not None)
            self._write([kept for line in new for kept in self._thinner.take(line)])

    def _idle_s(self) -> float:
        question = self._question  # a thread of its own takes it away when it is answered
        return question.pause_s(_IDLE_S) if question else _IDLE_S

    def _ask(self) -> None:
        question = self._question
        if question and not self.ended:
            question.ask()

    def _over(self) -> None:
        """Note that the run is over as soon as the node proves it; the status will say so later, and coarser."""
        run, self._question = self._run, None
        # The file cannot be written: the recorder learns that from its watches.
        with suppress(RecordingError):
            self._writer.mark(
                "over",
                of="log",
                pod=run.pod,
                pod_uid=run.pod_uid,
                container=run.container,
                restart=run.restart,
            )

    def _write(self, lines: Sequence[Line | int]) -> None:
        stamp = b'{"t":%.6f' % self._writer.now()
        out = [stamp + (self._left_out(one) if isinstance(one, int) else self._encoded(one)) for one in lines]
        if out:
            self._writer.raw(out)

    def _encoded(self, line: Line) -> bytes:
        return self._prefix + encode({"at": line[0], "line": line[1].decode("utf-8", "replace")})[1:]

    def _left_out(self, lines: int) -> bytes:
        run = self._run
        fixed = {"source": "recorder", "event": "left out", "of": "log", "pod": run.pod}
        return (
            b"," + encode({**fixed, "container": run.container, "restart": run.restart, "lines": lines})[1:]
        )

    def _line(self, raw: bytes) -> Line | None:
        """
        Return stamp and text of one line of the log; None if it was written before.

        Within a stream a line may carry an earlier stamp than the one above it: the runtime stamps stdout and stderr
        by themselves. So only what is older than the stamp at which the stream resumed was written before.
        """
        at, blank, text = raw.partition(b" ")
        if not blank and not at:
            return None
        moment = at.decode("ascii", "replace")
        if not _is_stamp(moment):
            moment, text = self._last, raw  # a line broken by the runtime goes on without a stamp
        key, last = _order(moment), _order(self._last)
        if key < _order(self._resumed_at) or (key == last and self._again(text)):
            return None
        if key > last:
            self._last, self._same = moment, []
        if key >= last:
            self._same.append(text)
        return moment, text

    def _again(self, text: bytes) -> bool:
        # Only after a reconnect can a line with the last stamp come twice; within a stream, stamps do repeat.
        if self._replayed and text in self._replayed:
            self._replayed.remove(text)
            return True
        return False


def _is_stamp(text: str) -> bool:
    return len(text) >= 20 and text[4] == "-" and text[10] == "T"


def _order(stamp: str) -> tuple[str, str]:
    """Return a key that sorts RFC 3339 stamps of any number of fraction digits, as the node writes them (UTC)."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0")
