"""``podlab images``: what stands behind each image name on a cluster."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "list what stands behind each image name on the cluster, or load images into it"
EXAMPLE = """
podlab images
podlab images --load podlab-app:1                # kind: an image of the Docker engine
podlab images --load app.tar --name second       # embedded: a file that `docker save` wrote
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--load", nargs="+", metavar="IMAGE", default=[], help="load these first")
    common.add_cluster(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each name."""
    from podlab import drivers
    from podlab.cli import output, reading

    cluster = drivers.need(args.name)
    if args.load:
        with output.Steps() as steps:
            drivers.get(cluster.driver).load_images(cluster.name, args.load, progress=steps)
    rows = (
        _of_catalogue(cluster.name) if cluster.driver == "embedded" else reading.node_images(cluster.client())
    )
    if args.json:
        output.as_json(rows)
    elif rows:
        output.table(("IMAGE", "WHAT IT IS"), ((row["name"], row["says"]) for row in rows))
    else:
        output.say("no image is present on the cluster's nodes")
    return 0


def _of_catalogue(name: str) -> list[dict[str, str]]:
    from podlab.drivers import state
    from podlab.embedded.images import ImageStore

    return sorted(ImageStore(state.folder(name) / "images").rows(), key=lambda row: row["name"])
