"""
The namespace that a lab works in: made when missing, emptied at the start, deleted at the end if it was
made here.

On a cluster that somebody else runs (driver context) the namespace is given, and only objects that this lab
made are ever touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from podlab.client import Client
from podlab.errors import ConflictError, NotFoundError, PodlabError, WaitTimeoutError
from podlab.lab.telling import Telling, watched
from podlab.pods.raw import RawObject

MANAGED = {"app.kubernetes.io/managed-by": "podlab"}
# owners first, so that nothing is made again behind our back
_KINDS = (
    "/apis/apps/v1/{}/deployments",
    "/apis/batch/v1/{}/jobs",
    "/api/v1/{}/services",
    "/api/v1/{}/pods",
    "/api/v1/{}/configmaps",
    "/api/v1/{}/secrets",
)
_AT_ONCE = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
_MADE_BY_KUBERNETES = "kube-root-ca.crt"


class Space:
    """One namespace. *own* says that everything in it is the lab's, to empty and to delete."""

    def __init__(self, client: Client, name: str, *, own: bool) -> None:
        self.client, self.name, self.own = client, name, own
        self.made: list[str] = []

    def prepare(self) -> None:
        """Make the namespace, or empty it if it is there; no-op where the namespace is not ours."""
        if not self.own:
            return
        try:
            found = self.client.get(f"/api/v1/namespaces/{self.name}")
        except NotFoundError:
            self._make()
            return
        if found["metadata"].get("deletionTimestamp"):
            wait_for(self._is_gone, 60, f"namespace {self.name} is being deleted and is still there")
            self._make()
        else:
            self.empty()

    def empty(self) -> None:
        """
        Delete what is in an own namespace, or what this lab made in another; returns once Pods are
        gone.
        """
        if not self.own:
            self._drop(reversed(self.made))
            self.made.clear()
            return
        pods = []
        for kind in _KINDS:
            paths = self._list(kind.format(f"namespaces/{self.name}"))
            self._drop(paths)
            pods += [path for path in paths if "/pods/" in path]
        wait_for(lambda: not any(map(self._there, pods)), 30, f"Pods of {self.name} are still being deleted")

    def close(self) -> None:
        """Delete the namespace if it is ours, else what was made in it."""
        if not self.own:
            self.empty()
            return
        with suppress(NotFoundError):
            self.client.delete(f"/api/v1/namespaces/{self.name}")

    def replace(self, objects: Iterable[RawObject]) -> None:
        """
        Make room for *objects*: delete those of the same kind and name that a former run left.

        In a namespace that is not ours only objects made through this lab are deleted.
        """
        paths = [self.client.path_of(each, self.name) for each in objects]
        stale = [path for path in paths if (self.own or path in self.made) and self._there(path)]
        self._drop(stale)
        wait_for(lambda: not any(map(self._there, stale)), 30, f"{', '.join(stale)}: still being deleted")

    def note(self, objects: Iterable[RawObject]) -> None:
        """Remember *objects* as made by this lab."""
        self.made += [self.client.path_of(each, self.name) for each in objects]

    def _make(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": MANAGED}}
        with suppress(ConflictError):
            self.client.create("/api/v1/namespaces", body)

    def _list(self, path: str) -> list[str]:
        try:
            items = self.client.get(path).get("items") or []
        except NotFoundError:
            return []  # this cluster does not know the kind
        names = [item["metadata"]["name"] for item in items]
        return [f"{path}/{name}" for name in names if name != _MADE_BY_KUBERNETES]

    def _drop(self, paths: Iterable[str]) -> None:
        for path in paths:
            with suppress(NotFoundError):
                self.client.delete(path, dict(_AT_ONCE))

    def _there(self, path: str) -> bool:
        try:
            self.client.get(path)
        except NotFoundError:
            return False
        return True

    def _is_gone(self) -> bool:
        return not self._there(f"/api/v1/namespaces/{self.name}")


def wait_for(done: Callable[[], bool], deadline_s: float, what: str, *, hint: str | None = None) -> None:
    """
    Ask *done* five times a second until it says yes.

    Raises:
        WaitTimeoutError: After *deadline_s*, with *what* as its first line.
    """
    gives_up_at = time.monotonic() + deadline_s
    problem: PodlabError | None = None
    with Telling(lambda seconds: f"waiting, {seconds:.0f} s; so far: {what}", active=watched()) as telling:
        while True:
            try:
                if done():
                    return
                problem = None
            except PodlabError as error:
                # It does not exist yet, or cannot start yet: the reason is reported at the deadline.
                problem = error
            if time.monotonic() >= gives_up_at:
                raise WaitTimeoutError(
                    f"{what} (waited {deadline_s:.0f} s)",
                    cause=problem.summary if problem else None,
                    hint=hint,
                )
            telling.due()
            time.sleep(0.2)
