"""
CronJobs: a Job whenever the schedule says so, and a limited number of old Jobs.

Source: pkg/controller/cronjob/cronjob_controllerv2.go (``syncCronJob``, ``cleanupFinishedJobs``) at v1.36.3.
"""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime

from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, condition, deleting, key_of, owned, reference_to, seconds
from podlab.embedded.schema import cronschedule
from podlab.embedded.store import timestamp
from podlab.pods.raw import RawObject

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
DELTA_S = 0.1  # a moment after the minute, so that the minute has come
MANY_MISSED = 100
FORBIDDEN = "Not starting job because prior execution is running and concurrency policy is Forbid"


def start(context: ControllerContext) -> None:
    """Watch CronJobs and their Jobs."""
    controller = CronJobs(context)
    controller.follow("cronjobs")
    controller.follow_owned("jobs", "CronJob")


class CronJobs(Controller):
    """Starts, follows and clears away the Jobs of one CronJob."""

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context, "cronjob-controller")

    def reconcile(self, key: Key) -> None:
        """Note ended Jobs, start due ones, delete old ones."""
        cron_job = self._context.store.get("cronjobs", *key)
        if cron_job is None:
            return
        jobs = owned(self._context.store.list("jobs", key[0]), cron_job)
        status = self._followed(cron_job, jobs)
        if not deleting(cron_job):
            status = self._started(cron_job, status)
            self._clear(cron_job, [job for job in jobs if _ended(job)])
        self._context.set_status("cronjobs", cron_job, status)

    def _followed(self, cron_job: RawObject, jobs: list[RawObject]) -> RawObject:
        """Return the status after a look at the Jobs that were started earlier."""
        status = dict(cron_job.get("status") or {})
        by_uid = {job["metadata"]["uid"]: job for job in jobs}
        active = []
        for reference in status.get("active") or ():
            job = by_uid.get(reference["uid"])
            if job is None:
                self._events.event(
                    cron_job, "Normal", "MissingJob", f"Active job went missing: {reference['name']}"
                )
            elif _ended(job):
                text = f"Saw completed job: {reference['name']}, condition: {_ended(job)}"
                self._events.event(cron_job, "Normal", "SawCompletedJob", text)
            else:
                active.append(reference)
        ends = [job["status"]["completionTime"] for job in jobs if _ended(job) == "Complete"]
        last = max([*ends, status.get("lastSuccessfulTime") or ""])
        return _status(active, status.get("lastScheduleTime"), last)

    def _started(self, cron_job: RawObject, status: RawObject) -> RawObject:
        """Return the status after a look at the schedule."""
        spec = cron_job["spec"]
        if spec.get("suspend"):
            return status
        try:
            zone = zoneinfo.ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else UTC
            following = cronschedule.parse(spec["schedule"])
        except (ValueError, zoneinfo.ZoneInfoNotFoundError) as error:
            text = f'unparseable schedule: "{spec["schedule"]}" : {error}'
            self._events.event(cron_job, "Warning", "UnparseableSchedule", text)
            return status
        now = datetime.fromtimestamp(self._context.now(), zone)
        upcoming = following(now)
        if upcoming is not None:
            self.queue(key_of(cron_job), (upcoming - now).total_seconds() + DELTA_S)
        due = self._due(cron_job, status, following, now)
        return status if due is None else self._start(cron_job, status, due)

    def _due(
        self, cron_job: RawObject, status: RawObject, following: cronschedule.Next, now: datetime
    ) -> datetime | None:
        """Return the newest instant of the schedule for which a Job is missing and may still start, or None."""
        since = seconds(status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"])
        deadline_s = cron_job["spec"].get("startingDeadlineSeconds")
        if deadline_s is not None:
            since = max(since, now.timestamp() - deadline_s)
        due, missed = None, 0
        at = following(datetime.fromtimestamp(since, now.tzinfo))
        while at is not None and at <= now:
            due, missed = at, missed + 1
            at = following(at)
        if missed > MANY_MISSED:
            text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self._events.event(cron_job, "Warning", "TooManyMissedTimes", text)
        return due

    def _start(self, cron_job: RawObject, status: RawObject, due: datetime) -> RawObject:
        active, policy = list(status.get("active") or ()), cron_job["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            self._events.event(cron_job, "Normal", "JobAlreadyActive", FORBIDDEN)
            return status
        if policy == "Replace":
            for reference in active:
                self._delete(cron_job, reference["name"])
            active = []
        job, stamp = _job(cron_job, due), timestamp(due.timestamp())
        succeeded = status.get("lastSuccessfulTime") or ""
        if self._context.store.get("jobs", *key_of(job)) is not None:  # names tell minutes apart, no more
            return _status(active, stamp, succeeded)
        done, failed = "Created job {name}", "Error creating job"
        made = self.create(cron_job, "jobs", job, done=done, failed=failed)
        meta = made["metadata"]
        reference = {"kind": "Job", "apiVersion": "batch/v1", "namespace": meta["namespace"], "name": meta["name"],
                     "uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}  # fmt: skip
        return _status([*active, reference], stamp, succeeded)

    def _clear(self, cron_job: RawObject, jobs: list[RawObject]) -> None:
        """Delete the oldest Jobs beyond the history limits."""
        spec = cron_job["spec"]
        kept = {
            "Complete": spec.get("successfulJobsHistoryLimit"),
            "Failed": spec.get("failedJobsHistoryLimit"),
        }
        for word, most in kept.items():
            ended = [job for job in jobs if _ended(job) == word and not deleting(job)]
            ended.sort(key=lambda job: (job.get("status") or {}).get("startTime") or "")
            if most is not None:
                for job in ended[: max(0, len(ended) - most)]:
                    self._delete(cron_job, job["metadata"]["name"])

    def _delete(self, cron_job: RawObject, name: str) -> None:
        self._context.api.delete("jobs", cron_job["metadata"]["namespace"], name)
        self._events.event(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {name}")


def _ended(job: RawObject) -> str:
    """``Complete`` or ``Failed``; empty while the Job is under way."""
    for word in ("Complete", "Failed"):
        found = condition(job, word)
        if found and found["status"] == "True":
            return word
    return ""


def _status(active: list[RawObject], scheduled: str | None, succeeded: str) -> RawObject:
    found = {"active": active, "lastScheduleTime": scheduled, "lastSuccessfulTime": succeeded}
    return {key: value for key, value in found.items() if value}


def _job(cron_job: RawObject, due: datetime) -> RawObject:
    """Return the Job of one instant; its name is the instant's, so that none is started twice."""
    template, meta = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    given = template.get("metadata") or {}
    annotations = {
        **(given.get("annotations") or {}),
        SCHEDULED_AT: due.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    made = {
        "name": f"{meta['name']}-{int(due.timestamp()) // 60}",
        "namespace": meta["namespace"],
        "labels": dict(given.get("labels") or {}),
        "annotations": annotations,
        "ownerReferences": [reference_to(cron_job)],
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": template["spec"]}
