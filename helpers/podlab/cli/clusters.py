"""
Which cluster a command works on: one that podlab made, or a context of anybody's kubeconfig.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from podlab.cli import kubectl
from podlab.cli.parser import UsageError, names_cluster
from podlab.client import Client
from podlab.client.kubeconfig import Kubeconfig
from podlab.drivers import Cluster


class ContextCluster(Cluster):
    """A context that podlab did not make anything for: it is used as it is, and nothing of it is kept."""

    __slots__ = ()

    def client(self) -> Client:
        """Return a client; without a file of its own, kubectl's rules say which are read."""
        return Client.from_kubeconfig(self.kubeconfig if self.kubeconfig.name else None, self.context)


def of(args: argparse.Namespace) -> Cluster:
    """
    Return the cluster that *args* name.

    That is, with ``--context`` or ``--kubeconfig``, and for ``kubectl podlab`` without ``--cluster``, what kubectl
    would work on; else the cluster of that name.

    Raises:
        DriverError: There is none.
    """
    from podlab import drivers

    context, file = getattr(args, "context", None), getattr(args, "kubeconfig", None)
    named = names_cluster(args)
    if named and (context or file):
        raise UsageError(
            "--cluster cannot be combined with --context or --kubeconfig",
            cause="each of them names a cluster",
            hint="give only one of them",
        )
    if not (context or file or (kubectl.as_plugin() and not named)):
        return drivers.need(args.name)
    return borrowed(file, context)


def borrowed(file: Path | None, context: str | None) -> ContextCluster:
    """
    Return *context* (default: the current one) of the kubeconfig *file* (default: what kubectl reads).

    Raises:
        DriverError: There is none.
    """
    config = Kubeconfig.load(file, context)
    return ContextCluster("context", config.context, file or Path(), config.context, config.namespace)
