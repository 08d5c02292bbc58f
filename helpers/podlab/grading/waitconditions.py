"""
The conditions that a play can wait for, judged by the newest state of Pods and the log lines so far.

    running: [shop, proxy]      all of these containers run (of the answer's newest Pod that has them)
    started: [shop]             all have been started at least once
    began: true                 some container of the answer's newest Pod has been started, whichever is first
    restarts: {shipper: 1}      restart counts of at least that
    back: {STEP: shipper}       the container runs in another process than the one that an earlier step met
    reason: {b: CrashLoopBackOff}   a container waits, or has ended, for that reason
    ended: true                 every Pod of the answer is Succeeded or Failed
    settled: true               every Pod of the answer has ended, or had an app or a regular init container in back-off
    still_s: 12                 for so long no container of the answer's newest Pod started or ended, nor was prepared
    ready: true | NAME | [..]   every Pod of the answer that has not ended, or the named Pods, are Ready
    phase: Failed               the phase of the answer's newest Pod
    gone: true                  no Pod of the answer is left
    away: STEP                  the Pods that an earlier rollout or delete met are gone
    lost: shop                  the container runs no more
    line: {pod: sink, event: received}    a JSON line with these fields was written (``pod: answer`` for the answer)
    condition: {kind: Job, apiVersion: batch/v1, name: report, is: Complete}    a condition of an object is True
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from podlab.errors import PodlabError
from podlab.grading.pace import is_unstarted
from podlab.pods import phase, roles
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from podlab.checks import Act
    from podlab.client import Client
    from podlab.grading.run_namespace import RunNamespace


PART = "podlab/part"
_ASK_EVERY_S = 0.5


def answered(pods: Sequence[RawObject]) -> list[RawObject]:
    """Return the Pods of the answer, oldest first."""
    mine = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(PART) == "answer"]
    return sorted(
        mine, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"])
    )


def newest(pods: Sequence[RawObject], containers: Iterable[str] = ()) -> RawObject | None:
    """Return the newest of *pods* that has all of *containers*; where none has, the newest. Oldest first in *pods*."""
    wanted = set(containers)
    having = [pod for pod in pods if wanted <= _containers(pod)]
    return next(reversed(having or pods), None)


def _containers(pod: RawObject) -> set[str]:
    return {str(row["name"]) for row in roles.containers(pod, roles.INIT, roles.APP)}


def rows(pod: RawObject | None) -> list[RawObject]:
    """Return the container statuses of both lists."""
    return roles.statuses(pod or {}, roles.INIT, roles.APP)


def restarts(pod: RawObject | None) -> dict[str, int]:
    """Return container -> restartCount."""
    return {str(row["name"]): int(row.get("restartCount") or 0) for row in rows(pod)}


def is_running(pod: RawObject | None, container: str) -> bool:
    """Return whether the container runs, by the newest status."""
    return any(row["name"] == container and "running" in (row.get("state") or {}) for row in rows(pod))


def may_run(pod: RawObject | None, container: str) -> bool:
    """Return whether the Pod has this container and has not ended, by the newest status."""
    return pod is not None and not has_ended(pod) and container in _containers(pod)


def was_started(pod: RawObject | None, container: str) -> bool:
    """Return whether the container was started at least once, by the newest status."""
    for row in rows(pod):
        states = {**(row.get("state") or {}), **(row.get("lastState") or {})}
        if row["name"] == container and ("running" in states or "terminated" in states):
            return True
    return False


def is_settled(pod: RawObject) -> bool:
    """
    Return whether the Pod will stay in its phase: it has ended, or a container that is not a sidecar is in back-off.

    A sidecar in back-off settles nothing, since the Pod ends without it.
    """
    if has_ended(pod):
        return True
    sidecars = {row["name"] for row in roles.sidecars(pod)}
    waiting = {row["name"]: (row.get("state") or {}).get("waiting") or {} for row in rows(pod)}
    return any(
        state.get("reason") == "CrashLoopBackOff" for name, state in waiting.items() if name not in sidecars
    )


def is_ready(pod: RawObject) -> bool:
    """Return whether the Pod is Ready and not being deleted."""
    return phase.is_ready(pod) and not pod["metadata"].get("deletionTimestamp")


def all_ready(pods: Sequence[RawObject], names: Sequence[str]) -> bool:
    """Return whether every Pod of *names* is there and Ready."""
    ready = {pod["metadata"]["name"] for pod in pods if is_ready(pod)}
    return set(names) <= ready


class Played(Protocol):
    """The part of a play that a condition reads: the steps so far, lines of logs, and the cluster."""

    client: Client
    run_namespace: RunNamespace

    @property
    def acts(self) -> Sequence[Act]: ...

    @property
    def lines(self) -> Iterable[RawObject]: ...


class WaitCondition:
    """
    All parts of a wait's mapping, together.

    Attributes:
        moved_at: When one of the Pods of ``away`` last went or began to go, s on the monotonic clock; -inf before.
    """

    def __init__(self, wanted: Mapping[str, Any], player: Played) -> None:
        self.wanted, self.player = dict(wanted), player
        self._asked_at, self._answer = 0.0, False
        self._at_rest: set[str] = set()
        self._states: Any = None
        self._changed_at = 0.0
        self._left = math.inf
        self.moved_at = -math.inf

    def __call__(self, pods: list[RawObject]) -> bool:
        mine = answered(pods)
        return all(getattr(self, f"_{name}")(what, mine, pods) for name, what in self.wanted.items())

    def _running(self, names: Any, mine: list[RawObject], _pods: Any) -> bool:
        pod = newest(mine, map(str, listed(names)))
        return pod is not None and all(is_running(pod, str(name)) for name in listed(names))

    def _started(self, names: Any, mine: list[RawObject], _pods: Any) -> bool:
        pod = newest(mine, map(str, listed(names)))
        return pod is not None and all(was_started(pod, str(name)) for name in listed(names))

    def _began(self, wanted: Any, mine: list[RawObject], _pods: Any) -> bool:
        pod = newest(mine)
        return any(was_started(pod, str(row["name"])) for row in rows(pod)) is bool(wanted)

    def _lost(self, names: Any, mine: list[RawObject], _pods: Any) -> bool:
        pod = newest(mine, map(str, listed(names)))
        return pod is None or not any(is_running(pod, str(name)) for name in listed(names))

    def _restarts(self, counts: Any, mine: list[RawObject], _pods: Any) -> bool:
        now = restarts(newest(mine, map(str, counts)))
        return all(now.get(str(name), -1) >= int(count) for name, count in counts.items())

    def _back(self, steps: Any, mine: list[RawObject], _pods: Any) -> bool:
        pod = newest(mine, map(str, steps.values()))
        met = {act.name: act.restarts for act in self.player.acts}
        return all(
            step in met
            and is_running(pod, str(name))
            and restarts(pod)[str(name)] > met[step].get(str(name), 0)
            for step, name in steps.items()
        )

    def _reason(self, reasons: Any, mine: list[RawObject], _pods: Any) -> bool:
        now = {}
        for row in rows(newest(mine, map(str, reasons))):
            state = row.get("state") or {}
            now[row["name"]] = next((part.get("reason") for part in state.values() if part), None)
        return all(now.get(str(name)) == reason for name, reason in reasons.items())

    def _ended(self, wanted: Any, mine: list[RawObject], _pods: Any) -> bool:
        over = bool(mine) and all(map(has_ended, mine))
        return over is bool(wanted)

    def _settled(self, wanted: Any, mine: list[RawObject], _pods: Any) -> bool:
        # a container in back-off runs now and then: what was settled once stays so
        self._at_rest |= {pod["metadata"]["name"] for pod in mine if is_settled(pod)}
        names = {pod["metadata"]["name"] for pod in mine}
        return (bool(mine) and names <= self._at_rest) is bool(wanted)

    def _still_s(self, wanted: Any, mine: list[RawObject], _pods: Any) -> bool:
        pod = newest(mine)
        states = [(row["name"], row.get("restartCount"), sorted(row.get("state") or {})) for row in rows(pod)]
        now = time.monotonic()
        # Counted from when a change is seen: a node that is late makes the wait longer, never shorter.
        if pod is None or states != self._states or is_unstarted(pod):
            self._states, self._changed_at = states, now
        return now - self._changed_at >= float(wanted)

    def _ready(self, what: Any, mine: list[RawObject], pods: list[RawObject]) -> bool:
        if what is True:
            living = [pod for pod in mine if not has_ended(pod)]
            return bool(living) and all(map(is_ready, living))
        return all_ready(pods, [str(name) for name in listed(what)])

    def _phase(self, phase: Any, mine: list[RawObject], _pods: Any) -> bool:
        return bool(mine) and (mine[-1].get("status") or {}).get("phase") == phase

    def _gone(self, _wanted: Any, mine: list[RawObject], _pods: Any) -> bool:
        return not mine

    def _away(self, step: Any, _mine: Any, pods: list[RawObject]) -> bool:
        met, deleted = self._met(step), self._met(step, verb="delete")
        there = [pod["metadata"] for pod in pods if pod["metadata"]["name"] in met]
        # Two for a Pod that is still there, one for a Pod that is being deleted. What the play deleted itself is being
        # deleted, whether the watch has shown that already or not.
        left = sum(1 if meta.get("deletionTimestamp") or meta["name"] in deleted else 2 for meta in there)
        if left < self._left < math.inf:
            self.moved_at = time.monotonic()
        self._left = min(left, self._left)
        return bool(met) and not there

    def _met(self, step: Any, verb: str = "") -> set[str]:
        acts = [act for act in self.player.acts if act.name == step and verb in ("", act.verb)]
        return {name for act in acts for name in act.output or ()}

    def _line(self, wanted: Any, mine: list[RawObject], _pods: Any) -> bool:
        fields = {key: value for key, value in wanted.items() if key not in ("pod", "container")}
        names = (
            {pod["metadata"]["name"] for pod in mine}
            if wanted.get("pod", "answer") == "answer"
            else {wanted["pod"]}
        )
        container = wanted.get("container")
        return any(
            line["pod"] in names and container in (None, line["container"]) and _says(line["line"], fields)
            for line in list(self.player.lines)
        )

    def _condition(self, what: Any, _mine: Any, _pods: Any) -> bool:
        """Asks the server, at most twice a second: the recorder watches Pods alone."""
        if time.monotonic() - self._asked_at >= _ASK_EVERY_S:
            self._asked_at = time.monotonic()
            body = {
                "apiVersion": what.get("apiVersion", "v1"),
                "kind": what["kind"],
                "metadata": {"name": what["name"]},
            }
            try:
                found = self.player.client.get(
                    self.player.client.path_of(body, self.player.run_namespace.name)
                )
            except PodlabError:
                return False
            conditions = (found.get("status") or {}).get("conditions") or []
            self._answer = any(one["type"] == what["is"] and one["status"] == "True" for one in conditions)
        return self._answer


def listed(what: Any) -> list[Any]:
    """Return a list of one for a single item."""
    return list(what) if isinstance(what, list | tuple) else [what]


def _says(text: str, fields: Mapping[str, Any]) -> bool:
    try:
        line = json.loads(text)
    except ValueError:
        return False
    return isinstance(line, dict) and all(line.get(key) == value for key, value in fields.items())
