"""A Pod on a node that cannot be started: a volume, its network, or its sandbox is missing."""

from __future__ import annotations

from podlab.timeline.events import short
from podlab.timeline.situations.observed import Observed
from podlab.timeline.situations.table import Details, Situation, hint_for

_AGAIN = "the kubelet tries again by itself"
# What the kubelet says of a volume -> what to try.
_VOLUMES = (
    (r"are not supported", "use another kind of volume, such as emptyDir"),
    (r'configmap "([^"]+)" not found', "create the ConfigMap {0} in this namespace; " + _AGAIN),
    (r'secret "([^"]+)" not found', "create the Secret {0} in this namespace; " + _AGAIN),
    (
        r"references non-existent (?:config|secret) key: (\S+)",
        "add the key {0}, or take it from items; " + _AGAIN,
    ),
    (r'serviceaccounts? "([^"]+)" not found', "create the ServiceAccount {0} in this namespace; " + _AGAIN),
    (
        r"hostPath type check failed: (\S+)",
        "make {0} on the node, or use type DirectoryOrCreate or FileOrCreate",
    ),
    (
        r"Multi-Attach error",
        "another node still holds the volume: end the Pod there, or use access mode ReadWriteMany",
    ),
    (r"couldn't find key (\S+) in (\S+) (\S+)", "add the key {0} to the {1} {2}; " + _AGAIN),
    (r"failed to pull|pull image|image volume", "check spec.volumes[].image.reference"),
    (
        r"driver name (\S+) not found",
        "the node has no CSI driver {0}: install it, or use another StorageClass",
    ),
    (
        r"helper program|unknown filesystem type",
        "install the mount helper of that kind of volume on the node, such as nfs-common",
    ),
    (
        r"Connection timed out|No route to host|Connection refused|Name or service not known",
        "the node does not reach the volume's server: see its address, and whether it runs",
    ),
    (r"rpc error", "see the Pods of the volume's driver and their logs (with kubectl: kubectl get pods -A)"),
    (r"timed out waiting", "see the Events before this one for what the volume lacks"),
)  # fmt: skip
_SANDBOXES = (
    (r"no runtime for|RuntimeHandler|runtime class",
     "take spec.runtimeClassName away, or install that runtime on the node"),
    (r"cni|network plugin|failed to setup network",
     "its node's network plugin does not work: see its Pods in kube-system"),
    (r"cgroup|no space left|too many open files", "its node is short of something: see the message"),
    (r"hostPort|address already in use", "its hostPort is taken on the node: use another, or none"),
)  # fmt: skip


_DEVICES = (
    (r"claim.* (?:does not exist|not created yet)",
     "see the Pod's claims (with kubectl: kubectl get resourceclaims); " + _AGAIN),
    (r"is not registered",
     "the node has no working driver for it: see the driver's Pods there"),
    (r"DeadlineExceeded|Unavailable", "the driver on its node does not answer: see the driver's Pods there"),
)  # fmt: skip


def _not_prepared(o: Observed) -> bool:
    started = any(c.runs or c.latest_end for c in o.containers)
    return o.phase == "Pending" and not started and not o.holds("PodReadyToStartContainers")


def _volume(o: Observed) -> Details | None:
    said = o.says("FailedMount", "FailedAttachVolume", "FailedMapVolume") if _not_prepared(o) else ""
    other = f"create what the message names; {_AGAIN}"
    return (
        {"said": short(said), "hint": hint_for(said, _VOLUMES, otherwise=other, any_case=True)}
        if said
        else None
    )


def _device(o: Observed) -> Details | None:
    said = o.says("FailedPrepareDynamicResources") if _not_prepared(o) else ""
    other = f"see its claims and the driver on its node; {_AGAIN}"
    return (
        {"said": short(said), "hint": hint_for(said, _DEVICES, otherwise=other, any_case=True)}
        if said
        else None
    )


def _sandbox(o: Observed) -> Details | None:
    said = o.says("FailedCreatePodSandBox", "NetworkNotReady") if _not_prepared(o) else ""
    other = f"podlab events --for {o.meta.get('name')}"
    return (
        {"said": short(said), "hint": hint_for(said, _SANDBOXES, otherwise=other, any_case=True)}
        if said
        else None
    )


TABLE: tuple[Situation[Observed], ...] = (
    Situation("a volume is missing", _volume, "has not started: a volume is missing", "{said}", "{hint}"),
    Situation(
        "a device is not prepared",
        _device,
        "has not started: a device that it claims is not prepared",
        "{said}",
        "{hint}",
    ),
    Situation(
        "its sandbox cannot be made",
        _sandbox,
        "has not started: its network could not be made",
        "{said}",
        "{hint}",
    ),
)
