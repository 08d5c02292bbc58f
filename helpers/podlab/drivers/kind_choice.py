"""
Whether a kind cluster could be made on this machine, and the reason in one line.

Asked before anything is made, so it looks for what would fail: the engine, the program, the node image.
"""

from __future__ import annotations

import shutil

from podlab import airgap
from podlab.drivers import docker, kind_binary


def kind_is_possible() -> tuple[bool, str]:
    """
    Return (it is, why), from what this machine answers now; takes some seconds where no registry answers.
    """
    engine = docker.engine()
    if engine.version is None:
        return False, f"no Docker engine answers ({engine.problem})"
    if kind_binary.find() is None and shutil.which("go") is None:
        return False, "Docker answers, but kind is not installed, nor Go to build it with"
    image = node_image()
    if image is None:
        return (
            False,
            "Docker answers, but no node image can be had: none is built here and no registry answers",
        )
    return True, f"Docker {engine.version} answers, and the node image is {image}"


def node_image() -> str | None:
    """
    Return the node image that a cluster would get: the air-gapped one, or kind's own if it is here or
    pullable.
    """
    built = airgapped()
    if built:
        return built
    default = kind_binary.DEFAULT_IMAGE
    if docker.has_image(default):
        return default
    there, _ = docker.can_pull(default)
    return f"{default} (to be pulled)" if there else None


def airgapped() -> str | None:
    """Return the name of the air-gapped node image where one has been built, else None."""
    image = airgap.node_image()
    return None if image is None else str(image.name)
