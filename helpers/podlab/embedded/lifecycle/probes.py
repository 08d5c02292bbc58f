"""Probe results by container instance, and the counting of successes and failures that leads to them."""

from __future__ import annotations

from enum import Enum

from podlab.pods.raw import RawObject

STARTUP, LIVENESS, READINESS = "startup", "liveness", "readiness"
KINDS = (STARTUP, LIVENESS, READINESS)


class Result(Enum):
    """The result of a probe of one container instance."""

    UNKNOWN = "unknown"
    SUCCESS = "success"
    FAILURE = "failure"


# What holds before the first probe: not ready, alive, and of its start nothing is known.
INITIAL = {STARTUP: Result.UNKNOWN, LIVENESS: Result.SUCCESS, READINESS: Result.FAILURE}


class ProbeResults:
    """
    The results of one Pod: ``results[kind, container id]``, and which ``(kind, container name)`` have a worker.

    A worker without a result means that the probe exists and has not run for this instance yet.
    """

    def __init__(
        self,
        results: dict[tuple[str, str], Result] | None = None,
        workers: set[tuple[str, str]] | None = None,
    ) -> None:
        self.results, self.workers = results or {}, workers or set()

    def get(self, kind: str, container_id: str) -> Result | None:
        """Return the result of one instance, None if it was never set."""
        return self.results.get((kind, container_id))

    def started(self, name: str, container_id: str) -> bool:
        """Return whether a *running* instance counts as started: its startup probe, if it has one, has passed."""
        result = self.results.get((STARTUP, container_id))
        if result is not None:
            return result is Result.SUCCESS
        return (STARTUP, name) not in self.workers

    def ready(self, name: str, container_id: str) -> bool:
        """Return whether a running and started instance counts as ready."""
        if self.results.get((READINESS, container_id)) is Result.SUCCESS:
            return True
        return (READINESS, name) not in self.workers


class Counter:
    """Consecutive equal outcomes of one probe, against its thresholds."""

    def __init__(self, probe: RawObject) -> None:
        self._needed = {
            True: int(probe.get("successThreshold") or 1),
            False: int(probe.get("failureThreshold") or 3),
        }
        self._last: bool | None = None
        self._run = 0

    def add(self, passed: bool) -> Result | None:
        """Count one outcome; the result when a threshold is reached, None while the state stays as it is."""
        self._run = self._run + 1 if passed == self._last else 1
        self._last = passed
        if self._run < self._needed[passed]:
            return None
        return Result.SUCCESS if passed else Result.FAILURE

    def restart_run(self) -> None:
        """Begin to count again: the container is about to be replaced."""
        self._run = 0
