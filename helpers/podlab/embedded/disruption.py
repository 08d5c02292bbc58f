"""
The condition ``DisruptionTarget``: a Pod is about to be ended by somebody else than itself, and why; a pure function.

A Job's ``podFailurePolicy`` reads it, so whoever ends a Pod early writes it first: the eviction API and the eviction by
taints.

Source: pkg/registry/core/pod/storage/eviction.go, pkg/controller/tainteviction/taint_eviction.go at v1.36.3.
"""

from __future__ import annotations

from podlab.pods.raw import RawObject

TYPE = "DisruptionTarget"


def marked(pod: RawObject, reason: str, message: str, stamp: str) -> RawObject:
    """
    Return the Pod with the condition set; an earlier one is replaced.

    Args:
        stamp: The instant of the change, as the API writes it.
    """
    status = pod.get("status") or {}
    kept = [entry for entry in status.get("conditions") or [] if entry["type"] != TYPE]
    condition = {
        "type": TYPE,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }
    return {**pod, "status": {**status, "conditions": [*kept, condition]}}
