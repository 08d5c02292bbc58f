"""A container that was started: its postStart hook hangs, it ends again and again, it waits to be started again."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from podlab.timeline.clocks import parse_s
from podlab.timeline.crashes import why_it_ended
from podlab.timeline.events import short
from podlab.timeline.situations import hooks
from podlab.timeline.situations.observed import ObservedContainer
from podlab.timeline.situations.table import Details, Situation

_CRASHES = frozenset(("CrashLoopBackOff", "RunContainerError", "PostStartHookError"))
_NOT_YET = frozenset(("", "PodInitializing", "ContainerCreating"))


def _hook(c: ObservedContainer) -> Details | None:
    found = hooks.of(c)
    return None if found is None else {"name": c.name, "since": found.started_at, "hint": hooks.hint(c.name)}


def _crashes(c: ObservedContainer) -> Details | None:
    if c.reason not in _CRASHES:
        return None
    if not c.last:
        return {**_at(c), "why": short(c.message or "it has not started"), "hint": _logs(c)}
    why, hint = _why(c)
    return {**_at(c), "why": "; ".join([short(why, 200), times(c), *_next_try(c)]), "hint": hint}


def _why(c: ObservedContainer) -> tuple[str, str]:
    return why_it_ended(c.of.pod, c.name, c.status, c.of.events)


def _next_try(c: ObservedContainer) -> list[str]:
    waits = re.match(r"back-off ((?:\d+h)?(?:\d+m)?(?:\d+s)?) restarting", c.message)
    if waits is None:
        return []
    finished = parse_s(c.last.get("finishedAt"))
    if finished is None:
        return [f"back-off {waits[1]}"]
    at = datetime.fromtimestamp(finished + _seconds(waits[1]), UTC)
    return [f"back-off {waits[1]}, next try from {at:%H:%M:%S} UTC on"]


def _ended(c: ObservedContainer) -> Details | None:
    """It has ended badly, or is a sidecar that should have gone on; not one that is told to stop with its Pod."""
    stops = c.role == "sidecar" and all(
        a.ended and not a.comes_back for a in c.of.containers if a.role == "app"
    )
    if (
        not c.ended
        or not (c.ended.get("exitCode") or c.role == "sidecar")
        or (stops and c.of.holds("Initialized"))
    ):
        return None
    why, hint = _why(c)
    again = times(c) if c.policy != "Never" else "restartPolicy Never: it is not started again"
    return {
        **_at(c),
        "reason": str(c.ended.get("reason") or "ended"),
        "why": short(f"{why}; {again}"),
        "hint": hint,
    }


def _other(c: ObservedContainer) -> Details | None:
    return {**_at(c), "why": short(c.message or c.reason)} if c.reason not in _NOT_YET else None


def _at(c: ObservedContainer) -> dict[str, str]:
    return {"at": c.standing, "reason": c.reason}


def _logs(c: ObservedContainer) -> str:
    return f"podlab logs {c.of.meta.get('name')} -c {c.name}{' --previous' if c.restarts else ''}"


def _seconds(text: str) -> int:
    """Return seconds of a duration as Go prints it: ``1m20s``."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(n) * units[u] for n, u in re.findall(r"(\d+)([hms])", text))


def times(c: ObservedContainer) -> str:
    """Return how often it was started again."""
    return f"{c.restarts} restart{'' if c.restarts == 1 else 's'}"


TABLE: tuple[Situation[ObservedContainer], ...] = (
    Situation(
        "a postStart hook that hangs", _hook,
        "waits for the postStart hook of {name}",
        "container {name} was started at {since} and its postStart hook still runs: nothing else of the Pod is "
        "started, or stopped, before that ends",
        "{hint}; podlab logs {pod} -c {name}",
    ),
    Situation("a container that ends again and again", _crashes, "{at}: {reason}", "{why}", "{hint}"),
    Situation("a container that has ended", _ended, "{at}: {reason}", "{why}", "{hint}"),
    Situation(
        "a container that waits for another reason", _other, "{at}: {reason}", "{why}", "podlab events --for {pod}",
    ),
)  # fmt: skip
