"""A Pod that has no node, or one that is not there."""

from __future__ import annotations

import re

from podlab.timeline.events import short
from podlab.timeline.situations.observed import Observed
from podlab.timeline.situations.table import Details, Situation

SILENT_S = 20.0  # a scheduler and a kubelet that work answer within seconds
_NODES = "(with kubectl: kubectl describe nodes)"
# What the scheduler says of nodes that do not fit -> what to try; all that are in its message are named.
_MISFITS = (
    (r'persistentvolumeclaim "([^"]+)" not found', "create the PersistentVolumeClaim {0}"),
    (r'persistentvolumeclaim "([^"]+)" is being deleted', "wait until the claim {0} is gone, and create it"),
    (r"PersistentVolumeClaim with (?:the same name and )?ReadWriteOncePod",
     "another Pod has its claim, whose access mode is ReadWriteOncePod: end that one"),
    (r"binding volumes",
     "its claim's provisioner has not made the volume: see its Events (with kubectl: kubectl describe pvc)"),
    (r"unbound immediate PersistentVolumeClaims",
     "see why its claim has no volume: storageClassName, size, access mode (with kubectl: kubectl describe pvc)"),
    (r"volume node affinity conflict", "its volume is on another node or zone: let the Pod go there"),
    (r"max(imum)? volume count", "its nodes can attach no more volumes: use fewer, or another node"),
    (r"Insufficient ([\w.-]+/[\w.-]+)",
     "no node has {0} left: see whether its device plugin runs on a node, or ask for less " + _NODES),
    (r"Insufficient (\w[\w/-]*(?:\.\w[\w/-]*)*)",
     "ask for less {0} in resources.requests (init containers count too), or free some on a node " + _NODES),
    (r"Too many pods", "the nodes hold as many Pods as they may: delete some, or add a node"),
    (r"didn't match Pod's node affinity/selector",
     "compare its nodeSelector and nodeAffinity with the nodes' labels "
     "(with kubectl: kubectl get nodes --show-labels)"),
    (r"untolerated taint \{(node\.kubernetes\.io/(?:not-ready|unreachable|network-unavailable))[^}]*\}",
     "a node is not well ({0}): see why (with kubectl: kubectl describe nodes)"),
    (r"untolerated taint \{(node\.kubernetes\.io/\w+-pressure)[^}]*\}", "a node runs short ({0}): free some there"),
    (r"untolerated taint \{(node\.kubernetes\.io/unschedulable)|were unschedulable",
     "a node is cordoned: make it schedulable again (with kubectl: kubectl uncordon NODE)"),
    (r"untolerated taint(?:\(s\)|s)? ?\{([^:}]+)[^}]*\}",
     "tolerate the taint {0} in spec.tolerations, or take it from a node"),
    (r"untolerated taint",
     "tolerate the taints of its nodes in spec.tolerations, or take them away " + _NODES),
    (r"didn't have free ports", "its hostPort is taken on every node: use another, or none"),
    (r"didn't match pod anti-affinity|anti-affinity rules",
     "its anti-affinity keeps it from nodes where such Pods are: loosen it, or add a node"),
    (r"didn't match pod affinity", "its podAffinity asks for a Pod that is nowhere: start that one"),
    (r"didn't match pod topology spread", "its topologySpreadConstraints allow no node: loosen them"),
    (r"cannot allocate all claims|resourceclaim", "see its claims (with kubectl: kubectl describe resourceclaim)"),
    (r"no nodes available|0/0 nodes", "the cluster has no node: podlab status"),
)  # fmt: skip
_PREEMPTION = re.compile(
    r"(?<=\.)( no new claims to deallocate,)? preemption: \S+ nodes are available: "
    r"\d+ (?:Preemption is not helpful|No preemption victims)[^.]*\.?$"
)
_ANY = f"compare its requests, nodeSelector and tolerations with the nodes {_NODES}"


def unfit_hint(message: str) -> str:
    """Return what to try for each cause that the scheduler's message names, three at most."""
    found: list[str] = []
    rest = message
    for pattern, text in _MISFITS:
        match = re.search(pattern, rest)
        if match:
            found.append(text.format(*((group or "").strip() for group in match.groups())))
            rest = rest.replace(match[0], "")
    return "; ".join(found[:3]) or _ANY


