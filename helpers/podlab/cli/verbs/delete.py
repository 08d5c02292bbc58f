"""``podlab delete``: delete Pods and other objects by name, or the objects of a manifest."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = (
    "delete Pods by name, objects by kind and name, or the objects of a manifest; waits until they are gone"
)
EXAMPLE = """
podlab delete first-pod
podlab delete pod first-pod
podlab delete job/migrate deployment/web
podlab delete -f labs/00-first-pod/manifests/first-pod.yaml
podlab delete web --grace 0 --namespace demo
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "what",
        metavar="POD|KIND NAME|KIND/NAME|FILE",
        nargs="*",
        help="a Pod's name; a kind and names; or a YAML or JSON file (- reads stdin)",
    )
    common.add_file_option(parser)
    grace = parser.add_mutually_exclusive_group()
    grace.add_argument(
        "--grace",
        "--grace-period",
        type=common.seconds,
        metavar="S",
        help="seconds that containers get to stop (default: what the Pod asks for, usually 30)",
    )
    grace.add_argument("--now", dest="grace", action="store_const", const=1.0, help="the same as --grace 1")
    parser.add_argument(
        "--all", action="store_true", help="all objects of the kind: podlab delete pods --all"
    )
    parser.add_argument(
        "-l", "--selector", metavar="L", help="objects with these labels: podlab delete pods -l app=web"
    )
    parser.add_argument("--force", action="store_true", help="the same as --grace 0")
    parser.add_argument(
        "--ignore-not-found", action="store_true", help="do not fail if an object does not exist"
    )
    parser.add_argument(
        "--wait", choices=("true", "false"), default="true", help="false: return before they are gone"
    )
    common.add_target(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Delete, and print one line for each object; a missing Pod is an error that suggests the nearest name."""
    from podlab.cli import clusters, deleting, output

    words = deleting.words(args)
    cluster = clusters.of(args)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    objects = deleting.meant(client, words, namespace, args)
    grace_s = 0.0 if args.force else args.grace
    with output.Steps() as steps:
        results = deleting.delete(
            client, objects, namespace, grace_s=grace_s, progress=steps, wait=args.wait == "true"
        )
    output.results(results, as_json=args.json)
    return 0
