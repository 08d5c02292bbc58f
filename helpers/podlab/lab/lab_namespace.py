"""
The namespace that a lab works in: made when missing, emptied at the start, deleted at the end if it was
made here.

On a cluster that somebody else runs (driver context) the namespace is given, and only objects that this lab
made are ever touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from podlab.client import Client, resources
from podlab.client.waiting import until
from podlab.errors import ConflictError, PodlabError, WaitTimeoutError
from podlab.lab.progressline import ProgressLine, watched
from podlab.pods.raw import RawObject

MANAGED = {"app.kubernetes.io/managed-by": "podlab"}
# owners first, so that nothing is made again behind our back
_KINDS = (
    "deployments", "replicasets", "statefulsets", "daemonsets", "cronjobs", "jobs", "replicationcontrollers",
    "services", "pods", "configmaps", "secrets", "persistentvolumeclaims", "rolebindings", "roles", "serviceaccounts",
    "networkpolicies", "poddisruptionbudgets", "resourcequotas", "limitranges", "ingresses",
)  # fmt: skip
_WEBHOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
_MADE_BY_KUBERNETES = {"kube-root-ca.crt", "default"}  # the second: a namespace's own service account


class LabNamespace:
    """One namespace. *own* says that everything in it is the lab's, to empty and to delete."""

    def __init__(self, client: Client, name: str, *, own: bool) -> None:
        self.client, self.name, self.own = client, name, own
        self.made: list[str] = []

    def prepare(self) -> None:
        """Make the namespace, or empty it if it is there; no-op where the namespace is not ours."""
        if not self.own:
            return
        self._drop(self._webhooks())
        found = self.client.find(self._path)
        if found is None:
            self._make()
        elif found["metadata"].get("deletionTimestamp"):
            self._until_gone([self._path], 60, f"namespace {self.name} is being deleted and is still there")
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
            paths = self._list(resources.path(kind, self.name))
            self._drop(paths)
            pods += paths if kind == "pods" else []
        self._until_gone(pods, 30, f"Pods of {self.name} are still being deleted")

    def close(self) -> None:
        """Delete the namespace if it is ours, else what was made in it."""
        if self.own:
            self._drop(self._webhooks())
            self.client.remove(self._path)
        else:
            self.empty()

    def replace(self, objects: Iterable[RawObject]) -> None:
        """
        Make room for *objects*: delete those of the same kind and name that a former run left.

        In a namespace that is not ours only objects made through this lab are deleted.
        """
        paths = [self.client.path_of(each, self.name) for each in objects]
        stale = [path for path in paths if (self.own or path in self.made) and self.client.find(path)]
        self._drop(stale)
        self._until_gone(stale, 30, f"{', '.join(stale)}: still being deleted")

    def note(self, objects: Iterable[RawObject]) -> None:
        """Remember *objects* as made by this lab."""
        self.made += [self.client.path_of(each, self.name) for each in objects]

    def _make(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": MANAGED}}
        with suppress(ConflictError):
            self.client.create(resources.path("namespaces"), body)

    @property
    def _path(self) -> str:
        return resources.path("namespaces", name=self.name)

    def _list(self, path: str) -> list[str]:
        listed = self.client.find(path) or {}  # empty: this cluster does not know the kind
        names = [item["metadata"]["name"] for item in listed.get("items") or []]
        return [f"{path}/{name}" for name in names if name not in _MADE_BY_KUBERNETES]

    def _webhooks(self) -> list[str]:
        """Return the webhooks that are answered from this namespace: without it the API server would ask nobody."""
        found = []
        for path in map(resources.path, _WEBHOOKS):
            for each in (self.client.find(path) or {}).get("items") or []:
                asked = [hook["clientConfig"].get("service") or {} for hook in each.get("webhooks") or []]
                if asked and all(service.get("namespace") == self.name for service in asked):
                    found.append(f"{path}/{each['metadata']['name']}")
        return found

    def _drop(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.client.remove(path, grace_s=0)

    def _until_gone(self, paths: Sequence[str], deadline_s: float, what: str) -> None:
        wait_for(lambda: not any(map(self.client.find, paths)), deadline_s, what)


def wait_for(done: Callable[[], bool], deadline_s: float, what: str, *, hint: str | None = None) -> None:
    """
    Ask *done* five times a second until it says yes.

    Raises:
        WaitTimeoutError: After *deadline_s*, with *what* as its first line.
    """
    problem: PodlabError | None = None

    def asked() -> bool:
        nonlocal problem
        try:
            answer, problem = done(), None
        except PodlabError as error:
            # It does not exist yet, or cannot start yet: the reason is reported at the deadline.
            answer, problem = False, error
        return answer

    def late() -> WaitTimeoutError:
        cause = problem.summary if problem else None
        return WaitTimeoutError(f"{what} (waited {deadline_s:.0f} s)", cause=cause, hint=hint)

    with ProgressLine(lambda seconds: f"waiting, {seconds:.0f} s; so far: {what}", active=watched()) as line:
        until(asked, deadline_s=deadline_s, late=late, every_s=0.2, meanwhile=line.due)
