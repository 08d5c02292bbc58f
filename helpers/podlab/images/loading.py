"""Loading the images of a lab or an exercise into its cluster."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable, Sequence

from podlab import paths
from podlab.drivers.base import Cluster, silent
from podlab.images import builder, recipes
from podlab.images.cache import Progress
from podlab.images.recipes import Recipes


def need(cluster: Cluster, names: Sequence[str], progress: Progress = silent) -> str:
    """
    Have the images called *names* (``postgres``) on the nodes of *cluster*, and return one line that says so.

    The nodes of a cluster that somebody else runs are left alone: it has to have the images already, and the line
    names them.

    Raises:
        BuildError: An image cannot be had on this machine; the first line names it and says why.
    """
    known = recipes.load()
    listed = ", ".join(known.find(name).name for name in names)
    if cluster.driver == "context":
        return f"this cluster has to have these images: {listed}"
    builder.bring(cluster, names, known=known, progress=progress)
    return f"images on the cluster: {listed}"


def labs_that_need(image: str, known: Recipes) -> list[str]:
    """Return the labs whose ``lab.toml`` lists the image of this full name, such as ``05-certificates``."""
    found = []
    for file in sorted(paths.shipped("labs").glob("[0-9][0-9]-*/lab.toml")):
        needs = tomllib.loads(file.read_text("utf-8")).get("needs", [])
        if any(known.find(name).name == image for name in needs):
            found.append(file.parent.name)
    return found


def once(cluster: Cluster) -> Callable[[Sequence[str]], None]:
    """Return a ``need`` for *cluster* that brings each image once, however many threads ask for it."""
    lock, brought = threading.Lock(), set[str]()

    def bring(names: Sequence[str]) -> None:
        with lock:
            missing = [name for name in names if name not in brought]
            if missing:
                need(cluster, missing)
            brought.update(missing)

    return bring
