"""``podlab apply``: create or change the objects of a manifest."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "create or change the objects of a manifest; all of them are checked before the first is sent"
EXAMPLE = """
podlab apply labs/00-first-pod/manifests/first-pod.yaml
podlab apply - --namespace demo < pod.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", nargs="+", help="a YAML or JSON file; - reads stdin")
    common.add_cluster(parser)
    common.add_namespace(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Apply, and print one line for each object as kubectl would."""
    from podlab import drivers
    from podlab.cli import output, sending

    cluster = drivers.need(args.name)
    manifests = [one for source in args.manifest for one in sending.read(source)]
    results = sending.apply(cluster.client(), manifests, args.namespace or cluster.namespace)
    if args.json:
        output.as_json([{"object": name, "result": result} for name, result in results])
        return 0
    for name, result in results:
        print(f"{name} {result}")
    return 0
