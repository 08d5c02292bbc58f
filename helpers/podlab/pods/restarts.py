"""
Restart policies: which one holds for a container, and whether it starts the container again.

Source: shouldContainerBeRestarted in pkg/kubelet/container/helpers.go.
"""

from __future__ import annotations

from podlab.pods.raw import RawView


def policy_of(pod: RawView, container: RawView) -> str:
    """Return the restartPolicy that holds for a container: its own, else the Pod's."""
    return str(container.get("restartPolicy") or (pod.get("spec") or {}).get("restartPolicy") or "Always")


def restarts_after(policy: str, exit_code: int | None) -> bool:
    """Return whether *policy* starts a container again that ended with *exit_code*; None counts as a failure."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)
