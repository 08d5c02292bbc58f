"""``podlab kubeconfig``: where the cluster's kubeconfig is."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "print the path of the cluster's kubeconfig file"
EXAMPLE = """
export KUBECONFIG=$(podlab kubeconfig)
kubectl --kubeconfig "$(podlab kubeconfig --cluster second)" get pods
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    common.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    """Print the path."""
    from podlab import drivers

    print(drivers.need(args.name).kubeconfig)
    return 0
