"""``podlab up``: create a cluster, or use the one that is already running."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from podlab.cli import parser as common

if TYPE_CHECKING:
    from podlab.drivers import Cluster

SUMMARY = "create a cluster, or use the one that is already running"
EXAMPLE = """
podlab up                                     # kind if Docker is running, else embedded; says which, and why
podlab up --driver kind --config three-nodes
podlab up --driver context --context my-class --namespace student-07
export KUBECONFIG=$(podlab kubeconfig)        # then kubectl works on it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    common.add_cluster(parser)
    parser.add_argument(
        "--driver",
        metavar="D",
        help="kind, context or embedded (default: $PODLAB_DRIVER, else the best one that works here)",
    )
    parser.add_argument("--merge", action="store_true", help="also add the cluster to your own kubeconfig")
    parser.add_argument(
        "--deadline", type=common.seconds, default=600.0, metavar="S", help="give up after S seconds"
    )
    kind = parser.add_argument_group("kind")
    kind.add_argument("--config", metavar="C", help="a kind config file, or one in clusters/kind by name")
    kind.add_argument("--image", metavar="I", help="the node image")
    kind.add_argument(
        "--kubernetes", metavar="V", help="the version of the air-gapped node image, such as v1.34.4"
    )
    context = parser.add_argument_group("context")
    context.add_argument("--context", metavar="C", help="the context to use (default: the current one)")
    context.add_argument("--kubeconfig", type=Path, metavar="F", help="the kubeconfig with that context")
    context.add_argument(
        "--namespace", metavar="NS", help="an existing namespace to use, instead of a new one"
    )
    embedded = parser.add_argument_group("embedded")
    embedded.add_argument(
        "--idle", type=common.seconds, metavar="S", help="end the cluster after S seconds without a request"
    )
    embedded.add_argument(
        "--pace",
        choices=("prompt", "kubelet"),
        help="kubelet: reproduce the delays of a real kubelet (default: prompt)",
    )
    embedded.add_argument(
        "--allow-host-path", action="store_true", help="let Pods mount folders of this machine (hostPath)"
    )
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make the cluster and say how to use it."""
    from podlab import drivers
    from podlab.cli import output

    profile = drivers.Profile(
        config=args.config,
        image=args.image,
        kubernetes=args.kubernetes,
        source=args.kubeconfig,
        context=args.context,
        namespace=args.namespace,
        merge=args.merge,
        deadline_s=args.deadline,
        options=_options(args),
    )
    try:
        with output.Steps() as steps:
            cluster = drivers.make(args.name, driver=args.driver, profile=profile, progress=steps)
        return _tell(cluster, as_json=args.json)
    except KeyboardInterrupt as reason:
        if getattr(reason, "number", signal.SIGINT) != signal.SIGINT or drivers.find(args.name) is None:
            raise
    # Ctrl-C came when there was nothing left to take down: the cluster was ready, or had been before.
    output.say(f"the cluster is up and stays; podlab down --cluster {args.name} ends it")
    return 0


def _tell(cluster: Cluster, *, as_json: bool) -> int:
    """Say which cluster is ready, and how to use it."""
    from podlab import drivers
    from podlab.cli import output

    status = drivers.get(cluster.driver).status(cluster.name)
    if as_json:
        output.as_json(status.as_dict())
        return 0
    print(f"cluster {cluster.name} is ready: driver {cluster.driver}, Kubernetes {status.version}")
    if status.note:
        output.say(f"note: {status.note}")
    flag = "" if cluster.name == drivers.DEFAULT_NAME else f" --cluster {cluster.name}"
    output.say(f"for kubectl: export KUBECONFIG=$(podlab kubeconfig{flag})")
    return 0


def _options(args: argparse.Namespace) -> list[str]:
    """Return the daemon's own arguments."""
    options = [f"--idle-s={args.idle:g}"] if args.idle else []
    options += [f"--pace={args.pace}"] if args.pace else []
    return options + (["--allow-host-path"] if args.allow_host_path else [])
