"""The stand-ins of ``images.toml``, each as one archive that a cluster can load."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upstream.plan import HERE, IN_IMAGES, Made

from builder.archives import Entry, Image, Layer, write_image, write_layer  # isort: skip
from builder.cache import Step, tree_digest  # isort: skip
from builder.images import busybox_entries, debian_layer  # isort: skip

ARCHIVE = "image.tar"
SUITES = ("node", "e2e")


@dataclass(frozen=True)
class Standin:
    """One table of ``images.toml``; the keys are explained there."""

    name: str
    names: tuple[str, ...]
    base: tuple[str, ...]
    programs: dict[str, str]
    setuid: tuple[str, ...]
    module: dict[str, str]
    links: dict[str, str]
    inline: dict[str, str]
    folders: tuple[str, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    user: str
    suites: tuple[str, ...]


_DEFAULTS: dict[str, Any] = {
    "programs": {}, "setuid": [], "module": {}, "links": {}, "inline": {}, "folders": [], "entrypoint": [],
    "command": [], "user": "", "suites": list(SUITES),
}  # fmt: skip


def load(path: Path = HERE / "images.toml") -> dict[str, Standin]:
    """
    Read the list.

    Raises:
        ValueError: A table lacks a key, or has one that nobody reads.
    """
    found = {}
    for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
        odd = set(table) - {"names", "base"} - set(_DEFAULTS)
        if odd or not {"names", "base"} <= set(table):
            raise ValueError(
                f"{path.name}: the table of {name} has unknown keys {sorted(odd)} or lacks names, base"
            )
        row = {**_DEFAULTS, **table}
        found[name] = Standin(name, **{key: tuple(v) if isinstance(v, list) else v for key, v in row.items()})
    return found


def step(plan: Made, image: Standin) -> Step:
    """The step that makes the archive of *image*; the steps of what it is made of come first in a build."""
    below = [part.key for part in _parts(plan, image)]
    inputs = {"image": [str(value) for value in vars(image).values()], "parts": below, "recipe": 2}
    if image.module:
        inputs["module"] = tree_digest(HERE / "go")

    def make(out: Path) -> dict[str, Any]:
        layers = [_base(plan, name, out) for name in image.base]
        layers.append(write_layer(_entries(plan, image), out / "own.tar.gz"))
        whole = Image(image.names, tuple(layers), image.entrypoint, image.command, user=image.user)
        notes = {"image": write_image(whole, out / ARCHIVE), "names": list(image.names)}
        for rest in out.glob("*.tar.gz"):
            rest.unlink()
        return notes

    return Step(f"standin-{image.name}", inputs, make)


def _parts(plan: Made, image: Standin) -> list[Step]:
    parts = [plan.busybox() if base == "busybox" else plan.tools() for base in image.base]
    wanted = set(image.programs.values())
    if "pause" in wanted:
        parts.append(plan.pause())
    if wanted & set(IN_IMAGES):
        parts.append(plan.in_images())
    return parts


def _base(plan: Made, name: str, out: Path) -> Layer:
    if name == "tools":
        return debian_layer(plan.path(plan.tools()))
    entries = {entry.name: entry for entry in busybox_entries(plan.path(plan.busybox()))}
    for path in list(entries):  # upstream's image has all of them in /bin, and specs name them so
        if path.startswith(("sbin/", "usr/")):
            place = f"bin/{path.rpartition('/')[2]}"
            entries.setdefault(place, Entry(place, "/bin/busybox"))
    return write_layer(entries.values(), out / "busybox.tar.gz")


def _entries(plan: Made, image: Standin) -> list[Entry]:
    entries = []
    for target, program in image.programs.items():
        source = (
            plan.path(plan.pause()) / "pause" if program == "pause" else plan.bin(plan.in_images(), program)
        )
        entries.append(Entry(target, source, 0o6755 if target in image.setuid else 0o755))
    if image.module:
        source = plan.source()
        entries += [Entry(target, source / name) for target, name in image.module.items()]
    entries += [Entry(target, to) for target, to in image.links.items()]
    entries += [Entry(target, text.encode()) for target, text in image.inline.items()]
    entries += [Entry(f"{name}/.keep", b"") for name in image.folders]
    return entries


def steps(plan: Made) -> list[Step]:
    """All steps of all stand-ins, in the order in which they can be made."""
    first = [plan.busybox(), plan.pause(), plan.tools_root(), plan.tools(), plan.in_images()]
    return [*first, *(step(plan, image) for image in load().values())]


def archives(plan: Made, suite: str) -> list[Path]:
    """Return the finished archives that the clusters of *suite* need."""
    return [plan.path(step(plan, image)) / ARCHIVE for image in load().values() if suite in image.suites]
