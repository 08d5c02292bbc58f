"""
A Job, Deployment, ReplicaSet, StatefulSet or DaemonSet: what keeps it from making its Pods, or from being done.

What is wrong with a Pod of it stands in the other tables, and is said here of that Pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from podlab.pods.raw import RawObject
from podlab.timeline.events import last_event, message_of, short
from podlab.timeline.situations.table import Details, Situation, hint_for

# What the API server says of a Pod that it does not let a controller make -> what to try.
_REFUSALS = (
    (r"exceeded quota: ([^,]+).*limited: (.+)$",
     "ask for less, delete what uses it up, or raise the ResourceQuota {0} (limited: {1})"),
    (r"failed quota: ([^:]+): must specify (.+)$",
     "the ResourceQuota {0} wants each container to say {1}: add it, or make a LimitRange with defaults"),
    (r'violates PodSecurity "([^"]+)"', "the namespace allows {0} only: set what the message names in securityContext"),
    (r"(maximum|minimum) (\S+) usage per (\S+)", "a LimitRange sets the {0} of {1} per {2}: change resources"),
    (r'serviceaccount "([^"]+)" not found', "create the ServiceAccount {0} in this namespace"),
    (r"no PriorityClass with name (\S+)", "create that PriorityClass {0}, or take priorityClassName away"),
    (r'failed calling webhook "([^"]+)"',
     "the webhook {0} does not answer: see its Pods and its Service, or set its failurePolicy to Ignore"),
    (r"ValidatingAdmissionPolicy (\S+)", "the ValidatingAdmissionPolicy {0} refuses it: change what its message names"),
    (r"content in namespace (\S+) because it is being terminated",
     "the namespace {0} is being deleted: wait until it is gone, or use another"),
    (r'admission webhook "([^"]+)"', "the webhook {0} refuses it: change what its message names"),
    (r"is invalid: (\S+?):", "correct {0} in its Pod template"),
)  # fmt: skip
# reason of a Job's condition Failed -> what to try
_JOB_ENDS = {
    "BackoffLimitExceeded": "see how its Pods ended; a higher backoffLimit allows more tries",
    "DeadlineExceeded": "raise activeDeadlineSeconds of the Job, or make the work shorter",
    "PodFailurePolicy": "a rule of its podFailurePolicy ended it: see the exit code, or change the rule",
    "FailedIndexes": "see the Pods of the indexes that failed; backoffLimitPerIndex allows more tries",
    "MaxFailedIndexesExceeded": "see the Pods of the indexes that failed, or raise maxFailedIndexes",
}


@dataclass(frozen=True)
class Owner:
    """
    A controller's object, its Pods, and the Events about it.

    Attributes:
        pods: Those that it (or a ReplicaSet of it) has made, newest first.
        events: About it and the ReplicaSets between, oldest first.
        between: The ReplicaSets of a Deployment, the Jobs of a CronJob.
    """

    body: RawObject
    pods: Sequence[RawObject] = ()
    events: Sequence[RawObject] = ()
    between: Sequence[RawObject] = ()

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """``spec``."""
        return self.body.get("spec") or {}

    @cached_property
    def status(self) -> Mapping[str, Any]:
        """``status``."""
        return self.body.get("status") or {}

    @property
    def kind(self) -> str:
        """``Job``, ``Deployment``, …"""
        return str(self.body.get("kind"))

    def condition(self, kind: str) -> Mapping[str, Any]:
        """Its condition of that type, if True or False; empty if absent."""
        bodies = [self.body, *self.between]
        conditions = [c for body in bodies for c in (body.get("status") or {}).get("conditions") or []]
        return next((c for c in conditions if c.get("type") == kind), {})

    def true(self, kind: str) -> Mapping[str, Any]:
        """Its condition of that type where it is True; empty otherwise."""
        found = self.condition(kind)
        return found if found.get("status") == "True" else {}

    @cached_property
    def wanted(self) -> int:
        """How many Pods it is to have at a time, as far as its manifest says."""
        if self.kind == "DaemonSet":
            return int(self.status.get("desiredNumberScheduled") or 0)
        key = "parallelism" if self.kind == "Job" else "replicas"
        value = self.spec.get(key)
        return 1 if value is None else int(value)


def refusal_hint(said: str) -> str:
    """Return what to try about a Pod that the API server refuses, by what it says."""
    return hint_for(said, _REFUSALS, otherwise="correct what the message names in its Pod template")


def _deleted(o: Owner) -> Details | None:
    meta = o.body.get("metadata") or {}
    if not meta.get("deletionTimestamp"):
        return None
    return {"names": ", ".join(meta.get("finalizers") or []) or "none", "pods": str(len(o.pods))}


def _refused(o: Owner) -> Details | None:
    said = o.true("ReplicaFailure").get("message") or message_of(last_event(o.events, "FailedCreate"))
    done = o.true("Complete") or len(o.pods) >= o.wanted > 0
    if not said or done:
        return None
    return {"said": short(said), "hint": refusal_hint(str(said)), "have": f"{len(o.pods)} of {o.wanted}"}


def _job_failed(o: Owner) -> Details | None:
    failed = o.true("Failed") or o.true("FailureTarget")
    if o.kind != "Job" or not failed:
        return None
    reason = str(failed.get("reason") or "")
    name = str((o.pods[0].get("metadata") or {}).get("name")) if o.pods else ""
    logs = f"; podlab explain {name}" if name else ""
    hint = _JOB_ENDS.get(reason, "see how its Pods ended")
    return {"said": short(f"{reason}: {failed.get('message') or ''}"), "hint": hint + logs}


def _suspended(o: Owner) -> Details | None:
    return {} if o.kind == "Job" and o.spec.get("suspend") and not o.true("Complete") else None


def _elsewhere(o: Owner) -> Details | None:
    by = o.spec.get("managedBy")
    ours = by in (None, "", "kubernetes.io/job-controller")
    return None if o.kind != "Job" or ours or o.status.get("startTime") else {"by": str(by)}


def _paused(o: Owner) -> Details | None:
    return {} if o.kind == "Deployment" and o.spec.get("paused") else None


def _none_wanted(o: Owner) -> Details | None:
    if o.wanted or o.true("Complete"):
        return None
    if o.kind == "DaemonSet":
        chosen = ((o.spec.get("template") or {}).get("spec") or {}).get("nodeSelector") or {}
        if not chosen:
            return {
                "why": "no node fits it",
                "hint": "compare its nodeSelector and tolerations with the nodes",
            }
        labels = ", ".join(f"{key}={value}" for key, value in sorted(chosen.items()))
        hint = "give a node these labels, or change the nodeSelector of its template"
        return {"why": f"no node has the labels of its nodeSelector: {labels}", "hint": hint}
    key = "parallelism" if o.kind == "Job" else "replicas"
    return {"why": f"spec.{key} is 0, so it creates no Pods", "hint": f"set spec.{key} to 1 or more"}


def _not_looked_at(o: Owner) -> Details | None:
    seen = o.status.get("observedGeneration") or o.status.get("startTime") or o.events or o.pods
    return None if seen or o.true("Complete") else {}


def _late(o: Owner) -> Details | None:
    progress = o.condition("Progressing")
    late = o.kind == "Deployment" and progress.get("reason") == "ProgressDeadlineExceeded"
    return {"said": short(progress.get("message") or "")} if late and not o.pods else None


def _not_yet_counted(o: Owner) -> Details | None:
    least = o.spec.get("minReadySeconds") or 0
    ready, available = (int(o.status.get(key) or 0) for key in _COUNTS[o.kind == "DaemonSet"])
    if not least or ready < o.wanted or available >= o.wanted:
        return None
    few = f"{ready - available} of its {ready} Pods have" if ready > 1 else "its Pod has"
    return {"why": f"{few} been Ready for less than minReadySeconds ({least} s)"}


# Where a controller counts Pods that are Ready, and those that have been so for minReadySeconds.
_COUNTS = (("readyReplicas", "availableReplicas"), ("numberReady", "numberAvailable"))
BEFORE_PODS: tuple[Situation[Owner], ...] = (
    Situation(
        "an owner that was deleted", _deleted,
        "is being deleted", "it was deleted; finalizers: {names}; Pods left: {pods}", "podlab events --for {pod}",
    ),
    Situation("a Job that has failed", _job_failed, "has failed", "{said}", "{hint}"),
    Situation(
        "a Job that is suspended", _suspended,
        "waits", "it is suspended, so it creates no Pods", "set spec.suspend to false",
    ),
    Situation(
        "a Job that another controller is to run", _elsewhere,
        "waits", "spec.managedBy leaves it to {by}, which has not begun",
        "start that controller, or make it without managedBy",
    ),
    Situation("Pods that may not be made", _refused, "lacks Pods: {have} exist", "{said}", "{hint}"),
    Situation("no Pod is asked for", _none_wanted, "creates no Pods", "{why}", "{hint}"),
    Situation(
        "an owner that no controller has looked at", _not_looked_at,
        "creates no Pods", "no controller has looked at it yet",
        "wait a few seconds, then ask again; podlab events --for {pod}",
    ),
)  # fmt: skip
AFTER_PODS: tuple[Situation[Owner], ...] = (
    Situation("a rollout that takes too long", _late, "is late", "{said}", "podlab events --for {pod}"),
    Situation(
        "a rollout that is paused", _paused,
        "is paused", "spec.paused is true: a change of its template makes no new Pods",
        "set spec.paused to false (with kubectl: kubectl rollout resume)",
    ),
    Situation(
        "Pods that are Ready and do not count yet", _not_yet_counted,
        "waits", "{why}", "wait, or set a lower spec.minReadySeconds",
    ),
)  # fmt: skip