def _said(o: Observed) -> str:
    """Return the scheduler's message; that preemption would not help either is left out."""
    text = str(o.condition("PodScheduled").get("message") or o.says("FailedScheduling"))
    return _PREEMPTION.sub("", text)


def _nowhere(o: Observed) -> bool:
    return not o.spec.get("nodeName") and not o.over


def _gated(o: Observed) -> Details | None:
    if not _nowhere(o) or o.condition("PodScheduled").get("reason") != "SchedulingGated":
        return None
    names = ", ".join(str(gate.get("name")) for gate in o.spec.get("schedulingGates") or [])
    return {"names": f": {names}" if names else ""}


def _other_scheduler(o: Observed) -> Details | None:
    name = str(o.spec.get("schedulerName") or "default-scheduler")
    return {"name": name} if _nowhere(o) and not _said(o) and name != "default-scheduler" else None


def _not_looked_at(o: Observed) -> Details | None:
    if not _nowhere(o) or _said(o):
        return None
    age = o.age_s(o.meta.get("creationTimestamp"))
    if age is None or age < SILENT_S:
        return {"since": "", "hint": f"podlab events --for {o.meta.get('name')}"}
    return {"since": f" in {age:.0f} s", "hint": "see whether the scheduler runs: podlab status"}


def _makes_room(o: Observed) -> Details | None:
    node = o.status.get("nominatedNodeName")
    return {"node": str(node), "said": short(_said(o), 200)} if _nowhere(o) and node and _said(o) else None


def _volume(o: Observed) -> Details | None:
    found = re.search("persistentvolumeclaim|binding volumes", _said(o).lower()) and _nowhere(o)
    return {"said": short(_said(o)), "hint": unfit_hint(_said(o))} if found else None


def _unfit(o: Observed) -> Details | None:
    return {"said": short(_said(o)), "hint": unfit_hint(_said(o))} if _nowhere(o) else None


def _absent_node(o: Observed) -> Details | None:
    """A Pod that the scheduler did not place: neither its condition nor its Event is there."""
    node = o.spec.get("nodeName")
    placed = o.condition("PodScheduled") or o.event("Scheduled", "FailedAttachVolume") or o.containers
    return {"node": str(node)} if node and not placed and o.phase == "Pending" and not o.over else None


def _silent_node(o: Observed) -> Details | None:
    if o.phase != "Pending" or o.containers or not o.spec.get("nodeName"):
        return None
    failed = o.event("FailedAttachVolume", "FailedMount", "FailedCreatePodSandBox")
    if failed or o.condition("PodReadyToStartContainers"):
        return None
    age = o.age_s(o.condition("PodScheduled").get("lastTransitionTime"))
    late = age is not None and age >= SILENT_S
    return {"node": str(o.spec["nodeName"]), "since": f" in {age:.0f} s" if late else "",
            "hint": "see whether the node is Ready (with kubectl: kubectl get nodes)" if late
            else "wait a few seconds, then ask again"}  # fmt: skip


TABLE: tuple[Situation[Observed], ...] = (
    Situation(
        "held by scheduling gates", _gated,
        "has no node yet", "scheduling gates hold it back{names}", "remove spec.schedulingGates",
    ),
    Situation(
        "a scheduler that is not there", _other_scheduler,
        "has no node yet", "no scheduler of the name {name} has looked at it",
        "start that scheduler, or take spec.schedulerName away",
    ),
    Situation(
        "not looked at by the scheduler", _not_looked_at,
        "has no node yet", "the scheduler has not looked at it{since}", "{hint}",
    ),
    Situation(
        "others are made to give way for it", _makes_room,
        "has no node yet", "it is to run on {node}, where Pods of lower priority give way first: {said}",
        "wait until those have ended; podlab events --for {pod}",
    ),
    Situation("a claim without a volume", _volume, "has no node: a volume is missing", "{said}", "{hint}"),
    Situation("no node fits", _unfit, "has no node: it cannot be scheduled", "{said}", "{hint}"),
    Situation(
        "a node that is not there", _absent_node,
        "has not started yet",
        "the manifest itself puts it on the node {node} (spec.nodeName), which has not reported on it",
        "see whether there is a node {node} (with kubectl: kubectl get nodes); take spec.nodeName away",
    ),
    Situation(
        "a node that does not report", _silent_node,
        "has not started yet", "its node {node} has not reported on it{since}", "{hint}",
    ),
)  # fmt: skip
