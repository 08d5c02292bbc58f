"""A Pod whose phase is Failed, or will be: evicted, refused by its node, out of time, or ended badly."""

from __future__ import annotations

from podlab.timeline.crashes import why_it_ended
from podlab.timeline.events import message_of, short
from podlab.timeline.situations.observed import Observed, ObservedContainer
from podlab.timeline.situations.table import Details, Situation, hint_for

# What to do about an eviction, by what its message says; {0} is what the pattern names.
_EVICTIONS = (
    (r'EmptyDir volume "([^"]+)" exceeds', "raise sizeLimit of the volume {0}, or write less into it"),
    (r"Container (\S+) exceeded its local ephemeral", "raise the limit ephemeral-storage of {0}, or write less"),
    (r"Pod ephemeral local storage usage exceeds",
     "raise the limits ephemeral-storage of its containers, or write less to emptyDir, logs and files"),
    (r"low on resource: (ephemeral-storage|inodes)",
     "free disk on the node; request the {0} that it uses, for those who exceed their requests go first"),
    (r"low on resource: memory", "request the memory that it uses (resources.requests): who exceeds it goes first"),
    (r"low on resource: (\S+?)[.,]", "the node ran out of {0}: let Pods use less, or use another node"),
    (r"could not tolerate taint|taint", "tolerate that taint, or wait until the node is Ready again"),
)  # fmt: skip
# status.reason -> what to try; the words are those of pkg/kubelet (lifecycle, eviction, preemption, nodeshutdown).
_REASONS = {
    "DeadlineExceeded": "raise spec.activeDeadlineSeconds, or make the work shorter",
    "Preempting": "a Pod of the node's own took its place: a controller makes it again, a bare Pod you apply again",
    "NodeLost": "its node does not answer: a controller makes it again, a bare Pod you apply again",
    "NodeShutdown": "its node was shut down: a controller makes it again, a bare Pod you apply again",
    "Terminated": "its node was shut down: a controller makes it again, a bare Pod you apply again",
    "Shutdown": "its node was shut down: a controller makes it again, a bare Pod you apply again",
    "NodeAffinity": "the node's labels do not fit its nodeAffinity: label the node, or take spec.nodeName away",
    "NodeSelectorMismatching": "the node's labels do not fit its nodeSelector: label it, or take spec.nodeName away",
    "NodeName": "spec.nodeName names another node: take it away, so that the scheduler chooses",
    "NodePorts": "another Pod has that hostPort on the node: use another, or none",
    "TaintToleration": "tolerate the node's taint, or take spec.nodeName away",
    "SysctlForbidden": "take that sysctl away, or have the node allow it (kubelet: allowedUnsafeSysctls)",
    "AppArmor": "load that AppArmor profile on the node, or name one that is there",
    "PodOSNotSupported": "spec.os names another system than the node's: take it away, or choose a node that fits",
    "PodOSSelectorNodeLabelDoesNotMatch": "the label kubernetes.io/os of the Pod does not fit the node: take it away",
    "UnsupportedResourceRequest": "the node does not have that resource: take the request away",
    "TopologyAffinityError": "the node cannot place these resources on one NUMA node: ask for less, or another node",
    "UnexpectedAdmissionError": "the node could not give it its devices: see what the message names",
    "InitContainerRestartPolicyForbidden": "this node knows no sidecars: use a node of 1.29 or newer",
    "PodFeatureUnsupported": "this node does not have that feature: use another node, or take the field away",
}  # fmt: skip
# condition DisruptionTarget -> what to try
_DISRUPTIONS = {
    "PreemptionByScheduler": "a Pod of higher priority took its place: raise its priorityClassName, or make room",
    "DeletionByTaintManager": "tolerate the taint of its node, or wait until the node is Ready again",
    "EvictionByEvictionAPI": "somebody drained its node: a controller makes it again, a bare Pod you apply again",
    "DeletionByPodGC": "its node is gone: a controller makes it again, a bare Pod you apply again",
    "TerminationByKubelet": "its node ran short of something: see the message, and request what the Pod uses",
}


