"""``podlab delete``: delete Pods, or the objects of a manifest."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "delete Pods by name, or the objects of a manifest, and wait until they are gone"
EXAMPLE = """
podlab delete first-pod
podlab delete labs/00-first-pod/manifests/first-pod.yaml
podlab delete web --grace 0 --namespace demo
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "what", metavar="MANIFEST|POD", nargs="+", help="a YAML or JSON file (- reads stdin), or a Pod's name"
    )
    parser.add_argument(
        "--grace",
        type=common.seconds,
        metavar="S",
        help="how long containers may take to end (default: what the Pod says, mostly 30)",
    )
    common.add_cluster(parser)
    common.add_namespace(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Delete, and print one line for each object; a Pod that is not there is an error, and names the nearest."""
    from podlab import drivers
    from podlab.cli import deleting, output

    cluster = drivers.need(args.name)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    objects = deleting.meant(client, args.what, namespace)
    with output.Steps() as steps:
        results = deleting.delete(client, objects, namespace, grace_s=args.grace, progress=steps)
    if args.json:
        output.as_json([{"object": name, "result": result} for name, result in results])
        return 0
    for name, result in results:
        print(f"{name} {result}")
    return 0
