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
podlab explain web shop job/migrate                # several, one after another
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "what",
        nargs="+",
        type=common.pod_name,
        metavar="NAME",
        help="Pods, KIND/NAME, or KIND and names, where KIND is pod, job, deployment, replicaset, statefulset, "
        "daemonset, cronjob or poddisruptionbudget",
    )
    common.add_target(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """
    Read each object, its Pods and Events, and print what, why, and what to try. Exit code 0 whatever the answer is.
    """
    from dataclasses import replace

    from podlab.cli import clusters, explaining, kubectl, output

    asked = explaining.asked_for(args.what, _cluster(args))
    cluster = clusters.of(args)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    answers = [explaining.told(client, namespace, kind, name) for kind, name in asked]
    answers = [replace(one, hint=one.hint + _where(one.hint, args)) for one in answers]
    if args.json:
        rows = [one.as_json() for one in answers]
        output.as_json(rows if len(rows) > 1 else rows[0])
    else:
        print(kubectl.spoken("\n\n".join(str(one) for one in answers)))
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
