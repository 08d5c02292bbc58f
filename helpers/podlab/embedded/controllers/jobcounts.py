"""
The counts of a Job: Pods that have ended, limits that follow, and the index of each Pod.

Source: pkg/controller/job/{job_controller,indexed_job_utils}.go at v1.36.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from podlab.embedded.controllers import jobpolicies as policies
from podlab.embedded.controllers.jobpolicies import INDEX
from podlab.pods import roles
from podlab.pods.phase import has_ended
from podlab.pods.raw import RawObject

SUCCEEDED, FAILED, IGNORED, TAKEN_BACK = "Succeeded", "Failed", "Ignored", "TakenBack"
REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")


@dataclass
class EndedPods:
    """The ended Pods of one Job: how each counts, by its uid."""

    how: dict[str, str] = field(default_factory=dict)
    succeeded: set[int] = field(default_factory=set)  # indexes
    failed: set[int] = field(default_factory=set)  # indexes, with backoffLimitPerIndex
    last_failed: dict[int, tuple[RawObject, float]] = field(default_factory=dict)  # index -> Pod, and when
    failures_in_a_row: int = 0
    last_failure_at: float = 0.0
    verdict: tuple[str, str] | None = None  # of the failure policy


def number(counted: EndedPods, how: str) -> int:
    """Return how many Pods count so."""
    return list(counted.how.values()).count(how)


def done(job: RawObject, counted: EndedPods) -> int:
    """Return how many Pods have succeeded; of an indexed Job, how many indexes."""
    return len(counted.succeeded) if policies.is_indexed(job) else number(counted, SUCCEEDED)


def is_beyond(job: RawObject, pod: RawObject) -> bool:
    """Return whether a Pod has an index that its Job has no longer: ``completions`` may be lowered."""
    index = policies.index_of(pod)
    return index is not None and policies.is_indexed(job) and index >= job["spec"]["completions"]


def drop_beyond(job: RawObject, counted: EndedPods) -> None:
    """Forget how indexes ended that an indexed Job has no longer: only those that it has count for its result."""
    if policies.is_indexed(job):
        for indexes in (counted.succeeded, counted.failed):
            indexes.intersection_update(range(job["spec"]["completions"]))


def success(
    job: RawObject, active: list[RawObject], counted: EndedPods
) -> tuple[bool, tuple[str, str]] | None:
    """(True, (reason, message)) of a Job that has done what it should."""
    if policies.is_indexed(job):
        message = policies.success(job, counted.succeeded)
        if message:
            return True, ("SuccessPolicy", message)
    completions, ended_well = job["spec"].get("completions"), done(job, counted)
    enough = not active and (ended_well > 0 if completions is None else ended_well >= completions)
    return (True, REACHED) if enough else None


def wanted_active(job: RawObject, active: list[RawObject], counted: EndedPods) -> int:
    """Return how many Pods should run now. Without ``completions`` none is added after the first success."""
    completions, parallelism = job["spec"].get("completions"), int(job["spec"].get("parallelism", 1))
    ended_well = done(job, counted)
    if completions is None:
        return len(active) if ended_well else parallelism
    return max(0, min(parallelism, int(completions) - ended_well))


def restarted_too_often(job: RawObject, pods: list[RawObject]) -> bool:
    """Under OnFailure: whether the restarts of containers, sidecars too, have used up the backoffLimit."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    total = 0
    for pod in pods:
        if not has_ended(pod):
            total += sum(c.get("restartCount", 0) for c in roles.statuses(pod, roles.INIT, roles.APP))
    return bool(total >= max(1, job["spec"].get("backoffLimit", 6)))


def number_pod(job: RawObject, pod: RawObject, index: int) -> None:
    """Tell a Pod of an indexed Job its number: annotation, label, hostname and variable."""
    pod["metadata"].setdefault("annotations", {})[INDEX] = str(index)
    pod["metadata"]["labels"][INDEX] = str(index)
    spec = dict(pod["spec"])
    for group in ("containers", "initContainers"):
        if spec.get(group):
            spec[group] = [_with_index(container) for container in spec[group]]
    pod["spec"] = {**spec, "hostname": f"{job['metadata']['name']}-{index}"}


def failures_so_far(job: RawObject, last: tuple[RawObject, float] | None) -> dict[str, str]:
    """Return the annotations that carry the failures of an index from Pod to Pod."""
    if last is None:
        return {policies.FAILURES: "0"}
    ignored = policies.verdict(job, last[0])[0] == "Ignore"
    counts = {
        policies.FAILURES: policies.count_of(last[0], policies.FAILURES) + (not ignored),
        policies.IGNORED_FAILURES: policies.count_of(last[0], policies.IGNORED_FAILURES) + ignored,
    }
    return {name: str(n) for name, n in counts.items() if n or name == policies.FAILURES}


def _with_index(container: RawObject) -> RawObject:
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
    return {**container, "env": [*(container.get("env") or ()), variable]}