def evicted_hint(message: str) -> str:
    """Return what to change so that a Pod is not evicted again, by what its eviction says."""
    return hint_for(message, _EVICTIONS, otherwise="ask for what it uses (resources), then apply it again")


def _evicted(o: Observed) -> Details | None:
    if o.phase != "Failed" or o.status.get("reason") != "Evicted":
        return None
    message = str(o.status.get("message") or "")
    return {"said": short(f"Evicted: {message}"), "hint": evicted_hint(message)}


def _refused(o: Observed) -> Details | None:
    reason = str(o.status.get("reason") or "")
    if o.phase != "Failed" or not reason:
        return None
    hint = _REASONS.get(reason)
    if reason.startswith("OutOf"):
        what = reason.removeprefix("OutOf")
        hint = (
            f"the node has too little {what} left: ask for less, or take spec.nodeName away for the scheduler"
        )
    said = short(f"{reason}: {o.status.get('message') or ''}").rstrip(": ")
    return {"said": said, "hint": hint or f"podlab events --for {o.meta.get('name')}"}


def _disrupted(o: Observed) -> Details | None:
    target = o.condition("DisruptionTarget")
    hint = _DISRUPTIONS.get(str(target.get("reason") or ""))
    if o.phase != "Failed" or target.get("status") != "True" or hint is None:
        return None
    return {"said": short(f"{target['reason']}: {target.get('message') or ''}"), "hint": hint}


def _lost(c: ObservedContainer) -> Details | None:
    return {"title": c.title} if c.ended.get("reason") == "ContainerStatusUnknown" else None


def _ended_badly(c: ObservedContainer) -> Details | None:
    if c.role == "sidecar" or not c.ended.get("exitCode"):
        return None
    why, hint = why_it_ended(c.of.pod, c.name, c.status, c.of.events)
    told = f"{c.title} {why[3:]}" if why.startswith("it ") else f"{c.title}: {why}"
    if c.of.owner == "Job":
        hint += "; its Job makes another Pod until backoffLimit is reached"
    return {"said": short(told), "hint": hint}


def _being_ended(o: Observed) -> Details | None:
    # The kubelet has decided that the Pod is Failed, and shows the phase only when no container can run any more
    # (mergePodStatus); until then the reason of the condition Ready is all that its status shows.
    if o.phase not in ("Pending", "Running") or o.condition("Ready").get("reason") != "PodFailed":
        return None
    event = o.event("DeadlineExceeded", "Evicted", "Preempting")
    if event is None:
        return None
    reason, message = str(event.get("reason")), message_of(event)
    left = [c.name for c in o.containers if c.runs]
    still = f"; {', '.join(left)} may use its grace period" if left else ""
    return {
        "said": short(f"{reason}: {message}") + still,
        "hint": evicted_hint(message) if reason == "Evicted" else _REASONS[reason],
    }


def _unclear(o: Observed) -> Details | None:
    return {} if o.phase == "Failed" else None


WHAT = "is Failed and will not run again"
BY_REASON: tuple[Situation[Observed], ...] = (
    Situation("evicted", _evicted, WHAT, "{said}", "{hint}"),
    Situation("refused or ended by its node", _refused, WHAT, "{said}", "{hint}"),
    Situation("made to give way", _disrupted, WHAT, "{said}", "{hint}"),
)
ENDING: tuple[Situation[Observed], ...] = (
    Situation("being stopped by its node", _being_ended, "is being stopped by its node", "{said}", "{hint}"),
)
BY_CONTAINER: tuple[Situation[ObservedContainer], ...] = (
    Situation(
        "its node lost sight of a container", _lost, WHAT,
        "{title} could not be looked at any more: the Pod was taken away before its container was seen to end, or the "
        "node was restarted",
        "apply it again; podlab events --for {pod}",
    ),
    Situation("a container ended badly for good", _ended_badly, WHAT, "{said}", "{hint}"),
)  # fmt: skip
OTHERS: tuple[Situation[Observed], ...] = (
    Situation(
        "Failed for no stated reason", _unclear, WHAT, "its containers did not end well", "podlab events --for {pod}",
    ),
)  # fmt: skip
