"""
Why is my Job or Deployment not running? Its own trouble first, else that of the Pod of it that is in trouble.

A CronJob is explained by its own trouble, else by its newest Job; a PodDisruptionBudget by what it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from podlab.pods.raw import RawObject
from podlab.timeline.events import about, message_of, seen_s, short
from podlab.timeline.explain import Explanation, explain
from podlab.timeline.situations.owners import AFTER_PODS, BEFORE_PODS, Owner
from podlab.timeline.situations.standing import BUDGETS, CRONJOBS, WAITING
from podlab.timeline.situations.table import MatchedSituation, first

KINDS = ("Job", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "CronJob", "PodDisruptionBudget")
BETWEEN = {"Deployment": "ReplicaSet", "CronJob": "Job"}


def explain_owner(
    owner: RawObject,
    pods: Iterable[RawObject] = (),
    events: Iterable[RawObject] = (),
    *,
    between: Iterable[RawObject] = (),
    now: float | None = None,
) -> Explanation:
    """
    Explain a Job, Deployment, ReplicaSet, StatefulSet, DaemonSet, CronJob or PodDisruptionBudget.

    Args:
        owner: The object, with its ``kind``.
        pods: Pods of its namespace; those of others are ignored.
        events: Events of its namespace.
        between: ReplicaSets of its namespace, for a Deployment; Jobs of it, for a CronJob.
        now: Seconds since the epoch, see ``explain``.
    """
    said = list(events)
    pods = list(pods)
    o = _gather(owner, pods, said, between)
    name = str((owner.get("metadata") or {}).get("name") or "?")
    title = f"{o.kind} {name}"
    if o.kind == "CronJob":
        found = _of_schedule(o, title, name, said, now)
    elif o.kind == "PodDisruptionBudget":
        found = _of_budget(replace(o, pods=_selected(o, pods)), title, name)
    elif before := first(BEFORE_PODS, [o], name):
        found = _told(title, before)
    else:
        found = _of_pods(o, title, said, now) or _told_after(o, title, name) or _well(o, title)
    return found if found.well else replace(found, why=found.why + _unused(o, found.why))


def _of_schedule(
    o: Owner, title: str, name: str, events: Sequence[RawObject], now: float | None
) -> Explanation:
    """Return what keeps a CronJob from starting Jobs, else what is wrong with the newest one."""
    if found := first(CRONJOBS, [o], name):
        return _told(title, found)
    jobs = sorted(o.between, key=lambda one: str((one.get("metadata") or {}).get("creationTimestamp")))
    if not jobs:
        waits = WAITING.found(o, name)
        scheduled = o.status.get("lastScheduleTime")
        well = f"its last Job was started for {scheduled} and is gone"
        return (
            replace(_told(title, waits), well=True)
            if waits
            else Explanation(f"{title} is healthy", well, "", well=True)
        )
    newest = explain_owner({"kind": "Job", **jobs[-1]}, o.pods, events, now=now)
    if not newest.well:
        return replace(newest, what=f"{title}: {newest.what}")
    return Explanation(f"{title} is healthy", f"its newest {newest.what}", "", well=True)


def _of_budget(o: Owner, title: str, name: str) -> Explanation:
    if found := first(BUDGETS, [o], name):
        return _told(title, found)
    allowed = int(o.status.get("disruptionsAllowed") or 0)
    healthy = f"{o.status.get('currentHealthy')} of {o.status.get('expectedPods')} Pods are healthy"
    what = f"{title} lets {allowed} Pod{'s' if allowed != 1 else ''} go"
    return Explanation(what, f"{healthy} and {o.status.get('desiredHealthy')} must be", "", well=True)


def _selected(o: Owner, pods: Sequence[RawObject]) -> list[RawObject]:
    """Return the Pods that have the labels of a budget's selector; its expressions are left to the server's counts."""
    labels = ((o.spec.get("selector") or {}).get("matchLabels") or {}).items()
    return [one for one in pods if labels <= ((one.get("metadata") or {}).get("labels") or {}).items()]


def _unused(o: Owner, told: str) -> str:
    """
    Return the newest Warning about the owner that is not in the answer; what it could not make before, it may have
    made.
    """
    for event in reversed(o.events):
        said = short(message_of(event), 200)
        if event.get("type") == "Warning" and said[:60] not in told and event.get("reason") != "FailedCreate":
            return f"; another warning: {event.get('reason')}: {said}"
    return ""


def _gather(
    owner: RawObject, pods: Iterable[RawObject], events: Iterable[RawObject], between: Iterable[RawObject]
) -> Owner:
    uid = (owner.get("metadata") or {}).get("uid")
    sets = [one for one in between if uid in _owners(one)]
    uids = {uid, *((one.get("metadata") or {}).get("uid") for one in sets)}
    mine = [pod for pod in pods if uids & set(_owners(pod))]
    mine.sort(key=lambda pod: str((pod.get("metadata") or {}).get("creationTimestamp")), reverse=True)
    told = sorted((e for e in events if about(e).get("uid") in uids), key=lambda e: seen_s(e) or 0.0)
    return Owner(owner, mine, told, sets)


def _owners(body: RawObject) -> list[object]:
    return [one.get("uid") for one in (body.get("metadata") or {}).get("ownerReferences") or []]


def _of_pods(o: Owner, title: str, events: Sequence[RawObject], now: float | None) -> Explanation | None:
    """Return what is wrong with the newest Pod that is in trouble; a finished one counts where none is alive."""
    if o.true("Complete"):
        return None
    found = [explain(pod, events, now=now) for pod in o.pods]
    if o.kind == "Job" and not any(one.well for one in found):
        found = [one for one in found if not _is_over(one)] or found
    if o.kind == "Deployment" and not o.spec.get("paused"):
        found = [one for one in found if one.what.rpartition(" ")[2] != "terminating"]
    trouble = [one for one in found if not one.well]
    if not trouble:
        return None
    more = f"; {len(trouble)} of {len(found)} Pods are in trouble" if len(found) > 1 else _next_in_turn(o)
    one = trouble[0]
    return Explanation(f"{title}: {one.what}", one.why + more, one.hint, situation=one.situation)


def _next_in_turn(o: Owner) -> str:
    """Say which Pod of a StatefulSet waits for the one that is there; it makes them one after another by default."""
    if o.kind != "StatefulSet" or o.spec.get("podManagementPolicy") == "Parallel" or len(o.pods) >= o.wanted:
        return ""
    name, first_number = (
        (o.body.get("metadata") or {}).get("name"),
        (o.spec.get("ordinals") or {}).get("start") or 0,
    )
    there = str((o.pods[0].get("metadata") or {}).get("name"))
    return f"; {name}-{first_number + len(o.pods)} is made only once {there} is Ready"


def _is_over(found: Explanation) -> bool:
    return found.what.endswith("will not run again")


def _told_after(o: Owner, title: str, name: str) -> Explanation | None:
    found = first(AFTER_PODS, [o], name)
    return None if found is None else _told(title, found)


def _told(title: str, found: MatchedSituation) -> Explanation:
    return Explanation(f"{title} {found.what}", found.why, found.hint, situation=found.situation)


def _well(o: Owner, title: str) -> Explanation:
    if o.true("Complete"):
        done = o.status.get("succeeded") or 0
        return Explanation(
            f"{title} is complete", f"{done} Pod{'s' if done != 1 else ''} succeeded", "", well=True
        )
    if o.kind != "Job" and len(o.pods) < o.wanted:
        why = f"{len(o.pods)} of its {o.wanted} Pods exist{'s' if len(o.pods) == 1 else ''} so far"
        return Explanation(f"{title} has too few Pods", why, "wait a few seconds, then ask again")
    if not o.pods:
        return Explanation(f"{title} has no Pods", "none exists now", "wait a few seconds, then ask again")
    healthy = "its Pod is healthy" if len(o.pods) == 1 else f"its {len(o.pods)} Pods are healthy"
    return Explanation(f"{title} is healthy", healthy, "", well=True)
