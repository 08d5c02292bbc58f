"""``podlab explain``: why a Pod, Job or Deployment does not run, in three lines."""

from __future__ import annotations

import argparse
import re

from podlab.cli import parser as common

SUMMARY = "explain in three lines why a Pod, Job or Deployment is not running"
EXAMPLE = """
podlab explain first-pod
podlab explain job/migrate
podlab explain deployment web --namespace shop --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "what",
        nargs="+",
        type=common.pod_name,
        metavar="NAME",
        help="a Pod's name, or KIND/NAME, where KIND is pod, job, deployment, replicaset, statefulset, daemonset, "
        "cronjob or poddisruptionbudget",
    )
    common.add_target(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """
    Read the object, its Pods and Events, and print what, why, and what to try. Exit code 0 whatever the answer is.
    """
    from dataclasses import replace

    from podlab.cli import clusters, explaining, kubectl, output

    kind, name = explaining.asked_for(args.what, _cluster(args))
    cluster = clusters.of(args)
    found = explaining.told(cluster.client(), args.namespace or cluster.namespace, kind, name)
    found = replace(found, hint=found.hint + _where(found.hint, args))
    if args.json:
        output.as_json(found.as_json())
    else:
        print(kubectl.spoken(str(found)))
    return 0


def _cluster(args: argparse.Namespace) -> str:
    given = {
        "--cluster": args.name if common.names_cluster(args) else None,
        "--context": args.context,
        "--kubeconfig": args.kubeconfig,
    }
    return "".join(f" {option} {value}" for option, value in given.items() if value)


def _where(hint: str, args: argparse.Namespace) -> str:
    """Return the options that were given here, for a command at the end of the hint: it must meet the same Pod."""
    verb = re.search(r"podlab (\w+)[^;]*$", hint)
    if verb is None:
        return ""
    return _cluster(args) + (
        f" --namespace {args.namespace}" if args.namespace and verb[1] != "images" else ""
    )
