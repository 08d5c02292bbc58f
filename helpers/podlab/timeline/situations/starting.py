"""A container whose turn has come or not: the init container that all wait for, an image being pulled."""

from __future__ import annotations

from podlab.timeline.clocks import parse_s
from podlab.timeline.crashes import ended_words
from podlab.timeline.events import seen_s, short
from podlab.timeline.situations.observed import Observed, ObservedContainer
from podlab.timeline.situations.table import Details, Situation

_SLACK_S = 2.0  # status and Events are whole seconds, and one may be written a moment before the other


def _lost_sandbox(c: ObservedContainer) -> Details | None:
    """It runs, or has run, once more because the Pod's sandbox was made anew."""
    changed, last = c.of.event("SandboxChanged"), c.last
    if c.role == "app" or changed is None or not (last or c.restarts):
        return None
    at, ended = seen_s(changed), parse_s(last.get("finishedAt"))
    if at is None or (ended is not None and at + _SLACK_S < ended):
        return None
    when = str(changed.get("lastTimestamp") or changed.get("eventTime") or "")
    return {"title": c.title, "at": when, "name": c.name}


def _sidecar_runs(c: ObservedContainer) -> Details | None:
    if c.role != "sidecar" or not c.runs:
        return None
    if not c.spec.get("startupProbe"):
        return {"title": c.title, "name": c.name, "why": "it runs, and has not been reported as started",
                "hint": "wait a few seconds, then ask again"}  # fmt: skip
    failed = c.says("Unhealthy")
    why = f"it runs but its startup probe has not passed{': ' + failed if failed else ''}"
    return {"title": c.title, "name": c.name, "why": short(why), "hint": f"check startupProbe of {c.name}"}


def _init_runs(c: ObservedContainer) -> Details | None:
    if c.role != "init" or not c.runs:
        return None
    since = str((c.state.get("running") or {}).get("startedAt") or "")
    again = f", run {c.restarts + 1}" if c.restarts else ""
    failed = f"; its last run ended with {ended_words(c.last)}" if c.last else ""
    serves = c.spec.get("ports") or c.spec.get("readinessProbe") or c.spec.get("livenessProbe")
    meant = (
        "it has ports, as a server has: is it to go on beside the app?"
        if serves
        else "is it to go on beside the app?"
    )
    return {"title": c.title, "name": c.name, "since": f"{since}{again}{failed}", "meant": meant}


def _pulling(c: ObservedContainer) -> Details | None:
    started, done = c.event("Pulling"), c.event("Pulled", "Failed")
    if c.runs or started is None or (done is not None and (seen_s(done) or 0) >= (seen_s(started) or 0)):
        return None
    since = str(started.get("lastTimestamp") or started.get("eventTime") or "")
    return {"at": c.standing, "image": str(c.spec.get("image")), "since": since}


def _not_started(c: ObservedContainer) -> Details | None:
    return {"title": c.title} if c.role != "app" else None


def _app_not_started(c: ObservedContainer) -> Details | None:
    reason = c.reason or ("" if c.state else "waiting")
    if c.role != "app" or not reason:
        return None
    return {"name": c.name, "reason": reason}


BEFORE: tuple[Situation[ObservedContainer], ...] = (
    Situation(
        "a lost sandbox", _lost_sandbox,
        "waits for {title}",
        "its sandbox was lost at {at} (SandboxChanged), so all of its containers were ended, "
        "and the init containers run once more",
        "see why it was lost (a node that was restarted, a pause process that was killed): podlab events --for {pod}",
    ),
    Situation(
        "a sidecar that has not started", _sidecar_runs,
        "waits for {title}", "{why}", "{hint}; podlab logs {pod} -c {name}",
    ),
    Situation(
        "an init container that does not end", _init_runs,
        "waits for {title}",
        "it is still running since {since}: what comes after it starts when it ends with 0",
        "podlab logs {pod} -c {name}; {meant} then it is a sidecar: restartPolicy: Always",
    ),
)  # fmt: skip
PULLING: Situation[ObservedContainer] = Situation(
    "an image that is being pulled", _pulling,
    "has not started yet: {at}", "its image {image} is being pulled since {since}", "wait; podlab events --for {pod}",
)  # fmt: skip
NOT_YET: tuple[Situation[ObservedContainer], ...] = (
    PULLING,
    Situation(
        "an init container that was not started yet", _not_started,
        "waits for {title}", "the kubelet has not started it yet", "podlab events --for {pod}",
    ),
)  # fmt: skip
APPS_NOT_YET: tuple[Situation[ObservedContainer], ...] = (
    PULLING,
    Situation(
        "a container that was not started yet", _app_not_started,
        "has not started yet", "container {name} is {reason}", "wait a few seconds, then ask again",
    ),
)  # fmt: skip


def holding(o: Observed) -> list[ObservedContainer]:
    """
    Return the one init container or sidecar that all that follow wait for; empty where none does.

    A Pod stays Initialized when its sandbox is lost, though its init containers run once more.
    """
    if o.holds("Initialized"):
        return [c for c in o.containers if c.role == "init" and not c.passed and _lost_sandbox(c)][:1]
    return [c for c in o.containers if c.role != "app" and not c.passed][:1]
