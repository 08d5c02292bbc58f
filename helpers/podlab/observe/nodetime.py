"""
Bounds from above how far a node's clock is ahead of ours, by the log alone.

Whatever arrives bounds it from below; only the node's answer to an act of ours bounds it from above, and without that
an arrival says nothing about the node's time. A log read with ``sinceSeconds=1`` begins, by the node's own clock, one
second before it was asked: if its first line bears the stamp L, the node's clock was not past L + 1 s after we had
asked. Asked a little less than a second after a line came, that is sharp to the little less.

A few questions for each node, then silence. What the cluster's clocks say of each other is not needed for it.

Source: ``NewLogOptions`` (since = now - sinceSeconds, by the kubelet's clock) and ``logWriter.write`` in
k8s.io/cri-client v0.36.3, pkg/logs/logs.go.
"""

from __future__ import annotations

import threading

from podlab.client import Client
from podlab.errors import PodlabError
from podlab.observe.writing import Writer

MARGIN_S, ENOUGH_S = 0.12, 0.05
"""How much less than a whole second after a line a question is put: at first, and when it is good enough."""

_QUESTIONS, _QUESTIONS_ON_A_LINE = 8, 3


class NodeTime(threading.Thread):
    """Asks one node for its time whenever a line has come, until it is known well enough."""

    def __init__(self, client: Client, node: str, writer: Writer) -> None:
        super().__init__(name=f"podlab-time-{node}", daemon=True)
        self._client, self._node, self._writer = client, node, writer
        self.stopping = threading.Event()
        self._given = threading.Condition()
        self._line: tuple[str, str, float] | None = None  # path, container, t of a line that came

    def line_came(self, path: str, container: str) -> None:
        """Note that a line came just now; most are not needed, and cost nothing."""
        if self._line is None:
            with self._given:
                self._line = (path, container, self._writer.now())
                self._given.notify()

    def stop(self) -> None:
        """End without a further question."""
        self.stopping.set()
        with self._given:
            self._given.notify()

    def run(self) -> None:
        """Ask after a line, each time a little later, until it is late enough or was asked often enough."""
        margin_s = MARGIN_S
        for number in range(_QUESTIONS):
            seconds = number % _QUESTIONS_ON_A_LINE + 1
            if seconds == 1:
                self._line = None
                with self._given:
                    self._given.wait_for(lambda: self._line is not None or self.stopping.is_set())
            if self._line is None:
                return
            path, container, t = self._line
            if self.stopping.wait(max(0.0, t + seconds - margin_s - self._writer.now())):
                return
            if not self._ask(path, container, seconds):
                margin_s = min(2 * margin_s, 0.5)
            elif margin_s <= ENOUGH_S:
                return
            else:
                margin_s = max(margin_s / 2.4, ENOUGH_S)

    def _ask(self, path: str, container: str, seconds: int) -> bool:
        """Put one question and note the answer, if it bounds anything."""
        sent_t = self._writer.now()
        try:
            with self._client.lines(
                path, read_timeout_s=2.0, container=container, sinceSeconds=seconds, timestamps=True
            ) as lines:
                first = next(lines, b"")
        except (PodlabError, OSError, ValueError):
            return False
        stamp = first.partition(b" ")[0].decode("ascii", "replace")
        if len(stamp) < 20 or stamp[10] != "T":
            return False
        self._writer.mark(
            "clock", of="log", node=self._node, at=stamp, within_s=seconds, sent_t=round(sent_t, 6)
        )
        return True
