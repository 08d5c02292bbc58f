"""``podlab mesh``: which service mesh put what into a Pod."""

from __future__ import annotations

import argparse
from pathlib import Path

from podlab.cli import parser as common

SUMMARY = "list what a service mesh (Istio, Linkerd or that of lab 08) has added to a Pod"
EXAMPLE = """
podlab mesh shop                                                  # a Pod of the cluster
podlab mesh labs/08-service-mesh/exhibits/istio-native.yaml      # a manifest; no cluster is asked
istioctl kube-inject -f app.yaml | podlab mesh -
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("pod", metavar="POD|FILE", help="the name of a Pod, or a manifest (- reads stdin)")
    common.add_cluster(parser)
    common.add_namespace(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each part, or that none was found. The exit code is 0 in both cases."""
    from podlab import mesh
    from podlab.cli import output

    found = {name: mesh.parts(obj) for name, obj in _objects(args)}
    if args.json:
        output.as_json(
            [{"object": name, "form": mesh.form(parts), "parts": [part._asdict() for part in parts]}
             for name, parts in found.items()]
        )  # fmt: skip
        return 0
    for name, parts in found.items():
        print(mesh.table(name, parts))
    return 0


def _objects(args: argparse.Namespace) -> list[tuple[str, dict[str, object]]]:
    """Return the objects to look at, by kind and name."""
    from podlab.client import resources

    kind = args.pod.partition("/")[0] if "/" in args.pod and not Path(args.pod).is_file() else ""
    is_path = "/" in args.pod and resources.named(kind) is None
    if args.pod == "-" or is_path or args.pod.endswith((".yaml", ".yml", ".json")):
        from podlab.cli import sending

        read = sending.read(args.pod)
        objects = [
            inner for one in read for inner in one.object.get("items") or [one.object]
        ]  # of a List, too
        return [(f"{one['kind']} {one['metadata']['name']}", one) for one in objects if "spec" in one]
    from podlab import drivers
    from podlab.cli import lookup

    try:
        pod = common.one_pod(args.pod)
    except argparse.ArgumentTypeError as error:
        raise common.UsageError(str(error), hint="podlab mesh POD") from error
    cluster = drivers.need(args.name)
    namespace = args.namespace or cluster.namespace
    return [(f"Pod {pod}", lookup.find_pod(cluster.client(), namespace, pod))]
