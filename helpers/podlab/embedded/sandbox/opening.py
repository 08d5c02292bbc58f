"""The way to a runtime: on a node of its own, or where this machine refuses that, in the reduced mode."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from podlab.embedded.sandbox import launch
from podlab.embedded.sandbox.image import ImageSource
from podlab.embedded.sandbox.process_runtime import ProcessRuntime
from podlab.errors import SandboxError

_LOG = logging.getLogger(__name__)


async def open_runtime(
    folder: str | os.PathLike[str],
    *,
    node_name: str = "podlab",
    zygote: launch.Zygote | None = None,
    images: ImageSource | None = None,
    remove: Sequence[str | os.PathLike[str]] = (),
) -> ProcessRuntime:
    """
    Start the node and return its runtime.

    Args:
        folder: The cluster's folder.
        node_name: Host name of the node.
        zygote: What ``launch`` returned, if the caller started it early; *remove* is then its.
        images: Where images come from; by default the catalogue of the embedded cluster.
        remove: Folders that must not outlive this process.

    Raises:
        SandboxError: If this machine refuses the namespaces; the hint says what to change.
    """
    started = zygote or launch.launch(folder, node_name=node_name, remove=remove)
    if images is None:
        from podlab.embedded.images import ImageStore

        images = ImageStore(Path(folder) / "images")
    if started.control is None:
        return _reduced(started, images, SandboxError(f"{sys.platform} has no Linux namespaces"))
    runtime = ProcessRuntime(started, images)
    try:
        if os.environ.get("PODLAB_SANDBOX") != "reduced":
            await runtime.ready()
            return runtime
        refusal = SandboxError("the reduced mode was asked for (PODLAB_SANDBOX=reduced)")
    except SandboxError as error:
        if os.environ.get("PODLAB_SANDBOX") == "full":
            raise
        refusal = error
    await runtime.close()
    return _reduced(started, images, refusal)


def _reduced(zygote: launch.Zygote, images: ImageSource, refusal: SandboxError) -> ProcessRuntime:
    """Plain processes in place of the node, said aloud: no lesson may quietly pass on it."""
    from podlab.embedded.sandbox import reduced

    runtime = ProcessRuntime(zygote, images, lambda on_event: reduced.ReducedLink(zygote.folder, on_event))
    runtime.node.ip = "127.0.0.1"
    runtime.node.reduced = f"{refusal.cause or refusal.summary}; {reduced.CANNOT}"
    runtime.node.facts = {"own_proc": False, "cgroups": {"version": 0, "memory": False, "pids": False}}
    runtime.use_addresses(reduced.address_prefix())
    _LOG.warning("reduced mode, nothing is isolated: %s", runtime.node.reduced)
    return runtime
