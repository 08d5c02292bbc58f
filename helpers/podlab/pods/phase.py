"""Whether a Pod has ended, and whether it is Ready, as its status says."""

from __future__ import annotations

from podlab.pods.raw import RawView

ENDED = ("Succeeded", "Failed")


def has_ended(pod: RawView) -> bool:
    """Return whether the phase is final."""
    return (pod.get("status") or {}).get("phase") in ENDED


def is_ready(pod: RawView) -> bool:
    """Return whether the condition Ready is True."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
