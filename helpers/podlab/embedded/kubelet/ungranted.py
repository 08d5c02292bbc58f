"""
What a Pod asks for and this node does not give: said in Events, for a container that lacks it fails far from the cause.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from podlab.embedded.sandbox.program import CAPABILITIES
from podlab.pods.raw import RawObject

REASON = "NotGranted"
OF_POD = {
    "hostPID": "the processes of the machine (hostPID)",
    "hostIPC": "the machine's inter-process communication (hostIPC)",
}


def of_pod(pod: RawObject) -> Iterator[str]:
    """What the Pod as a whole does not get."""
    for key, what in OF_POD.items():
        if pod["spec"].get(key):
            yield f"this node does not share {what}; the Pod runs without"


def of_container(container: RawObject) -> Iterator[str]:
    """What one container does not get."""
    security = container.get("securityContext") or {}
    if security.get("privileged"):
        yield f"container {container['name']} asks to be privileged; this node runs it as an ordinary container"
    added = {
        name.removeprefix("CAP_").upper() for name in (security.get("capabilities") or {}).get("add") or ()
    }
    lacking = sorted(added - {*CAPABILITIES.values(), "ALL"})
    if "ALL" in added:
        yield f"container {container['name']} asks for all capabilities; this node gives those that are usual"
    elif lacking:
        yield f"container {container['name']} asks for {', '.join(lacking)}; this node does not give that to anybody"
