"""
Whose doing it is that a call to a Service failed while Pods were replaced: the answer's, or that of a late cluster.

An endpoint is taken out of its Service while the Pod is told to stop already. An answer that lets its Pod serve on for
some seconds has done its part; a cluster that takes longer still sends calls there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from podlab.checks.case import Finding
from podlab.checks.lives import Life

SERVED_ON_S = 4  # a preStop of 5 s, less the second that a deletion is known to
_LATE = "the cluster was late to take them out of the Service: its lateness is nobody's fault"


def undecided(
    life: Life, calls: Sequence[dict[str, Any]], *, app: str, old: Collection[str], pods: Collection[str],
    patience_s: float,
) -> Finding | None:  # fmt: skip
    """
    Return a finding that leaves the check open where the cluster may have lost each of the failed *calls*, else None.

    A new Pod may have failed a call as well, unless nothing reaches it before it is ready: ask for its probes first.

    Args:
        calls: Lines that a caller wrote, each with ``at``, seconds since the epoch.
        app: The container that answers calls, and writes a line ``signal`` when it is told to stop.
        old: Names of the Pods that were deleted.
        pods: Names of all Pods behind the Service, *old* among them.
        patience_s: How long the caller waits for an answer.
    """
    if not calls:
        return None
    for call in calls:
        at = call["at"]
        had_to_stop = any(_stopped(life, app, pod) <= at <= _over(life, pod) + patience_s for pod in old)
        if not had_to_stop or not any(_is_ready(life, pod, at) for pod in pods):
            return None
    return Finding(
        None, f"old Pods went on serving for {SERVED_ON_S} s, and still got calls after that", _LATE
    )


def _stopped(life: Life, app: str, pod: str) -> float:
    """Return when *app* stopped in *pod*, seconds since the epoch; infinite if that was soon after the deletion."""
    deleted, told = life.at("pod.deletion", pod), life.said(pod, app, event="signal")
    if not (deleted and told) or told[-1]["at"] - deleted[1] < SERVED_ON_S:
        return float("inf")
    return float(told[-1]["at"])


def _over(life: Life, pod: str) -> float:
    """Return the last end of a container of *pod*, seconds since the epoch; 0 if none has ended."""
    ends = [life.at(f"{lane.name}.end", pod) for lane in life.timeline(pod).lanes]
    return max((end[1] for end in ends if end), default=0.0)


def _is_ready(life: Life, pod: str, at: float) -> bool:
    """Return whether *pod* had become Ready and was not being deleted; else there was nobody else to call."""
    ready, deleted = life.at("pod.ready", pod), life.at("pod.deletion", pod)
    return ready is not None and ready[1] <= at and (deleted is None or at < deleted[0])
