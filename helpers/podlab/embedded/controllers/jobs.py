"""
Jobs: Pods until enough have succeeded, or too many have failed.

A sidecar does not keep a Job open: what counts is the phase of the Pod, and that looks at app containers alone.

Unlike upstream there is no tracking finalizer on the Pods: this controller sees every change of the store, so a Pod
cannot vanish uncounted. What has been counted is remembered by uid.
"""

from __future__ import annotations

from podlab.embedded.controllers.base import (
    Again,
    Context,
    Key,
    Object,
    condition,
    controller_of,
    deleting,
    finished,
    is_ready,
    key_of,
    never,
    owned,
    pod_from,
    seconds,
    set_status,
    with_condition,
)

BACK_OFF_S, BACK_OFF_MOST_S = 10.0, 360.0
INDEX = "batch.kubernetes.io/job-completion-index"
LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")
REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")


def start(context: Context) -> None:
    """Watch Jobs and their Pods."""
    controller = Jobs(context)
    worker = context.worker("jobs", controller.reconcile)
    controller.again = worker.add

    def pod_changed(_: str, pod: Object) -> None:
        owner = controller_of(pod)
        if owner and owner["kind"] == "Job":
            controller.count(owner["uid"], pod)
            worker.add((pod["metadata"]["namespace"], owner["name"]))

    context.watch("jobs", lambda _, job: worker.add(key_of(job)))
    context.watch("pods", pod_changed)


