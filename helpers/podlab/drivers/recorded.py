"""The steps that all drivers share: make a cluster under its lock, or return the one that its record names."""

from __future__ import annotations

from abc import ABC, abstractmethod

from podlab.drivers import process, state
from podlab.drivers.base import Cluster, Profile, Progress, silent


class RecordedDriver(ABC):
    """A driver whose clusters each have a record in podlab's state folder."""

    name: str

    def make(self, profile: Profile, *, progress: Progress = silent) -> Cluster:
        """Make the cluster, or return the one of that name that runs already; see `Driver.make`."""
        lock = state.locked(profile.name, deadline_s=profile.deadline_s, progress=progress)
        with process.ended_by_signals(), lock:
            record = state.read(profile.name)
            if record is not None:
                state.need_driver(record, self.name)
                found = self._revive(record, profile, progress)
                if found is not None:
                    return found
            return self._make_new(profile, progress)

    def find(self, name: str) -> Cluster | None:
        """Return the cluster if this driver completed it and it has not ended since, else None."""
        record = state.ready(name, self.name)
        return state.cluster(record) if record is not None and self._has_not_ended(record) else None

    def _has_not_ended(self, record: state.Record) -> bool:
        """Return whether what runs a completed cluster is still there, as far as this machine can tell at once."""
        return True

    @abstractmethod
    def _revive(self, record: state.Record, profile: Profile, progress: Progress) -> Cluster | None:
        """Return the cluster of an existing record, usable now; or remove what is left of it and return None."""

    @abstractmethod
    def _make_new(self, profile: Profile, progress: Progress) -> Cluster:
        """Make a cluster that has no record yet; remove everything again if that fails."""
