"""The status of one Pod on its way to the store: remembered as generated, written as far as it may be said."""

from __future__ import annotations

import copy
from typing import Protocol

from podlab.embedded.kubelet.pace import Clock
from podlab.embedded.lifecycle import conditions, podstatus, restartall
from podlab.pods import roles
from podlab.pods.raw import RawObject


class PodStore(Protocol):
    """The part of the store that writing a status needs."""

    def get(self, resource: str, namespace: str, name: str) -> RawObject | None:
        """One object, or None."""

    def update(self, resource: str, obj: RawObject) -> RawObject:
        """Replace an object."""


class StatusWriter:
    """
    Holds what was generated last (``status``) and writes it into the Pod's object.

    ``may_run`` is True until all containers are known to be stopped for good; until then no terminal phase is
    written.
    """

    def __init__(self, store: PodStore, clock: Clock, pod: RawObject) -> None:
        self._store, self._clock = store, clock
        self._key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._uid = pod["metadata"]["uid"]
        self.status: RawObject = pod.get("status") or {}
        self.may_run = True

    def stored(self) -> RawObject | None:
        """Return the Pod's object, None if it is gone or another has taken its name."""
        pod = self._store.get("pods", *self._key)
        return pod if pod and pod["metadata"]["uid"] == self._uid else None

    def set(self, status: RawObject) -> None:
        """Remember a generated status and write it."""
        self.status = status
        pod = self.stored()
        if pod is None:
            return
        merged = podstatus.merge_pod_status(pod, status, may_run=self.may_run, now=self._clock.now())
        if merged != pod.get("status"):
            self._store.update("pods", {**pod, "status": merged})

    def of_container(self, name: str) -> RawObject | None:
        """Return the remembered status of one container."""
        for key in roles.STATUS_LISTS.values():
            for status in self.status.get(key) or ():
                if status["name"] == name:
                    return dict(status)
        return None

    def set_started(self, name: str, container_id: str, started: bool) -> None:
        """A startup probe has decided: say so at once."""
        self._set_flag(name, container_id, "started", started)

    def set_ready(self, name: str, container_id: str, ready: bool) -> None:
        """A readiness probe has decided: say so at once."""
        self._set_flag(name, container_id, "ready", ready)

    def _set_flag(self, name: str, container_id: str, flag: str, value: bool) -> None:
        pod = self.stored()
        if pod is None or not self.status.get("conditions"):
            return
        status = copy.deepcopy(self.status)
        for key in (roles.INIT, roles.APP):
            for entry in status.get(roles.STATUS_LISTS[key]) or ():
                same = str(entry.get("containerID", "")).endswith(container_id)
                if entry["name"] == name and same and "running" in entry["state"]:
                    entry[flag] = value and (flag == "started" or bool(entry.get("started")))
        by_name = {
            s["name"]: s for key in (roles.INIT, roles.APP) for s in status.get(roles.STATUS_LISTS[key]) or ()
        }
        ready_to_start = next(
            (c["status"] == "True" for c in status["conditions"] if c["type"] == conditions.OWNED[0]), False
        )
        resizes = [c for c in status["conditions"] if c["type"] in conditions.RESIZES]
        status["conditions"] = resizes + conditions.owned(
            pod,
            by_name,
            status["phase"],
            sandbox_ready=ready_to_start,
            others=(pod.get("status") or {}).get("conditions") or (),
            before=status["conditions"],
            restarting=conditions.verdict_of(status["conditions"], restartall.CONDITION),
        )
        self.set(status)
