"""
``Workplace``: the cluster and the namespace of a lab, and what a notebook holds of them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from podlab.client import resources
from podlab.lab.lab_namespace import LabNamespace, wait_for

if TYPE_CHECKING:
    from podlab.drivers import Cluster
    from podlab.observe import Recording
    from podlab.timeline import Timeline


class Workplace:
    """
    A cluster and a namespace on it, taken and left.

    Attributes:
        cluster: The cluster, with its driver, name and kubeconfig.
        client: A client of it, for everything that has no verb here.
        namespace: Where all verbs work.
        recording: The latest recording, None before the first.
        runs: Timelines of all recorded Pods, by the Pod's name; the latest last.
        texts: Manifests written with ``%%manifest``, by name.
    """

    def __init__(self, cluster: Cluster, namespace: str, *, own: bool) -> None:
        self.cluster, self.client, self.namespace = cluster, cluster.client(), namespace
        self.space = LabNamespace(self.client, namespace, own=own)
        self.recording: Recording | None = None
        self.texts: dict[str, str] = {}
        self.predictions: dict[str, dict[str, str]] = {}
        self.asked = ""  # the round of the latest prediction: what is recorded next is its answer
        self.runs: dict[str, Timeline] = {}
        self.version = self.client.version()

    def __repr__(self) -> str:
        return (
            f"cluster {self.cluster.name} ({self.cluster.driver}, {self.version}), namespace {self.namespace}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def driver(self) -> str:
        """kind, context or embedded."""
        return self.cluster.driver

    @property
    def minor(self) -> int:
        """The server's minor version: 36 for v1.36.3."""
        return int("".join(c for c in self.version.split(".")[1] if c.isdigit()))

    def wait(
        self, done: Callable[[], bool], what: str = "it did not happen", *, deadline_s: float = 30
    ) -> None:
        """Wait until *done* says yes; WaitTimeoutError with *what* after *deadline_s*."""
        wait_for(done, deadline_s, what, hint=f"lab.events() shows what happened in {self.namespace}")

    def close(self) -> None:
        """Delete the namespace with all that is in it, and let it go; the cluster stays for the next notebook."""
        from podlab.drivers import state
        from podlab.lab import namespacelock

        self.space.close()
        namespacelock.release(state.folder(self.cluster.name) / "namespaces", self.namespace)
        print(f"namespace {self.namespace} is being deleted; the cluster stays")

    def _path(self, kind: str, name: str | None = None) -> str:
        return resources.path(kind, self.namespace, name)
