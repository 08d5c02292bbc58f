"""
Asks the node whether a container still runs, in the one way that the plain API has: the end of a followed log.

A kubelet ends a followed log, in good order, once it has read all of it and its runtime says that the container does
not run. It looks when it opens the log, after each line, and each second. So a log that is followed anew, from its end,
and ends at once proves that the run was over when that answer came: far sooner than a status says so. An answer that
does not come proves nothing.

Used where the node's own record cannot be had. It reads what a recorder reads anyway (``pods/log``), it never touches
the container, and an allowance bounds how often it asks.

Source: ``ReadLogs`` and ``waitLogs`` in k8s.io/cri-client v0.36.3, pkg/logs/logs.go.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from podlab.client import Client
from podlab.errors import PodlabError

PAUSES_S = (0.06, 0.09, 0.15, 0.3)
"""
Silence until the node is asked, after a line and then again: most containers end soon after their last words.

A runtime notes an exit some time after it (containerd, loaded: 30 to 150 ms), so one question is not enough.
"""

_ANSWER_S = 0.6  # a container that runs gives no answer: so long it is waited for
_ALLOWANCE, _RENEWED_PER_S = 8.0, 1.0


class LogEndProbe:
    """
    Whether one run of a container is over. Each time it is asked in a thread of its own, so that no line waits for it.

    Args:
        path: Of the Pod's log.
        proven: Called once, as soon as an answer proves it.
        clock: Monotonic seconds; tests give their own.
        spare: Whether a request that nothing depends on may be sent now; a question is one.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        container: str,
        proven: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        spare: Callable[[], bool] = lambda: True,
    ) -> None:
        self._client, self._path, self._container, self._clock = client, path, container, clock
        self._spare = spare
        self._proven, self._once = proven, threading.Lock()
        self._left, self._at = _ALLOWANCE, clock()
        self._place = 0

    def pause_s(self, otherwise_s: float) -> float:
        """Return how much more silence to wait for before the next question; *otherwise_s* when none is due."""
        return PAUSES_S[self._place] if self._place < len(PAUSES_S) else otherwise_s

    def line_came(self) -> None:
        """The container spoke: the questions start over."""
        self._place = 0

    def ask(self) -> threading.Thread | None:
        """Ask now, if the allowance lets, and the budget of all requests."""
        self._place += 1
        now = self._clock()
        self._left = min(_ALLOWANCE, self._left + (now - self._at) * _RENEWED_PER_S)
        self._at = now
        if self._left < 1 or not self._spare():
            return None
        self._left -= 1
        thread = threading.Thread(target=self._wait, name=f"podlab-ask-{self._container}", daemon=True)
        thread.start()
        return thread

    def _wait(self) -> None:
        if self.over() and self._once.acquire(blocking=False):
            self._proven()

    def over(self) -> bool:
        """Put the question and wait for its answer; True only when that proves that the run is over."""
        asked = {"container": self._container, "follow": True, "tailLines": 0, "timestamps": True}
        give_up_at = self._clock() + _ANSWER_S
        try:
            with self._client.lines(self._path, read_timeout_s=_ANSWER_S, **asked) as lines:
                for line in lines:
                    # A container that goes on talking runs; and what bears no stamp is an error, told as a line.
                    if self._clock() > give_up_at or line[4:5] != b"-" or line[10:11] != b"T":
                        return False
        except (PodlabError, OSError, ValueError):
            return False
        return True
