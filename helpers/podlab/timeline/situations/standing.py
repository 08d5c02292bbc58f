"""
A CronJob or a PodDisruptionBudget: why no Job is started, or why no Pod may be evicted.

Neither has Pods of its own: a CronJob has Jobs, which the tables of owners explain, and a budget selects Pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podlab.pods.phase import is_ready
from podlab.timeline.events import last_event, message_of, short
from podlab.timeline.situations.owners import Owner, refusal_hint
from podlab.timeline.situations.table import Details, Situation


def _suspended(o: Owner) -> Details | None:
    return {} if o.spec.get("suspend") else None


def _said(o: Owner, *reasons: str) -> str:
    """Return the newest message of the Events with one of these reasons; empty if absent."""
    return next((text for reason in reasons if (text := message_of(last_event(o.events, reason)))), "")


def _unparseable(o: Owner) -> Details | None:
    said = _said(o, "UnparseableSchedule", "UnknownTimeZone")
    return {"said": short(said)} if said else None


def _blocked(o: Owner) -> Details | None:
    active = [str(one.get("name")) for one in o.status.get("active") or []]
    forbids = o.spec.get("concurrencyPolicy") == "Forbid" and _said(o, "JobAlreadyActive")
    return {"job": active[0]} if forbids and active else None


def _refused(o: Owner) -> Details | None:
    said = _said(o, "FailedCreate")
    started = o.between or o.status.get("active")
    return {"said": short(said), "hint": refusal_hint(said)} if said and not started else None


def _missed(o: Owner) -> Details | None:
    return {} if _said(o, "TooManyMissedTimes") and not o.status.get("active") else None


def _late(o: Owner) -> Details | None:
    """A controller looks about every ten seconds: a shorter deadline may be over before it does."""
    deadline_s = o.spec.get("startingDeadlineSeconds")
    never = not o.status.get("lastScheduleTime")
    return {"deadline": str(deadline_s)} if deadline_s is not None and deadline_s < 10 and never else None


def _never_yet(o: Owner) -> Details | None:
    if o.status.get("lastScheduleTime") or o.between:
        return None
    zone = o.spec.get("timeZone") or "the time zone of the controller, mostly UTC"
    return {"schedule": str(o.spec.get("schedule")), "zone": str(zone)}


def _deleted(o: Owner) -> Details | None:
    meta = o.body.get("metadata") or {}
    if not meta.get("deletionTimestamp"):
        return None
    return {"names": ", ".join(meta.get("finalizers") or []) or "none"}


def _uncounted(o: Owner) -> Details | None:
    found = o.condition("DisruptionAllowed")
    return {"said": short(found.get("message") or "")} if found.get("reason") == "SyncFailed" else None


def _unseen(o: Owner) -> Details | None:
    return None if "expectedPods" in o.status else {}


def _selects_none(o: Owner) -> Details | None:
    if o.status.get("expectedPods") or o.pods:
        return None
    labels = (o.spec.get("selector") or {}).get("matchLabels") or {}
    shown = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "its selector"
    return {"labels": shown}


def _wants(spec: Mapping[str, Any]) -> str:
    key = "maxUnavailable" if spec.get("maxUnavailable") is not None else "minAvailable"
    return f"{key} is {spec.get(key)}"


def _nobody_may_go(o: Owner) -> Details | None:
    if o.status.get("disruptionsAllowed"):
        return None
    healthy, desired = (int(o.status.get(key) or 0) for key in ("currentHealthy", "desiredHealthy"))
    expected = int(o.status.get("expectedPods") or 0)
    why = f"{healthy} of {expected} Pods are healthy and {desired} must be ({_wants(o.spec)})"
    if healthy < expected:
        sick = [one for one in o.pods if not is_ready(one)]
        name = str((sick[0].get("metadata") or {}).get("name")) if sick else ""
        first = f"podlab explain {name}" if name else "make the others healthy"
        return {"why": why, "hint": f"{first}; an eviction is tried again until it is allowed"}
    return {"why": why, "hint": "run one replica more, or let the budget allow one to be away"}


CRONJOBS: tuple[Situation[Owner], ...] = (
    Situation(
        "a CronJob that was deleted", _deleted,
        "is being deleted", "it was deleted; finalizers: {names}", "podlab events --for {pod}",
    ),
    Situation(
        "a CronJob that is suspended", _suspended,
        "starts no Job", "it is suspended; Jobs that run already go on", "set spec.suspend to false",
    ),
    Situation(
        "a schedule that cannot be read", _unparseable,
        "starts no Job", "{said}", "correct spec.schedule (minute hour day month weekday) or spec.timeZone",
    ),
    Situation(
        "a CronJob whose last Job still runs", _blocked,
        "starts no further Job", "its Job {job} still runs, and concurrencyPolicy is Forbid",
        "podlab explain job/{job}; Replace would end it for the next one",
    ),
    Situation("Jobs that may not be made", _refused, "starts no Job", "{said}", "{hint}"),
    Situation(
        "a CronJob that missed too many times", _missed,
        "is behind its schedule", "more than 100 of its times passed without a Job",
        "set startingDeadlineSeconds, so that older times are left out",
    ),
    Situation(
        "a deadline that is over before anybody looks", _late,
        "starts no Job", "startingDeadlineSeconds is {deadline}, and a controller looks about every 10 s",
        "set startingDeadlineSeconds to 10 or more",
    ),
)  # fmt: skip
WAITING: Situation[Owner] = Situation(
    "a CronJob whose time has not come", _never_yet,
    "has started no Job yet", "its schedule is {schedule}, in {zone}",
    "wait for its time (with kubectl: kubectl create job test --from=cronjob/{pod} starts one now)",
)  # fmt: skip
BUDGETS: tuple[Situation[Owner], ...] = (
    Situation(
        "a budget that was deleted", _deleted,
        "is being deleted", "it was deleted; finalizers: {names}", "podlab events --for {pod}",
    ),
    Situation(
        "a budget that no controller has looked at", _unseen,
        "is not counted", "no controller has looked at it yet", "wait a few seconds, then ask again",
    ),
    Situation(
        "a budget whose Pods cannot be counted", _uncounted,
        "lets no Pod go", "{said}", "give minAvailable as a number, or select Pods of one controller",
    ),
    Situation(
        "a budget without Pods", _selects_none,
        "protects no Pod", "no Pod of its namespace has {labels}", "compare its selector with the Pods' labels",
    ),
    Situation("a budget that is used up", _nobody_may_go, "lets no Pod go", "{why}", "{hint}"),
)  # fmt: skip
