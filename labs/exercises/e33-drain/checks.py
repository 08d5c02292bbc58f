"""
e33 drain: a customer outside counts failed calls, during a rollout and after a delete.

Calls before the customer had fifteen good ones in a row are left out: the first Pods may still be starting then.
"""

from typing import Any

from podlab.checks import KILLED, Case, Finding, Life, check

BOTH = "endpoint and SIGTERM are handled at the same time: nothing waits for the Service"
LATE = "the cluster was late to take them out of the Service: its lateness is nobody's fault"
SERVED_ON_S = 4  # a preStop of 5 s, less the second that a deletion is known to
PATIENCE_S = 20  # the customer's --timeout


def failed(life: Life, since: str, until: str | None = None) -> list[dict[str, Any]]:
    """Return the failed calls that were written between two steps of the play."""
    first, last = life.act(since).at, life.act(until).at if until else float("inf")
    calls = life.said("customer", event="call", good=False)
    return [call for call in calls if first <= call["at"] < last]


def has(life: Life, container: str, *fields: str) -> bool:
    """Return whether a container of the newest Pod has one of these fields: this decides about the hint alone."""
    spec = life.latest(life.answered[-1])["spec"]
    rows = [*(spec.get("initContainers") or []), *spec["containers"]]
    return any(row["name"] == container and any(row.get(key) for key in fields) for row in rows)


def hint(life: Life) -> int:
    """Where to look next: at the start of new Pods, at the end of old ones, or at the time that a hook has."""
    if life.role("proxy") != "sidecar" or not (
        has(life, "shop", "lifecycle") or has(life, "proxy", "lifecycle")
    ):
        return 2
    return 3 if has(life, "shop", "readinessProbe") else 1


def judged(life: Life, since: str, until: str | None) -> Finding:
    """Return the finding about the calls between two steps."""
    if killed(life):
        return Finding(not failed(life, since, until), "calls failed: a container was killed", BOTH, hint=3)
    calls = failed(life, since, until)
    if calls and all(is_the_clusters(life, since, call) for call in calls):
        return Finding(
            None, f"old Pods went on serving for {SERVED_ON_S} s, and still got calls after that", LATE
        )
    return Finding(not calls, "calls failed", BOTH, hint(life))


def is_the_clusters(life: Life, step: str, call: dict[str, Any]) -> bool:
    """
    Return whether a failed call is the cluster's doing: an old Pod got it long after its deletion, when it had to stop.

    A Pod that is new may have failed it as well, unless nothing reaches it before shop answers its readiness probe.
    Where no other Pod was Ready, as with the strategy Recreate, there was nobody else to send the call to.
    """
    if life.role("proxy") != "sidecar" or not has(life, "shop", "readinessProbe"):
        return False
    if not any(is_ready(life, pod, call["at"]) for pod in life.answered):
        return False
    return any(stopped(life, pod) <= call["at"] <= over(life, pod) for pod in life.act(step).output or ())


def is_ready(life: Life, pod: str, at: float) -> bool:
    """Return whether *pod* had become Ready and was not being deleted, *at* seconds since the epoch."""
    ready, deleted = life.at("pod.ready", pod), life.at("pod.deletion", pod)
    return ready is not None and ready[1] <= at and (deleted is None or at < deleted[0])


def stopped(life: Life, pod: str) -> float:
    """Return when shop stopped in *pod*, seconds since the epoch; infinite if that was soon after the deletion."""
    deleted, told = life.at("pod.deletion", pod), life.said(pod, "shop", event="signal")
    if not (deleted and told) or told[-1]["at"] - deleted[1] < SERVED_ON_S:
        return float("inf")
    return float(told[-1]["at"])


def over(life: Life, pod: str) -> float:
    """Return until when a call to *pod* may fail: its last end, and what the customer waits for an answer."""
    ends = [life.at(f"{lane.name}.end", pod) for lane in life.timeline(pod).lanes]
    return max((end[1] for end in ends if end), default=0.0) + PATIENCE_S


def killed(life: Life) -> bool:
    """Return whether a container of any Pod ended by SIGKILL."""
    return any(KILLED in life.exit_codes(name, pod) for pod in life.answered for name in ("shop", "proxy"))


@check("rollout")
def rollout(case: Case) -> Finding:
    """Both Pods have to be replaced, and nobody may notice."""
    life = case.life()
    if not life.reached("calm"):
        return Finding(False, "the customer never got fifteen answers in a row", hint=1)
    if not life.reached("settled"):
        return Finding(False, "the rollout did not end: not both Pods were replaced", hint=3)
    return judged(life, "rollout", "deletion")


@check("deleted")
def deleted(case: Case) -> Finding:
    """The calls under way at the delete, and those that the new Pod gets."""
    life = case.life()
    if not life.reached("deleted"):
        return Finding(False, "no Pod was deleted and gone in time", hint=3)
    return judged(life, "deletion", None)


@check("in-time")
def in_time(case: Case) -> Finding:
    """A hook that outlasts the grace period is cut off."""
    life = case.life()
    if not life.reached("deleted"):
        return Finding(False, "the Pods were not gone in time", hint=3)
    return Finding(not killed(life), "a container was killed at the end of its grace period", hint=3)
