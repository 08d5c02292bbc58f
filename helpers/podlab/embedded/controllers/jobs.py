"""
Jobs: Pods until enough have succeeded, or too many have failed.

A sidecar does not keep a Job open: what counts is the phase of the Pod, and that looks at app containers alone.

What has been counted is remembered by uid; a finalizer keeps a Pod in being until then (``jobtracking``).
"""

from __future__ import annotations

from podlab.embedded.controllers import jobcounts
from podlab.embedded.controllers import jobpolicies as policies
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.claiming import claim, wakes_claimant
from podlab.embedded.controllers.jobcounts import FAILED, IGNORED, SUCCEEDED, TAKEN_BACK, EndedPods
from podlab.embedded.controllers.jobtracking import FINALIZER, Tracking
from podlab.embedded.controllers.objects import (
    Key,
    condition,
    controller_of,
    deleting,
    key_of,
    owned,
    seconds,
    with_condition,
)
from podlab.embedded.controllers.templates import expendable, pod_from
from podlab.pods.phase import has_ended, is_ready
from podlab.pods.raw import RawObject

LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")
TOO_MANY_INDEXES = (
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
)
CONTROLLER = "kubernetes.io/job-controller"
FAILED_INDEXES = ("FailedIndexes", "Job has failed indexes")


def start(context: ControllerContext) -> None:
    """Watch Jobs and their Pods."""
    controller = Jobs(context)
    tracking = Tracking(context, controller.has_counted)
    wake = wakes_claimant(context, controller, "jobs", "Job")

    def pod_changed(kind: str, pod: RawObject) -> None:
        owner = controller_of(pod)
        if owner and owner["kind"] == "Job":
            key = (pod["metadata"]["namespace"], owner["name"])
            controller.count(key, owner["uid"], pod, gone=kind == "DELETED")
        if kind != "DELETED":
            tracking.pod_changed(pod)
        wake(kind, pod)

    def job_changed(kind: str, job: RawObject) -> None:
        if kind == "DELETED":
            controller.forget(job["metadata"]["uid"])
        if kind == "DELETED" or deleting(job):
            tracking.job_is_gone(job)
        controller.queue(key_of(job))

    context.watch("jobs", job_changed)
    context.watch("pods", pod_changed)


