"""``podlab images``: what stands behind each image name on a cluster; making and loading the images of the labs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from podlab.cli import parser as common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podlab import images

SUMMARY = "list the images of a cluster, load images into it, or build the images of the labs"
EXAMPLE = """
podlab images
podlab images build                              # lists the labs' images, and which are built
podlab images build postgres envoy --load        # builds them, and loads them into the cluster
podlab images --load podlab-postgres:18          # one that was built
podlab images --load                             # all of the labs' images that were built
podlab images --load podlab-app:1                # kind: an image of the Docker engine
podlab images --load app.tar --name second       # a file that `docker save` wrote
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "build", nargs="?", choices=["build"], help="build images of the labs; without a NAME, list them"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="an image of the labs, such as postgres or podlab-postgres:18",
    )
    parser.add_argument(
        "--load",
        nargs="*",
        metavar="IMAGE",
        help="load these images into the cluster; with build: load what was built",
    )
    common.add_cluster(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each name."""
    if args.build:
        return _build(args)
    from podlab import drivers
    from podlab.cli import lookup, output

    if args.load is not None:
        _load(args.name, args.load)
    cluster = drivers.need(args.name)
    rows = (
        _of_catalogue(cluster.name) if cluster.driver == "embedded" else lookup.node_images(cluster.client())
    )
    if args.json:
        output.as_json(rows)
    elif rows:
        output.table(("IMAGE", "WHAT IT IS"), ((row["name"], row["says"]) for row in rows))
    else:
        output.say("no image is present on the cluster's nodes")
    return 0


def _build(args: argparse.Namespace) -> int:
    from podlab import drivers, images
    from podlab.cli import output

    known = images.load()
    wanted = [known.find(name) for name in [*args.names, *(args.load or ())]]
    if not wanted:
        return _list_recipes(args, known)
    if args.load is not None:
        drivers.need(args.name)  # before minutes of building, not after them
    with output.Steps() as steps:
        archives = [str(images.build(image, known, steps)) for image in wanted]
    if args.load is not None:
        _load(args.name, [image.name for image in wanted])
    if args.json:
        output.as_json(
            [{"name": image.name, "archive": path} for image, path in zip(wanted, archives, strict=True)]
        )
    else:
        output.table(
            ("IMAGE", "ARCHIVE"), [(one.name, path) for one, path in zip(wanted, archives, strict=True)]
        )
    return 0


def _list_recipes(args: argparse.Namespace, known: images.Recipes) -> int:
    from podlab.cli import output
    from podlab.images import builder

    rows = [builder.describe(image, known) for image in known.images.values()]
    if args.json:
        output.as_json(rows)
        return 0
    output.table(
        ("IMAGE", "ORIGIN", "SIZE", "BUILT", "FROM"),
        [
            (row["name"], row["origin"], _size(row), "yes" if row["archive"] else "no", row["from"])
            for row in rows
        ],
    )
    output.say("podlab images build NAME... builds; --load brings what it built to the cluster")
    return 0


def _size(row: dict[str, object]) -> str:
    size_bytes = row["size_bytes"]
    assert isinstance(size_bytes, int)
    return f"{'' if row['archive'] else 'about '}{size_bytes / 2**20:.0f} MiB"


def _load(name: str, wanted: Sequence[str]) -> None:
    from podlab import drivers
    from podlab.cli import output

    cluster = drivers.need(name)
    found = [_archive(one) for one in wanted] or _all_built()
    with output.Steps() as steps:
        drivers.get(cluster.driver).load_images(cluster.name, found, progress=steps)


def _archive(name: str) -> str:
    """Return the archive of an image of the labs that has been built; any other name as it is."""
    from podlab import images
    from podlab.errors import BuildError

    if Path(name).is_dir():
        raise common.UsageError(
            f"{name} is a folder; --load takes images and archives",
            cause="an archive is a file that `docker save` or `podlab images build` wrote",
            hint=next((str(one) for one in sorted(Path(name).glob("*.tar"))), "podlab images --load"),
        )
    known = images.load() if name.startswith("podlab-") and images.recipes.FILE.exists() else None
    if known is None or name not in known.images:
        return name
    archive = images.archive_of(known.images[name], known)
    if archive is None:
        raise BuildError(
            f"{name} has not been built on this machine", hint=f"podlab images build {name} --load"
        )
    return str(archive)


def _all_built() -> list[str]:
    from podlab import images
    from podlab.errors import BuildError

    known = images.load()
    archives = [images.archive_of(image, known) for image in known.images.values()]
    found = [str(archive) for archive in archives if archive is not None]
    if not found:
        raise BuildError(
            "none of the labs' images has been built on this machine", hint="podlab images build"
        )
    return found


def _of_catalogue(name: str) -> list[dict[str, str]]:
    from podlab.drivers import state
    from podlab.embedded.images import ImageStore

    return sorted(ImageStore(state.folder(name) / "images").rows(), key=lambda row: row["name"])