class Jobs:
    """Brings one Job a step further."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = context.recorder("job-controller")
        self._ended: dict[
            str, dict[str, tuple[str, float, str]]
        ] = {}  # job uid -> pod uid -> (phase, at, index)
        self.again: Again = never

    def count(self, job_uid: str, pod: Object) -> None:
        """Remember how a Pod ended; one that is deleted before it ended has failed."""
        ended = self._ended.setdefault(job_uid, {})
        uid, index = pod["metadata"]["uid"], (pod["metadata"].get("annotations") or {}).get(INDEX, "")
        if finished(pod) and uid not in ended:
            ended[uid] = (pod["status"]["phase"], self._context.now(), index)
        elif deleting(pod) and uid not in ended:
            ended[uid] = ("Failed", self._context.now(), index)

    def reconcile(self, key: Key) -> None:
        """Compare a Job with its Pods."""
        job = self._context.store.get("jobs", *key)
        if job is None:
            return
        if _over(job):
            self._tidy(job)
            return
        if deleting(job):
            return
        pods = owned(self._context.store.list("pods", key[0]), job)
        active = [pod for pod in pods if not finished(pod) and not deleting(pod)]
        ended = self._ended.get(job["metadata"]["uid"], {})
        failed = [at for phase, at, _ in ended.values() if phase == "Failed"]
        verdict = _decided(job) or self._verdict(job, pods, active, ended, failed)
        if verdict:
            self._finish(job, active, *verdict)
            return
        if not job["spec"].get("suspend"):
            self._ensure_pods(job, active, ended, failed)
        else:
            for pod in active:
                self._take_back(job, pod)
        self._note_suspension(job)
        self._report(job)

    # -- steps -----------------------------------------------------------------------------------------------

    def _verdict(
        self,
        job: Object,
        pods: list[Object],
        active: list[Object],
        ended: dict[str, tuple[str, float, str]],
        failed: list[float],
    ) -> tuple[bool, tuple[str, str]] | None:
        """(succeeded?, (reason, message)) once a Job is decided; None while it goes on."""
        spec = job["spec"]
        limit = spec.get("activeDeadlineSeconds")
        began = seconds(job.get("status", {}).get("startTime"))
        if limit is not None and began:
            left = began + limit - self._context.now()
            if left <= 0:
                return False, DEADLINE
            self.again(key_of(job), left + 0.01)
        retries = spec.get("backoffLimit", 6)
        if len(failed) > retries or _restarted(job, active) > max(retries, 0) - (retries > 0):
            return False, LIMIT
        if _succeeded(job, ended) >= _wanted(job, active, ended):
            return True, REACHED
        return None

    def _ensure_pods(
        self, job: Object, active: list[Object], ended: dict[str, tuple[str, float, str]], failed: list[float]
    ) -> None:
        spec = job["spec"]
        completions = spec.get("completions")
        done = _succeeded(job, ended)
        if completions is None:
            wanted = spec.get("parallelism", 1) if not done else len(active)
        else:
            wanted = min(spec.get("parallelism", 1), completions - done)
        missing = wanted - len(active)
        for pod in active[: max(0, -missing)]:
            self._take_back(job, pod)
        if missing <= 0:
            return
        if failed:
            pause = min(BACK_OFF_S * 2 ** (len(failed) - 1), BACK_OFF_MOST_S)
            wait = max(failed) + pause - self._context.now()
            if wait > 0:
                self.again(key_of(job), wait)
                return
        for index in self._free_indexes(job, active, ended, missing):
            self._create(job, index)

    def _free_indexes(
        self, job: Object, active: list[Object], ended: dict[str, tuple[str, float, str]], missing: int
    ) -> list[str]:
        if job["spec"].get("completionMode") != "Indexed":
            return [""] * missing
        used = {(pod["metadata"].get("annotations") or {}).get(INDEX) for pod in active}
        used |= {index for phase, _, index in ended.values() if phase == "Succeeded"}
        return [str(i) for i in range(job["spec"]["completions"]) if str(i) not in used][:missing]

    def _create(self, job: Object, index: str) -> None:
        name = job["metadata"]["name"]
        prefix = f"{name}-{index}-" if index else f"{name}-"
        pod = pod_from(job["spec"]["template"], job, prefix)
        if index:
            pod["metadata"].setdefault("annotations", {})[INDEX] = index
            pod["metadata"]["labels"][INDEX] = index
            spec = dict(pod["spec"])
            for group in ("containers", "initContainers"):
                if spec.get(group):
                    spec[group] = [_with_index(container) for container in spec[group]]
            pod["spec"] = {**spec, "hostname": spec.get("hostname") or f"{name}-{index}"}
        made = self._context.api.create("pods", pod)
        self._events.event(job, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")

    def _take_back(self, job: Object, pod: Object) -> None:
        """Delete a Pod that is not wanted for now: it counts as neither failed nor succeeded."""
        counted = self._ended.setdefault(job["metadata"]["uid"], {})
        counted[pod["metadata"]["uid"]] = ("TakenBack", self._context.now(), "")
        self._delete(job, pod)

    def _delete(self, job: Object, pod: Object) -> None:
        self._context.api.delete("pods", *key_of(pod))
        self._events.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _finish(self, job: Object, active: list[Object], good: bool, why: tuple[str, str]) -> None:
        """Say it in two steps, as upstream does: decided, and over once no Pod is left to end."""
        for pod in active:
            self._delete(job, pod)
        first, last = ("SuccessCriteriaMet", "Complete") if good else ("FailureTarget", "Failed")
        self._condition(job, first, *why)
        pods = owned(self._context.store.list("pods", job["metadata"]["namespace"]), job)
        if any(not finished(pod) for pod in pods):
            self._report(job)
            return
        self._condition(job, last, *why, over=True)
        if good:
            self._events.event(job, "Normal", "Completed", "Job completed")
        else:
            self._events.event(job, "Warning", *why)
        self._tidy(self._context.store.get("jobs", *key_of(job)) or job)

    def _tidy(self, job: Object) -> None:
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
            self.again(key_of(job), left + 0.01)
        else:
            self._context.api.delete("jobs", *key_of(job))

    # -- status ----------------------------------------------------------------------------------------------

    def _counts(self, job: Object) -> Object:
        pods = owned(self._context.store.list("pods", job["metadata"]["namespace"]), job)
        active = [pod for pod in pods if not finished(pod) and not deleting(pod)]
        phases = [phase for phase, _, _ in self._ended.get(job["metadata"]["uid"], {}).values()]
        counts: Object = {
            "active": len(active),
            "succeeded": phases.count("Succeeded"),
            "failed": phases.count("Failed"),
        }
        counts = {name: count for name, count in counts.items() if count}
        counts["ready"] = sum(is_ready(pod) for pod in active)
        counts["terminating"] = sum(deleting(pod) and not finished(pod) for pod in pods)
        counts["uncountedTerminatedPods"] = {}
        indexes = [
            index
            for phase, _, index in self._ended.get(job["metadata"]["uid"], {}).values()
            if phase == "Succeeded"
        ]
        if job["spec"].get("completionMode") == "Indexed" and indexes:
            counts["completedIndexes"] = ",".join(sorted(indexes, key=int))
        return counts

    def _report(self, job: Object) -> None:
        stored = self._context.store.get("jobs", *key_of(job))
        if stored is None:
            return
        before = stored.get("status", {})
        kept = {name: before[name] for name in ("conditions", "completionTime") if name in before}
        began = before.get("startTime") or self._context.stamp()
        status = {**kept, **self._counts(stored)}
        if not stored["spec"].get("suspend"):
            status["startTime"] = began
        set_status(self._context, "jobs", stored, status)

    def _note_suspension(self, job: Object) -> None:
        """The condition ``Suspended`` and its Event, when ``spec.suspend`` has changed."""
        said = condition(job, "Suspended")
        suspended = said is not None and said["status"] == "True"
        if bool(job["spec"].get("suspend")) == suspended:
            return
        word, truth = ("Resumed", "False") if suspended else ("Suspended", "True")
        message = f"Job {word.lower()}"
        self._condition(job, "Suspended", f"Job{word}", message, truth=truth)
        self._events.event(job, "Normal", word, message)

    def _condition(
        self, job: Object, kind: str, reason: str, message: str, *, over: bool = False, truth: str = "True"
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
        set_status(self._context, "jobs", stored, status)


def _over(job: Object) -> bool:
    return any(c["type"] in ("Complete", "Failed") for c in job.get("status", {}).get("conditions", ()))


def _decided(job: Object) -> tuple[bool, tuple[str, str]] | None:
    """The verdict that was written down before. It stays, although the Pods that led to it are gone by now."""
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        said = condition(job, kind)
        if said and said["status"] == "True":
            return kind == "SuccessCriteriaMet", (said["reason"], said["message"])
    return None


def _succeeded(job: Object, ended: dict[str, tuple[str, float, str]]) -> int:
    good = [index for phase, _, index in ended.values() if phase == "Succeeded"]
    return len(set(good)) if job["spec"].get("completionMode") == "Indexed" else len(good)


def _wanted(job: Object, active: list[Object], ended: dict[str, tuple[str, float, str]]) -> float:
    """How many successes end the Job. Without ``completions``: one, once no other Pod is running."""
    completions = job["spec"].get("completions")
    if completions is not None:
        return float(completions)
    return float("inf") if active else 1.0


def _restarted(job: Object, active: list[Object]) -> int:
    """Restarts that count against backoffLimit: those of the kubelet under OnFailure; sidecars do not count."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return 0
    total = 0
    for pod in active:
        status = pod.get("status", {})
        sidecars = {
            c["name"] for c in pod["spec"].get("initContainers", ()) if c.get("restartPolicy") == "Always"
        }
        total += sum(c.get("restartCount", 0) for c in status.get("containerStatuses", ()))
        inits = status.get("initContainerStatuses", ())
        total += sum(c.get("restartCount", 0) for c in inits if c["name"] not in sidecars)
    return total


def _with_index(container: Object) -> Object:
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
    return {**container, "env": [*(container.get("env") or ()), variable]}
