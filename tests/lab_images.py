"""The labs' images in tests: built where this machine can, skipped with the reason where it cannot."""

from __future__ import annotations

import shutil

import pytest

from podlab import images
from podlab.drivers import Cluster
from podlab.images import golang

RECIPES = images.load()


def have(name: str, cluster: Cluster) -> None:
    """Build the image *name* where this machine can, and load it; skip with the reason where it cannot."""
    image = RECIPES.find(name)
    for part in RECIPES.parts_of(image):
        if part.origin == "go" and not golang.is_here(part):
            pytest.skip(f"{part.name} takes minutes to build: podlab images build {name}")
        if part.origin == "deb" and not shutil.which("apt-get"):
            pytest.skip(f"{part.name} is a Debian package, and this machine has no apt-get")
    images.bring(cluster, [name], known=RECIPES)
