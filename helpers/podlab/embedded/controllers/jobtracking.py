"""
The finalizer that keeps a Job's Pod until the Job has counted how it ended.

Source: pkg/controller/job/{job_controller,tracking_utils}.go at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable

from podlab.embedded.api.verbs.deletion import finish_if_free
from podlab.embedded.controllers.base import Controller, ControllerContext
from podlab.embedded.controllers.objects import Key, controller_of, deleting, key_of
from podlab.pods.raw import RawObject

FINALIZER = "batch.kubernetes.io/job-tracking"


def tracked(pod: RawObject) -> bool:
    """Return whether the Pod has the finalizer."""
    return FINALIZER in pod["metadata"].get("finalizers", ())


class Tracking(Controller):
    """
    Takes the finalizer from Pods that are counted, or that no Job will count.

    Args:
        is_counted: Whether the Job of that uid has counted the Pod of that uid.
    """

    def __init__(self, context: ControllerContext, is_counted: Callable[[str, str], bool]) -> None:
        super().__init__(context, "job-tracking")
        self._is_counted = is_counted

    def pod_changed(self, pod: RawObject) -> None:
        """Queue a Pod that has the finalizer."""
        if tracked(pod):
            self.queue(key_of(pod))

    def job_is_gone(self, job: RawObject) -> None:
        """Queue all Pods of a Job that is deleted or being deleted."""
        for pod in self._context.store.list("pods", job["metadata"]["namespace"]):
            self.pod_changed(pod)

    def reconcile(self, key: Key) -> None:
        """Take the finalizer from a Pod whose end is counted, or that no Job will count."""
        pod = self._context.store.get("pods", *key)
        if pod is None or not tracked(pod):
            return
        job = self._job_of(pod)
        if job and not deleting(job) and not self._is_counted(job["metadata"]["uid"], pod["metadata"]["uid"]):
            return
        left = [finalizer for finalizer in pod["metadata"]["finalizers"] if finalizer != FINALIZER]
        meta = {name: value for name, value in pod["metadata"].items() if name != "finalizers"}
        released = {**pod, "metadata": {**meta, **({"finalizers": left} if left else {})}}
        finish_if_free(self._context.store, "pods", self._context.store.update("pods", released))

    def _job_of(self, pod: RawObject) -> RawObject | None:
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "Job":
            return None
        job = self._context.store.get("jobs", pod["metadata"]["namespace"], owner["name"])
        return job if job is not None and job["metadata"]["uid"] == owner["uid"] else None
