"""
The interface of every driver: make, find and stop a cluster, load images into it, tell how it is.

A driver makes clusters; a cluster is one running thing with a name and a kubeconfig file of its own. Lessons,
recorder and command line see `Cluster` alone, so that they run unchanged on kind, on a context and on
embedded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from podlab.client import Client

Progress = Callable[[str], None]
"""Called with one short line for each step of something slow; must not raise."""

DEFAULT_NAME = "lab"


def silent(_line: str) -> None:
    """A progress callback that says nothing."""


class Profile(NamedTuple):
    """
    The settings of a cluster to make.

    Args:
        name: The cluster's name, as the user says it: ``lab``. A kind cluster is called ``podlab-lab``.
        config: kind: a config file, or the name of one in ``clusters/kind``; None for one node.
        image: kind: the node image; None picks the air-gapped one where there is one, else kind's own.
        kubernetes: kind: which version of the air-gapped image, such as ``v1.34.4``; None for the reference.
        source: context: the kubeconfig to read; None for ``$KUBECONFIG``, then ``~/.kube/config``.
        context: context: which context of it; None for the current one.
        namespace: context: an existing namespace to stay in; None makes ``podlab-<name>``.
        merge: Also add the cluster to the user's own kubeconfig, which is never touched otherwise.
        deadline_s: Give up, and take everything down again, after this long.
        options: embedded: further arguments of the daemon, such as ``["--idle", "3600"]``.
    """

    name: str = DEFAULT_NAME
    config: str | None = None
    image: str | None = None
    kubernetes: str | None = None
    source: Path | None = None
    context: str | None = None
    namespace: str | None = None
    merge: bool = False
    deadline_s: float = 600.0
    options: Sequence[str] = ()


class Cluster(NamedTuple):
    """One cluster that can be used now, through *kubeconfig* and nothing else."""

    driver: str
    name: str
    kubeconfig: Path
    context: str
    namespace: str = "default"

    def client(self) -> Client:
        """Return a client for this cluster; it connects on its first request."""
        from podlab.client import Client

        return Client.from_kubeconfig(self.kubeconfig, self.context)


class Status(NamedTuple):
    """
    How a cluster is. ``running`` is what was found now, not what was true when it was made.

    Args:
        pids: What runs on this machine for it: a name for each process, and its pid.
        version: What its ``/version`` answered, such as ``v1.36.3``; None when nothing answered.
        note: One line for a person when something is odd; empty when all is well.
    """

    driver: str
    name: str
    running: bool
    version: str | None = None
    kubeconfig: str = ""
    context: str = ""
    namespace: str = "default"
    nodes: Sequence[str] = ()
    pids: Mapping[str, int] = MappingProxyType({})
    created_at: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain data, for ``--json``."""
        return {**self._asdict(), "nodes": list(self.nodes), "pids": dict(self.pids)}


class Driver(Protocol):
    """Makes clusters of one sort. All names are the user's names, without any prefix."""

    name: str

    def make(self, profile: Profile, *, progress: Progress = silent) -> Cluster:
        """
        Make the cluster, or return the one of that name that runs already.

        Either a usable cluster is returned or nothing is left behind, whatever ended the making: an error,
        Ctrl-C, SIGTERM, or *profile.deadline_s*.
        """
        ...

    def find(self, name: str) -> Cluster | None:
        """
        Return the cluster if this driver made one of that name, else None. Does not ask whether it answers.
        """
        ...

    def stop(self, name: str, *, progress: Progress = silent) -> bool:
        """Take the cluster down with all that was made for it; False if absent."""
        ...

    def status(self, name: str) -> Status:
        """Look now, within a few seconds, also when the cluster is broken."""
        ...

    def load_images(self, name: str, images: Sequence[str], *, progress: Progress = silent) -> None:
        """Put images of this machine on every node of the cluster."""
        ...