class Jobs(Controller):
    """Brings one Job a step further."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "job-controller")
        self._counted: dict[str, EndedPods] = {}  # by uid of the Job

    # -- counting --------------------------------------------------------------------------------------------

    def count(self, key: Key, job_uid: str, pod: RawObject, *, gone: bool = False) -> None:
        """Count how a Pod ended, once, as the policies of its Job say."""
        job, uid = self._context.store.get("jobs", *key), pod["metadata"]["uid"]
        if job is None or job["metadata"]["uid"] != job_uid or _managed_by_another(job):
            return
        counted = self._counted.setdefault(job_uid, EndedPods())
        if uid in counted.how:
            return
        if (pod.get("status") or {}).get("phase") == "Succeeded":
            self._succeeded(pod, counted)
        elif policies.has_failed(job, pod) or (gone and not has_ended(pod)):
            self._failed(job, pod, counted)

    def _succeeded(self, pod: RawObject, counted: EndedPods) -> None:
        counted.how[pod["metadata"]["uid"]] = SUCCEEDED
        counted.failures_in_a_row = 0
        index = policies.index_of(pod)
        if index is not None:
            counted.succeeded.add(index)

    def _failed(self, job: RawObject, pod: RawObject, counted: EndedPods) -> None:
        action, message = policies.verdict(job, pod)
        at, index = policies.ended_at(pod, self._context.now()), policies.index_of(pod)
        counted.how[pod["metadata"]["uid"]] = IGNORED if action == "Ignore" else FAILED
        counted.failures_in_a_row += 1
        counted.last_failure_at = max(counted.last_failure_at, at)
        if index is not None:
            counted.last_failed[index] = (pod, at)
            if policies.per_index(job) and policies.index_has_failed(job, pod):
                counted.failed.add(index)
        if message and counted.verdict is None:
            counted.verdict = ("PodFailurePolicy", message)

    def has_counted(self, job_uid: str, pod_uid: str) -> bool:
        """Return whether a Pod's end has been counted."""
        counted = self._counted.get(job_uid)
        return counted is not None and pod_uid in counted.how

    def forget(self, job_uid: str) -> None:
        """Drop the counts of a deleted Job."""
        self._counted.pop(job_uid, None)

    def reconcile(self, key: Key) -> None:
        """Compare a Job with its Pods."""
        job = self._context.store.get("jobs", *key)
        if job is None or _managed_by_another(job):
            return
        if _over(job):
            self._tidy(job)
            return
        if deleting(job):
            return
        pods = claim(self._context, "pods", job, finalizer=FINALIZER)
        active = [pod for pod in pods if not has_ended(pod) and not deleting(pod)]
        counted = self._counted.setdefault(job["metadata"]["uid"], EndedPods())
        jobcounts.drop_beyond(job, counted)
        decided = (
            _decided(job) or self._failure(job, pods, counted) or jobcounts.success(job, active, counted)
        )
        if decided:
            self._finish(job, active, *decided)
            return
        if not job["spec"].get("suspend"):
            self._ensure_pods(job, pods, active, counted)
        else:
            for pod in active:
                self._take_back(job, pod)
        self._note_suspension(job)
        self._report(job)

    # -- verdicts --------------------------------------------------------------------------------------------

    def _failure(
        self, job: RawObject, pods: list[RawObject], counted: EndedPods
    ) -> tuple[bool, tuple[str, str]] | None:
        """Return (False, (reason, message)) for a Job that has failed, else None."""
        spec = job["spec"]
        why = counted.verdict
        retries = spec.get("backoffLimit", 6)
        if why is None and (
            jobcounts.number(counted, FAILED) > retries or jobcounts.restarted_too_often(job, pods)
        ):
            why = LIMIT
        why = why or self._past_deadline(job)
        if why is None and policies.per_index(job):
            most = spec.get("maxFailedIndexes")
            if most is not None and len(counted.failed) > most:
                why = TOO_MANY_INDEXES
            elif counted.failed and len(counted.failed | counted.succeeded) >= spec["completions"]:
                why = FAILED_INDEXES
        return (False, why) if why else None

    def _past_deadline(self, job: RawObject) -> tuple[str, str] | None:
        limit = job["spec"].get("activeDeadlineSeconds")
        began = seconds(job.get("status", {}).get("startTime"))
        if limit is None or not began or job["spec"].get("suspend"):
            return None
        left = began + limit - self._context.now()
        if left <= 0:
            return DEADLINE
        self.queue(key_of(job), left + 0.01)
        return None

    # -- steps -----------------------------------------------------------------------------------------------

    def _ensure_pods(
        self, job: RawObject, pods: list[RawObject], active: list[RawObject], counted: EndedPods
    ) -> None:
        wanted = jobcounts.wanted_active(job, active, counted)
        beyond = [pod for pod in active if jobcounts.is_beyond(job, pod)]
        surplus = max(len(active) - wanted, len(beyond))
        if surplus > 0:
            rest = sorted((pod for pod in active if not jobcounts.is_beyond(job, pod)), key=expendable)
            for pod in [*beyond, *rest][:surplus]:
                self._take_back(job, pod)
            return
        ending = [pod for pod in pods if deleting(pod) and not has_ended(pod)]
        missing = wanted - len(active) - (len(ending) if policies.replaces_only_failed(job) else 0)
        if missing <= 0:
            return
        if policies.is_indexed(job):
            taken = active + (ending if policies.replaces_only_failed(job) else [])
            self._create_indexes(job, taken, counted, missing)
        elif not self._must_wait(job, counted.failures_in_a_row, counted.last_failure_at):
            for _ in range(missing):
                self._create(job, None, counted)

    def _create_indexes(
        self, job: RawObject, taken: list[RawObject], counted: EndedPods, missing: int
    ) -> None:
        used = {policies.index_of(pod) for pod in taken} | counted.succeeded | counted.failed
        free = [i for i in range(job["spec"]["completions"]) if i not in used][:missing]
        if policies.per_index(job):
            free = [i for i in free if not self._index_must_wait(job, i, counted)]
        elif self._must_wait(job, counted.failures_in_a_row, counted.last_failure_at):
            return
        for index in free:
            self._create(job, index, counted)

    def _index_must_wait(self, job: RawObject, index: int, counted: EndedPods) -> bool:
        if index not in counted.last_failed:
            return False
        pod, at = counted.last_failed[index]
        both = sum(policies.count_of(pod, name) for name in (policies.FAILURES, policies.IGNORED_FAILURES))
        return self._must_wait(job, both + 1, at)

    def _must_wait(self, job: RawObject, failures: int, at: float) -> bool:
        """Return whether the pause after so many failures, the last of them at *at*, is not over yet."""
        left = at + policies.back_off_s(failures) - self._context.now() if failures else 0.0
        if left <= 0:
            return False
        self.queue(key_of(job), left)
        return True

    def _create(self, job: RawObject, index: int | None, counted: EndedPods) -> None:
        name = job["metadata"]["name"]
        pod = pod_from(job["spec"]["template"], job, f"{name}-" if index is None else f"{name}-{index}-")
        if index is not None:
            jobcounts.number_pod(job, pod, index)
            if policies.per_index(job):
                pod["metadata"]["annotations"] |= jobcounts.failures_so_far(
                    job, counted.last_failed.get(index)
                )
        pod["metadata"]["finalizers"] = [*pod["metadata"].get("finalizers", ()), FINALIZER]
        self.create_pod(job, pod)

    def _take_back(self, job: RawObject, pod: RawObject) -> None:
        """Delete a Pod that is not wanted at the moment; it counts as neither failed nor succeeded."""
        counted = self._counted.setdefault(job["metadata"]["uid"], EndedPods())
        counted.how[pod["metadata"]["uid"]] = TAKEN_BACK
        self._delete(job, pod)

    def _delete(self, job: RawObject, pod: RawObject) -> None:
        self._context.api.delete("pods", *key_of(pod))
        self._events.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _finish(self, job: RawObject, active: list[RawObject], good: bool, why: tuple[str, str]) -> None:
        """Report the result in two steps, as upstream does: decided, then finished once all Pods have ended."""
        counted = self._counted.setdefault(job["metadata"]["uid"], EndedPods())
        for pod in active:  # of a Job that failed all count as failed, of one that succeeded none
            counted.how[pod["metadata"]["uid"]] = TAKEN_BACK if good else FAILED
            self._delete(job, pod)
        first, last = ("SuccessCriteriaMet", "Complete") if good else ("FailureTarget", "Failed")
        self._condition(job, first, *why)
        pods = owned(self._context.store.list("pods", job["metadata"]["namespace"]), job)
        if any(not has_ended(pod) for pod in pods):
            self._report(job)
            return
        self._condition(job, last, *why, over=True)
        if good:
            if jobcounts.done(job, counted) > (job["spec"].get("completions") or float("inf")):
                text = "Too many succeeded pods running after completion count reached"
                self._events.event(job, "Warning", "TooManySucceededPods", text)
            self._events.event(job, "Normal", "Completed", "Job completed")
        else:
            self._events.event(job, "Warning", *why)
        self._tidy(self._context.store.get("jobs", *key_of(job)) or job)

    def _tidy(self, job: RawObject) -> None:
        """``ttlSecondsAfterFinished``: delete a Job that is over."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        ends = [
            c["lastTransitionTime"]
            for c in job["status"]["conditions"]
            if c["type"] in ("Complete", "Failed")
        ]
        if ttl is None or not ends or deleting(job):
            return
        left = seconds(ends[0]) + ttl - self._context.now()
        if left > 0:
            self.queue(key_of(job), left + 0.01)
        else:
            self._context.api.delete("jobs", *key_of(job))

    # -- status ----------------------------------------------------------------------------------------------

    def _counts(self, job: RawObject) -> RawObject:
        pods = owned(self._context.store.list("pods", job["metadata"]["namespace"]), job)
        active = [pod for pod in pods if not has_ended(pod) and not deleting(pod)]
        counted = self._counted.get(job["metadata"]["uid"], EndedPods())
        indexed = policies.is_indexed(job)
        counts: RawObject = {
            "active": len(active),
            "succeeded": jobcounts.done(job, counted),
            "failed": jobcounts.number(counted, FAILED),
        }
        counts = {name: count for name, count in counts.items() if count}
        counts["ready"] = sum(is_ready(pod) for pod in active)
        counts["terminating"] = sum(deleting(pod) and not has_ended(pod) for pod in pods)
        counts["uncountedTerminatedPods"] = {}
        if indexed and counted.succeeded:
            counts["completedIndexes"] = policies.intervals(counted.succeeded)
        if indexed and policies.per_index(job):
            counts["failedIndexes"] = policies.intervals(counted.failed)
        return counts

    def _report(self, job: RawObject) -> None:
        stored = self._context.store.get("jobs", *key_of(job))
        if stored is None:
            return
        before = stored.get("status", {})
        kept = {name: before[name] for name in ("conditions", "completionTime") if name in before}
        began = before.get("startTime") or self._context.stamp()
        status = {**kept, **self._counts(stored)}
        if not stored["spec"].get("suspend"):
            status["startTime"] = began
        self._context.set_status("jobs", stored, status)

    def _note_suspension(self, job: RawObject) -> None:
        """Write the condition ``Suspended`` and its Event if ``spec.suspend`` has changed."""
        said = condition(job, "Suspended")
        suspended = said is not None and said["status"] == "True"
        if bool(job["spec"].get("suspend")) == suspended:
            return
        word, truth = ("Resumed", "False") if suspended else ("Suspended", "True")
        message = f"Job {word.lower()}"
        self._condition(job, "Suspended", f"Job{word}", message, truth=truth)
        self._events.event(job, "Normal", word, message)

    def _condition(
        self, job: RawObject, kind: str, reason: str, message: str, *, over: bool = False, truth: str = "True"
    ) -> None:
        stored = self._context.store.get("jobs", *key_of(job))
        if stored is None:
            return
        stamp = self._context.stamp()
        entry = {"type": kind, "status": truth, "reason": reason, "message": message, "lastProbeTime": stamp}
        status = {**stored.get("status", {}), **self._counts(stored)}
        if over:
            for gone in ("active", "ready"):
                status.pop(gone, None)
            status["ready"] = 0
            if kind == "Complete":
                status["completionTime"] = stamp
        status["conditions"] = with_condition(list(status.get("conditions", ())), entry, stamp)
        self._context.set_status("jobs", stored, status)


def _managed_by_another(job: RawObject) -> bool:
    """Return whether ``spec.managedBy`` names a controller that is not this cluster's own."""
    return bool(job["spec"].get("managedBy", CONTROLLER) != CONTROLLER)


def _over(job: RawObject) -> bool:
    return any(c["type"] in ("Complete", "Failed") for c in job.get("status", {}).get("conditions", ()))


def _decided(job: RawObject) -> tuple[bool, tuple[str, str]] | None:
    """Return the verdict that was written down before. It stays, although the Pods that led to it are gone by now."""
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        said = condition(job, kind)
        if said and said["status"] == "True":
            return kind == "SuccessCriteriaMet", (said["reason"], said["message"])
    return None
