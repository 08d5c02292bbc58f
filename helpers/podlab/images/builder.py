"""Make an image's archive, or find it in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from podlab import drivers
from podlab.drivers.base import Cluster, silent
from podlab.errors import BuildError
from podlab.images import archives, cache, golang, recipes, rootfs
from podlab.images.cache import Progress
from podlab.images.recipes import ImagePart, ImageRecipe, Recipes

ARCHIVE = "image.tar"
FORM = 2
"""Counted up when this package makes other files from the same recipe."""


def build(image: ImageRecipe, known: Recipes, progress: Progress) -> Path:
    """
    Return the archive of *image*, made first if need be.

    Raises:
        BuildError: A part cannot be had; nothing half-made is left.
    """
    found = archive_of(image, known)
    if found is not None:
        return found
    with cache.locked(image.name.replace(":", "-"), progress):
        found = archive_of(image, known)  # another build may have made it meanwhile
        return found or _make(image, known, progress)


def bring(
    cluster: Cluster, names: Sequence[str], *, known: Recipes | None = None, progress: Progress = silent
) -> None:
    """
    Have the images called *names* on the nodes of *cluster*, built first where need be.

    Raises:
        BuildError: An image cannot be had on this machine; the first line names it and says why.
        DriverError: The cluster does not take it.
    """
    known = known or recipes.load()
    archives_made = [str(_have(known.find(name), known, progress)) for name in names]
    drivers.get(cluster.driver).load_images(cluster.name, archives_made, progress=progress)


def _have(image: ImageRecipe, known: Recipes, progress: Progress) -> Path:
    try:
        return build(image, known, progress)
    except BuildError as error:
        raise BuildError(
            f"what needs {image.name} cannot run here: {error.summary}", cause=error.cause, hint=error.hint
        ) from error


def archive_of(image: ImageRecipe, known: Recipes) -> Path | None:
    """Return the finished archive of *image*; None where it has to be built."""
    key = _key(image, known)
    return cache.folder() / key / ARCHIVE if cache.finished(key) else None


def describe(image: ImageRecipe, known: Recipes) -> dict[str, Any]:
    """Return one row of the list of images: name, origin, versions, size in bytes, archive (None: not built)."""
    parts = known.parts_of(image)
    archive = archive_of(image, known)
    return {
        "name": image.name,
        "origin": ", ".join(dict.fromkeys(part.origin for part in parts)),
        "from": ", ".join(f"{part.name} {part.version}" for part in parts),
        "size_bytes": archive.stat().st_size if archive else image.mib * 2**20,
        "archive": str(archive) if archive else None,
        "says": image.says,
    }


def _make(image: ImageRecipe, known: Recipes, progress: Progress) -> Path:
    progress(f"building {image.name}")
    key = _key(image, known)
    cache.sweep()
    try:
        with cache.making(key) as (work, notes), cache.scratch() as beside:
            root = beside / "root"
            root.mkdir()
            rootfs.fill(root, image, known.parts_of(image), progress)
            progress(f"writing {image.name}")
            notes["image"] = archives.write(image, root, work / ARCHIVE)
            notes["name"] = image.name
    except OSError as error:
        raise BuildError(
            f"{image.name} could not be written",
            cause=f"{error.strerror or error}: {error.filename or cache.folder()}",
            hint="free some space, or set PODLAB_IMAGES_CACHE to a folder on a larger disk",
        ) from error
    return cache.folder() / key / ARCHIVE


def _key(image: ImageRecipe, known: Recipes) -> str:
    parts = known.parts_of(image)
    facts = {
        "form": FORM,
        "image": asdict(image),
        "parts": [_facts(part) for part in parts],
        "files": [cache.sha256(recipes.FOLDER / source) for source in image.files.values()],
        "machine": rootfs.identity(),
    }
    return f"{image.name.replace(':', '-')}-{cache.digest(facts)}"


def _facts(part: ImagePart) -> Any:
    """Return what the image depends on of a part; ``module`` is of Go programs alone, whose key holds it."""
    if part.origin == "go":
        return golang.key(part)
    return {name: value for name, value in asdict(part).items() if name != "module"}
