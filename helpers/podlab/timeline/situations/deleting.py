"""A Pod that was deleted and is still there: in every phase, and whoever holds it."""

from __future__ import annotations

from podlab.timeline.situations import hooks
from podlab.timeline.situations.observed import Observed
from podlab.timeline.situations.table import Details, Situation

OVERDUE_S = 30.0  # after the end of its grace: a kubelet that works needs a few seconds
_BY_CONTROLLERS = {
    "batch.kubernetes.io/job-tracking": "the Job controller takes it away once it has counted the Pod",
    "foregroundDeletion": "it goes when the objects that it owns are gone",
    "orphan": "it goes when the objects that it owns have been let go",
}


def _deleted(o: Observed) -> bool:
    return bool(o.meta.get("deletionTimestamp"))


def _running(o: Observed) -> list[str]:
    return [c.name for c in o.containers if c.runs]


def left(o: Observed) -> str:
    """Return what of a Pod still runs; that its containers have ended is said only where each says so."""
    running = _running(o)
    if running:
        return f"still running: {', '.join(running)}"
    if o.containers and all(c.ended for c in o.containers):
        return "its containers have ended"
    return "no container of it runs"


def _hook(o: Observed) -> Details | None:
    hook = hooks.running(o.containers) if _deleted(o) and not o.over else None
    return None if hook is None else {"name": hook.container, "hint": hooks.hint(hook.container)}


def _finalizers(o: Observed) -> Details | None:
    names = list(o.meta.get("finalizers") or [])
    if not _deleted(o) or not names or _running(o):
        return None
    by = next((_BY_CONTROLLERS[name] for name in names if name in _BY_CONTROLLERS), "")
    return {
        "names": ", ".join(names),
        "left": left(o),
        "hint": by or "whoever set them has to take them away",
    }


def _node_silent(o: Observed) -> Details | None:
    if not _deleted(o) or o.over:
        return None
    node = str(o.spec.get("nodeName") or "")
    lost = o.status.get("reason") == "NodeLost" or o.event("NodeNotReady") or o.event("TaintManagerEviction")
    never = node and not o.containers and not o.condition("PodScheduled") and not o.event("Scheduled")
    return {"node": node, "left": left(o)} if node and (lost or never) else None


def _overdue(o: Observed) -> Details | None:
    late = o.age_s(o.meta.get("deletionTimestamp")) if _deleted(o) and not o.over else None
    if late is None or late < OVERDUE_S:
        return None
    failed = o.says("FailedKillPod", "FailedPreStopHook")
    return {"late": f"{late:.0f}", "left": left(o), "failed": f"; {failed}" if failed else ""}


def _grace(o: Observed) -> Details | None:
    if not _deleted(o) or o.over:
        return None
    grace = o.meta.get("deletionGracePeriodSeconds")
    hooked = [c.name for c in o.containers if c.runs and (c.spec.get("lifecycle") or {}).get("preStop")]
    before = f"; the preStop hook of {', '.join(hooked)} runs within that time" if hooked else ""
    held = ", ".join(o.meta.get("finalizers") or [])
    return {"left": left(o), "grace": str(grace), "before": before,
            "held": f"; then its finalizers hold it: {held}" if held else ""}  # fmt: skip


TABLE: tuple[Situation[Observed], ...] = (
    Situation(
        "deleted while a postStart hook runs", _hook,
        "is terminating",
        "it was deleted while the postStart hook of {name} runs: nothing is stopped before that ends",
        "{hint}; podlab logs {pod} -c {name}",
    ),
    Situation(
        "deleted, and a finalizer holds it", _finalizers,
        "is terminating",
        "finalizers hold it: {names}; {left}",
        "{hint}; podlab events --for {pod}",
    ),
    Situation(
        "deleted, and its node does not answer", _node_silent,
        "is terminating",
        "it was deleted, and its node {node} does not answer, so nobody can say that its containers have ended",
        "bring the node back, or let the Pod go without it: podlab delete {pod} --grace 0",
    ),
    Situation(
        "deleted, and long overdue", _overdue,
        "is terminating",
        "it was deleted; {left}, {late} s after the end of its grace period{failed}",
        "see whether its node is Ready (with kubectl: kubectl get nodes); podlab events --for {pod}",
    ),
    Situation(
        "deleted, within its grace period", _grace,
        "is terminating",
        "it was deleted; {left}{before}{held}",
        "wait: containers are killed {grace} s after the delete at the latest",
    ),
)  # fmt: skip
