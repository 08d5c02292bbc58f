"""Loading the images of a lab or an exercise into its cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from podlab.drivers.base import Cluster, silent
from podlab.images import builder, recipes
from podlab.images.cache import Progress


def need(cluster: Cluster, names: Sequence[str], progress: Progress = silent) -> str:
    """
    Have the images called *names* (``postgres``) on the nodes of *cluster*, and return one line that says so.

    The nodes of a cluster that somebody else runs are left alone: it has to have the images already, and the line
    names them.

    Raises:
        BuildError: An image cannot be had on this machine; the cause says why.
    """
    known = recipes.load()
    listed = ", ".join(known.find(name).name for name in names)
    if cluster.driver == "context":
        return f"this cluster has to have these images: {listed}"
    builder.bring(cluster, names, known=known, progress=progress)
    return f"images on the cluster: {listed}"


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
