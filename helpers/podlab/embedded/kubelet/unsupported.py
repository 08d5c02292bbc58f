"""
Fields of a Pod that this node cannot grant: reported as Events, because the container fails far from the cause.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from podlab.embedded.sandbox.program import CAPABILITIES, plain
from podlab.pods.raw import RawObject

REASON = "NotGranted"
OF_POD = {
    "hostPID": "the processes of the machine (hostPID)",
    "hostIPC": "the machine's inter-process communication (hostIPC)",
}


def of_pod(pod: RawObject) -> Iterator[str]:
    """Return what the Pod as a whole does not get."""
    for key, what in OF_POD.items():
        if pod["spec"].get(key):
            yield f"this node does not share {what}; the Pod runs without"


def asks_seccomp(pod: RawObject, container: RawObject) -> bool:
    """Return whether a container must run under the runtime's own seccomp profile."""
    for owner in (container, pod["spec"]):
        profile = (owner.get("securityContext") or {}).get("seccompProfile")
        if profile:
            return bool(profile.get("type") == "RuntimeDefault")
    return False


def asks_net_admin(pod: RawObject) -> bool:
    """Return whether the Pod needs a network of its own whose rules it may change; of the node's network nobody may."""
    if pod["spec"].get("hostNetwork"):
        return False
    containers = [*(pod["spec"].get("initContainers") or ()), *pod["spec"].get("containers", ())]
    return any("NET_ADMIN" in _added(one) for one in containers)


def _added(container: RawObject) -> set[str]:
    security = container.get("securityContext") or {}
    return plain((security.get("capabilities") or {}).get("add") or ())


def of_profile(pod: RawObject, container: RawObject, *, filters_calls: bool) -> Iterator[str]:
    """Return the text for a container whose system calls this node cannot filter."""
    if asks_seccomp(pod, container) and not filters_calls:
        what = "the seccomp profile RuntimeDefault"
        yield f"container {container['name']} asks for {what}; this node filters no system calls"


def of_container(container: RawObject, granted: Collection[str] = ()) -> Iterator[str]:
    """Return the texts for one container; *granted* are the capabilities that its Pod may have beside the usual."""
    security = container.get("securityContext") or {}
    if security.get("privileged"):
        yield f"container {container['name']} asks to be privileged; this node runs it as an ordinary container"
    added = _added(container)
    lacking = sorted(added - {*CAPABILITIES.values(), *granted, "ALL"})
    if "ALL" in added:
        yield f"container {container['name']} asks for all capabilities; this node gives those that are usual"
    elif lacking:
        yield f"container {container['name']} asks for {', '.join(lacking)}; this node does not give that to anybody"
