"""
Warnings that an explanation did not use: what nobody looked for, and what is wrong elsewhere in the Pod.

A Warning that the Pod has overcome since is not one of them.
"""

from __future__ import annotations

from podlab.pods.raw import RawObject
from podlab.timeline.clocks import parse_s
from podlab.timeline.events import container_of, message_of, seen_s, short
from podlab.timeline.situations.observed import Observed, ObservedContainer

_PLACING = frozenset(("FailedScheduling",))
_PREPARING = frozenset((
    "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume", "FailedMount",
    "FailedPrepareDynamicResources", "NetworkNotReady",
))  # fmt: skip
_PULLING = frozenset(("FailedToRetrieveImagePullSecret",))
_OF_A_CONTAINER = frozenset((
    "BackOff", "ErrImageNeverPull", "Failed", "FailedPostStartHook", "FailedPreStopHook", "InspectFailed",
    "ProbeWarning", "Unhealthy",
))  # fmt: skip
_OF_A_NODE = frozenset(("NodeNotReady",))
_OF_AN_END = frozenset(("Evicted", "DeadlineExceeded", "ExceededGracePeriod"))
_LIMIT = 200


def unused(o: Observed, told: str) -> str:
    """Return the newest Warning that *told* does not speak of, in words to add to it; empty if absent."""
    for event in reversed(o.events):
        if event.get("type") == "Warning" and not _used(o, event, told) and not _overcome(o, event):
            name = container_of(event)
            where = f" of {name}" if name else ""
            return f"; another warning: {event.get('reason')}{where}: {short(message_of(event), _LIMIT)}"
    return ""


def _used(o: Observed, event: RawObject, told: str) -> bool:
    reason, name, said = str(event.get("reason")), container_of(event), short(message_of(event), _LIMIT)
    if said[:60] in told:
        return True
    if reason in _OF_A_CONTAINER:
        return not name or any(word.strip(":;,.()") == name for word in told.split())
    if reason in _PULLING:
        return False
    return reason in _OF_AN_END or (reason in _PLACING and "no node" in told) or (
        reason in _PREPARING and "has not started" in told
    ) or (reason in _OF_A_NODE and "does not answer" in told)  # fmt: skip


def _overcome(o: Observed, event: RawObject) -> bool:
    reason, name = str(event.get("reason")), container_of(event)
    if reason in _PLACING:
        return bool(o.spec.get("nodeName"))
    if reason in _PREPARING:
        return _after(o.condition("PodReadyToStartContainers"), event) or any(c.runs for c in o.containers)
    if reason in _PULLING:
        return o.holds("ContainersReady")
    if reason in _OF_A_NODE:
        return o.holds("Ready")
    return reason in _OF_A_CONTAINER and _overcome_by(o, name, reason)


def _overcome_by(o: Observed, name: str, reason: str) -> bool:
    """Return whether the container of that name has overcome what it was warned of, or goes with its Pod."""
    if o.meta.get("deletionTimestamp") and reason != "FailedPreStopHook":
        return True
    found = next((c for c in o.containers if c.name == name), None)
    return found is None or _recovered(found)


def _after(condition: object, event: RawObject) -> bool:
    """Return whether the condition has become True no earlier than the Event was seen."""
    found = condition if isinstance(condition, dict) else {}
    since, seen = parse_s(found.get("lastTransitionTime")), seen_s(event)
    return found.get("status") == "True" and (since is None or seen is None or since >= seen)


def _recovered(c: ObservedContainer) -> bool:
    if c.ended:
        return c.role == "sidecar" or (c.ended.get("exitCode") == 0 and not c.comes_back)
    return c.runs and (bool(c.status.get("ready")) or c.role == "init")
