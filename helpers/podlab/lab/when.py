"""Conditions on which a recording may end: ``lab.when("web", container="proxy", restarts=1)``; joined by ``&``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from podlab.errors import PodlabError
from podlab.pods.raw import RawObject
from podlab.pods.status import status_word


@dataclass(frozen=True)
class When:
    """
    A question about one Pod, asked each time something changed; True once all that is given holds.

    Args:
        pod: Its name.
        container: For *restarts* and *reason*.
        restarts: The container was started again so often, or more often.
        reason: Why the container waits or has ended.
        phase, status: The Pod's phase; kubectl's STATUS, by the rule of *server*.
        server: The server's version, such as ``v1.36.3``; None: the newest.
        others: Conditions that have to hold too; each may have held at another moment.
    """

    pod: str
    container: str | None = None
    restarts: int | None = None
    reason: str | None = None
    phase: str | None = None
    status: str | None = None
    server: str | None = None
    others: tuple[When, ...] = ()
    _held: list[bool] = field(default_factory=lambda: [False], repr=False, compare=False)

    def __call__(self, pods: list[RawObject]) -> bool:
        """Look at the newest state of all Pods; what held once goes on counting."""
        if not self._held[0]:
            self._held[0] = any(self._now(each) for each in pods if each["metadata"]["name"] == self.pod)
        held = [other(pods) for other in self.others]
        return self._held[0] and all(held)

    def __and__(self, other: When) -> When:
        return When(
            self.pod,
            self.container,
            self.restarts,
            self.reason,
            self.phase,
            self.status,
            self.server,
            (*self.others, other),
        )

    def _now(self, body: RawObject) -> bool:
        status = body.get("status") or {}
        if self.phase is not None and status.get("phase") != self.phase:
            return False
        if self.status is not None and status_word(body, self.server) != self.status:
            return False
        if self.restarts is None and self.reason is None:
            return True
        return any(self._fits(row) for row in _rows(status) if row["name"] == self.container)

    def _fits(self, row: RawObject) -> bool:
        if self.restarts is not None and int(row.get("restartCount") or 0) < self.restarts:
            return False
        state = row.get("state") or {}
        reasons = [(state.get(key) or {}).get("reason") for key in ("waiting", "terminated")]
        return self.reason is None or self.reason in reasons

    def __post_init__(self) -> None:
        if self.container is None and (self.restarts is not None or self.reason is not None):
            raise PodlabError(
                "`restarts` and `reason` need `container`", hint="when(POD, container=NAME, restarts=1)"
            )


def _rows(status: RawObject) -> Iterator[RawObject]:
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []
