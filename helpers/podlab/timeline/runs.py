"""
The runs that container statuses prove: one draft per instance, in order, with the ones that nobody saw.

A status shows at most two instances (``state`` and ``lastState``); the restart count says how many there
were. A container that lived less than a second may be skipped altogether: such runs are drafts without times
of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from podlab.pods import roles
from podlab.pods.raw import RawObject
from podlab.timeline.clocks import parse_s
from podlab.timeline.facts import Facts
from podlab.timeline.fuse import Moment
from podlab.timeline.model import Run


@dataclass(slots=True, eq=False)
class Draft:
    """A run under construction; its moments collect evidence."""

    container: str
    restart: int
    container_id: str
    start: Moment
    end: Moment
    started: bool = True  # False: the runtime could not start it (StartError), or it was never found
    ended: bool = False
    running_seen: bool = False
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    message: str = ""
    seen: bool = True
    count: int = 1
    started_s: float | None = None  # whole second of startedAt, since the epoch
    first_t: float = 0.0  # when the recorder first saw it, and first saw it ended
    ended_t: float | None = None
    started_true: list[float] = field(default_factory=list)  # arrivals of status.started == True

    def run(self) -> Run:
        """Return the finished run; its moments must be solved."""
        return Run(
            restart=self.restart,
            start=self.start.instant() if self.started else None,
            end=self.end.instant() if self.ended else None,
            container_id=self.container_id,
            exit_code=self.exit_code,
            signal=self.signal,
            reason=self.reason,
            message=self.message,
            seen=self.seen,
            count=self.count,
        )


def draft(container: str, restart: int, container_id: str = "", **fields: Any) -> Draft:
    """Return a new draft whose moments are named for notes."""
    name = f"{container} run {restart + 1}"
    return Draft(
        container, restart, container_id, Moment(f"start of {name}"), Moment(f"end of {name}"), **fields
    )


def drafts_of(facts: Facts) -> dict[str, list[Draft]]:
    """Container name -> its drafts in order; containers that never ran have none."""
    found: dict[str, dict[str, Draft]] = {name: {} for name in facts.role_of()}
    for item in facts.seen:
        for status in roles.statuses(item.pod):
            if status.get("name") in found:
                _note(found[status["name"]], status, item.t)
    for record in facts.node:
        if str(record.get("container")) in found:
            _note_node(found[str(record["container"])], record)
    return {name: _with_unseen(name, _in_order(drafts.values())) for name, drafts in found.items()}


def short_id(container_id: str | None) -> str:
    """Return the id without the runtime's scheme: ``containerd://abc`` and ``abc`` are one."""
    return (container_id or "").rpartition("/")[2]


def _note(drafts: dict[str, Draft], status: RawObject, t: float) -> None:
    count = int(status.get("restartCount") or 0)
    state, last = status.get("state") or {}, status.get("lastState") or {}
    if "waiting" in state or not state:
        _note_ended(drafts, status, last.get("terminated"), count, t)
        return
    _note_ended(drafts, status, last.get("terminated"), max(count - 1, 0), t)
    if "running" in state:
        running = state["running"] or {}
        item = _draft(drafts, status["name"], count, short_id(status.get("containerID")), t)
        item.running_seen = True
        _begin(item, running.get("startedAt"))
        if status.get("started"):
            item.started_true.append(t)
    else:
        _note_ended(drafts, status, state.get("terminated"), count, t)


def _draft(drafts: dict[str, Draft], name: str, restart: int, container_id: str, t: float) -> Draft:
    key = container_id or f"restart {restart}"
    if key not in drafts:
        drafts[key] = draft(name, restart, container_id, first_t=t)
    return drafts[key]


def _begin(item: Draft, started_at: str | None) -> None:
    if item.started_s is None:
        item.started_s = parse_s(started_at)


def _note_ended(
    drafts: dict[str, Draft], status: RawObject, ended: Mapping[str, Any] | None, restart: int, t: float
) -> None:
    if not ended:
        return
    identity = short_id(ended.get("containerID"))
    started = parse_s(ended.get("startedAt"))
    if not identity and started is None:
        _note_lost(drafts, status, ended, t)
        return
    item = _draft(drafts, status["name"], restart, identity, t)
    _begin(item, ended.get("startedAt"))
    item.started = item.started_s is not None or item.running_seen
    if item.ended_t is None:
        item.ended, item.ended_t = True, t
        item.exit_code, item.reason = ended.get("exitCode"), str(ended.get("reason") or "")
        item.signal, item.message = ended.get("signal"), str(ended.get("message") or "")
        finished = parse_s(ended.get("finishedAt"))
        if finished is not None:
            item.end.add("status", "finishedAt, a whole second", finished, finished + 1)


def _note_lost(drafts: dict[str, Draft], status: RawObject, ended: Mapping[str, Any], t: float) -> None:
    """
    The record is gone, with the times and the code. A run that was seen running has ended; else nothing is told.

    ``ContainerStatusUnknown`` where a sandbox was lost, ``RestartingAllContainers`` where a rule removed them all.
    It stays in ``lastState`` when the next run has begun, so that one is not meant.
    """
    message, reason = str(ended.get("message") or ""), str(ended.get("reason") or "")
    if reason != "RestartingAllContainers" and "used to be Running" not in message:
        return
    waits = "waiting" in (status.get("state") or {})  # containerID is then that of the run before
    now = None if waits else short_id(status.get("containerID"))
    open_ones = [d for d in drafts.values() if d.running_seen and not d.ended and d.container_id != now]
    if open_ones:
        item = open_ones[-1]
        item.ended, item.ended_t = True, t
        item.exit_code, item.reason, item.message = ended.get("exitCode"), reason, message


def _note_node(drafts: dict[str, Draft], record: Mapping[str, Any]) -> None:
    """Add the node's own record: exact to its clock."""
    at = parse_s(record.get("at"))
    event, attempt = record.get("event"), int(record.get("attempt") or 0)
    if at is None or event not in ("start", "exit"):
        return
    identity = short_id(record.get("container_id"))
    item = drafts.get(identity) or next(
        (d for d in drafts.values() if d.restart == attempt and not (identity and d.container_id)), None
    )
    if item is None:
        item = drafts[identity or f"restart {attempt}"] = draft(str(record["container"]), attempt, identity)
    moment = item.start if event == "start" else item.end
    moment.add("node", f"the node's own record of the {event}", at, at)
    if event == "start":
        item.started, item.started_s = True, item.started_s if item.started_s is not None else float(int(at))
    else:
        item.ended = True
        item.exit_code = record.get("exit_code") if item.exit_code is None else item.exit_code
        item.signal = record.get("signal") if item.signal is None else item.signal


def _in_order(drafts: Iterable[Draft]) -> list[Draft]:
    """
    By start; what could not start goes by its end. The order of appearance breaks ties of whole seconds.
    """

    def key(item: Draft) -> float:
        if item.started_s is not None:
            return item.started_s
        return next((e.lo for e in item.end.evidence), float("inf"))

    return sorted(drafts, key=lambda d: (key(d), d.restart))


def _with_unseen(name: str, drafts: list[Draft]) -> list[Draft]:
    """
    Insert one stand-in wherever the restart number jumps. It may fall again when a sandbox was recreated.
    """
    result: list[Draft] = []
    expected = 0
    for item in drafts:
        if item.restart > expected:
            missing = item.restart - expected
            result.append(draft(name, expected, seen=False, ended=True, count=missing, reason="not seen"))
        result.append(item)
        expected = item.restart + 1
    return result
