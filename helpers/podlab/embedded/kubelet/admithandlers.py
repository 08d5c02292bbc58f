"""
Whether a node takes a Pod: operating system, sysctls, and whether a Pod that the scheduler was not asked about fits.

Source: pkg/kubelet/sysctl/allowlist.go, pkg/kubelet/lifecycle/predicate.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterable

from podlab.embedded import nodefit
from podlab.pods import requests
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

# Those that are of the Pod alone; without a list of its own a kubelet lets no others be set.
SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)


def refusal(pod: RawObject, others: Iterable[RawObject], node: RawObject) -> tuple[str, str] | None:
    """
    Return why the node cannot take a Pod: reason (``OutOfcpu``) and message; None if it can.

    Args:
        others: The Pods that are on the node already; finished ones do not count.
    """
    active = [p for p in others if not has_ended(p)]
    return _os(pod) or _sysctl(pod) or _resource(pod, active, node) or _predicate(pod, active, node)


def no_room(pod: RawObject, others: Iterable[RawObject], node: RawObject) -> str | None:
    """Return what the node has too little of for a resized Pod; None if it fits."""
    active = [p for p in others if not has_ended(p)]
    found = _resource(pod, active, node)
    return found[1] if found else None


def _os(pod: RawObject) -> tuple[str, str] | None:
    if (pod["spec"].get("os") or {}).get("name", "linux") == "linux":
        return None
    return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"


def _sysctl(pod: RawObject) -> tuple[str, str] | None:
    for given in (pod["spec"].get("securityContext") or {}).get("sysctls") or ():
        name = given["name"].replace("/", ".")
        if name not in SAFE_SYSCTLS:
            return "SysctlForbidden", f'forbidden sysctl: "{name}" not allowlisted'
        for prefix, field, where in (("net.", "hostNetwork", "Net"), ("kernel.", "hostIPC", "IPC")):
            if name.startswith(prefix) and pod["spec"].get(field):
                text = f'forbidden sysctl: "{name}" not allowed with host {where} enabled'
                return "SysctlForbidden", text
    return None


def _resource(pod: RawObject, active: list[RawObject], node: RawObject) -> tuple[str, str] | None:
    capacity = requests.amounts((node.get("status") or {}).get("allocatable"))
    wanted = {"pods": 1} | requests.pod_requests(pod)
    used = requests.total(active) | {"pods": len(active)}
    for what, amount in wanted.items():
        if amount and what in capacity and used.get(what, 0) + amount > capacity[what]:
            numbers = f"requested: {amount}, used: {used.get(what, 0)}, capacity: {capacity[what]}"
            return f"OutOf{what}", f"Node didn't have enough resource: {what}, {numbers}"
    return None


def _predicate(pod: RawObject, active: list[RawObject], node: RawObject) -> tuple[str, str] | None:
    taken = [nodefit.host_ports(other) for other in active]
    taints = [t for t in (node.get("spec") or {}).get("taints") or () if t.get("effect") == "NoExecute"]
    if not nodefit.affine(pod, node):
        name, why = "NodeAffinity", "node(s) didn't match Pod's node affinity/selector"
    elif nodefit.ports_clash(nodefit.host_ports(pod), taken):
        name, why = "NodePorts", "node(s) didn't have free ports for the requested pod ports"
    elif any(not nodefit.tolerated(taint, pod) for taint in taints):
        name, why = "TaintToleration", "node(s) had taints that the pod didn't tolerate"
    else:
        return None
    return name, f"Predicate {name} failed: {why}"
