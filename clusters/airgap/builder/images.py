"""Kubernetes' own images and the Pod images of pods/images.toml, each as one archive."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .archives import Entry, Image, Layer, write_image, write_layer
from .cache import Cache, Step, read_stamp, tree_digest
from .compiled import busybox_step, pause_step
from .debian import NODE, ROOTS, root_step
from .failure import BuildError
from .gobuild import GoPart, go_step
from .proxyroot import proxy_root_step
from .versions import HOME, REPOSITORY, Versions

ARCHIVE = "image.tar"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
GROUP = b"root:x:0:\nnogroup:x:65534:\n"


@dataclass(frozen=True)
class Ingredients:
    """What image steps are made from: the cache, the versions, and the Go parts by name."""

    cache: Cache
    versions: Versions
    go: Mapping[str, GoPart]

    def program(self, part: str, name: str) -> Path:
        return self.cache.path(go_step(self.go[part])) / "bin" / name


def component_steps(have: Ingredients) -> list[Step]:
    """One step for each image of the control plane, in the order of `kubeadm config images list`."""
    return [_component_step(have, part, name) for part, name in have.versions.component_images.items()]


def _component_step(have: Ingredients, part: str, name: str) -> Step:
    """The step of one image of the control plane: one program; kube-proxy on a root with iptables."""
    made, program = _component_program(have, part)
    base = _proxy_root(have) if part == "kube-proxy" else None
    place = "pause" if part == "pause" else f"usr/local/bin/{part}"
    starts = (f"/{place}",) if part in {"coredns", "pause"} else ()
    inputs = {"names": [name], "from": made.key, "base": base.key if base else None, "recipe": 1}

    def make(out: Path) -> dict[str, Any]:
        bottom = (debian_layer(have.cache.path(base)),) if base else ()
        top = write_layer([Entry(place, program, 0o755)], out / "layer.tar.gz")
        image_id = write_image(Image((name,), (*bottom, top), entrypoint=starts), out / ARCHIVE)
        top.archive.unlink()
        return {"image": image_id, "names": [name]}

    return Step(f"image-{part}", inputs, make)


def _proxy_root(have: Ingredients) -> Step:
    return proxy_root_step(have.cache.path(root_step(NODE, have.versions)), have.versions)


def _component_program(have: Ingredients, part: str) -> tuple[Step, Path]:
    """The step that makes the program of *part*, and where it puts it."""
    if part == "pause":
        step = pause_step(have.go["kubernetes"], have.versions)
        return step, have.cache.path(step) / "pause"
    source = part if part in {"coredns", "etcd"} else "kubernetes"
    return go_step(have.go[source]), have.program(source, part)


def debian_layer(folder: Path) -> Layer:
    """The layer that a debian or pod-image step left in *folder*."""
    stamp = read_stamp(folder)
    if stamp is None:
        raise BuildError(f"{folder.name} is not whole", hint="run the build again")
    return Layer(folder / "layer.tar.gz", stamp["notes"]["diff_id"])


@dataclass(frozen=True)
class PodImage:
    """One table of pods/images.toml."""

    name: str
    names: tuple[str, ...]
    base: str
    says: str
    files: dict[str, str]
    links: dict[str, str]
    inline: dict[str, str]
    tools: tuple[str, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]


def pod_images(path: Path = HOME / "pods" / "images.toml") -> dict[str, PodImage]:
    """
    Read the list of Pod images.

    Raises:
        BuildError: If an image lacks a key, has an unknown one, or a base that does not exist.
    """
    raw = tomllib.loads(path.read_text())
    images = {name: _pod_image(name, table, path) for name, table in raw.items()}
    for image in images.values():
        kind, _, of = image.base.partition(":")
        known = (
            image.base == "busybox"
            or (kind == "debian" and of in ROOTS)
            or (kind == "image" and of in images)
        )
        if not known:
            raise BuildError(
                f"{path.name}: image {image.name} has no known base",
                cause=f"base = {image.base!r}",
                hint=f"debian:{'|'.join(ROOTS)}, busybox, or image:{'|'.join(images)}",
            )
    return images


def _pod_image(name: str, table: dict[str, Any], path: Path) -> PodImage:
    defaults: dict[str, Any] = {
        "files": {},
        "links": {},
        "inline": {},
        "tools": [],
        "entrypoint": [],
        "command": [],
        "environment": [],
    }
    unknown = set(table) - set(defaults) - {"names", "base", "says"}
    missing = {"names", "base", "says"} - set(table)
    if unknown or missing:
        raise BuildError(
            f"{path.name}: image {name} is not right",
            cause=f"missing: {sorted(missing)}; unknown: {sorted(unknown)}",
            hint="the top of that file lists the keys",
        )
    row: dict[str, Any] = {**defaults, **table}
    for key in ("names", "tools", "entrypoint", "command", "environment"):
        row[key] = tuple(row[key])
    return PodImage(name=name, **row)


def pod_image_step(have: Ingredients, image: PodImage, known: Mapping[str, PodImage]) -> Step:
    """The step that makes the archive of one Pod image."""
    below = _base_steps(have, image, known)
    copied = {target: tree_digest(REPOSITORY / source) for target, source in image.files.items()}
    inputs = {
        "image": [
            image.names,
            image.base,
            image.links,
            image.inline,
            *((image.tools,) if image.tools else ()),  # an image without any keeps the key that it has
            image.entrypoint,
            image.command,
            image.environment,
        ],
        "files": copied,
        "below": [s.key for s in below],
        "recipe": 1,
    }
    if image.base == "busybox" or image.tools:
        inputs["programs"] = busybox_step(have.versions).key

    def make(out: Path) -> dict[str, Any]:
        layers = tuple(debian_layer(have.cache.path(step)) for step in below)
        top = write_layer(_entries(have, image), out / "layer.tar.gz")
        config = Image(
            image.names,
            (*layers, top),
            image.entrypoint,
            image.command,
            environment=(*Image((), ()).environment, *image.environment),
        )
        return {
            "image": write_image(config, out / ARCHIVE),
            "names": list(image.names),
            "diff_id": top.diff_id,
            "says": image.says,
        }

    return Step(f"pod-{image.name}", inputs, make)


def _base_steps(have: Ingredients, image: PodImage, known: Mapping[str, PodImage]) -> list[Step]:
    """The steps whose layers lie below *image*'s own, lowest first."""
    kind, _, of = image.base.partition(":")
    if kind == "debian":
        return [root_step(ROOTS[of], have.versions)]
    if kind == "image":
        return [*_base_steps(have, known[of], known), pod_image_step(have, known[of], known)]
    return []


def _entries(have: Ingredients, image: PodImage) -> list[Entry]:
    entries = [
        Entry(target, text.encode(), 0o755 if text.startswith("#!") else 0o644)
        for target, text in image.inline.items()
    ]
    entries += [Entry(target, source) for target, source in image.links.items()]
    for target, source in image.files.items():
        entries += _copied(target, REPOSITORY / source)
    if image.base == "busybox":
        entries += busybox_entries(have.cache.path(busybox_step(have.versions)))
    if image.tools:
        entries += tool_entries(have.cache.path(busybox_step(have.versions)), image.tools)
    return entries


def tool_entries(folder: Path, tools: Sequence[str]) -> list[Entry]:
    """
    Return busybox in /usr/local/bin and a link to it for each of *tools*, for an image that has a system of its own.

    Raises:
        BuildError: busybox has no applet of such a name.
    """
    known = {Path(name).name for name in (folder / "applets").read_text().split()}
    if unknown := sorted(set(tools) - known):
        raise BuildError(
            f"busybox has no applet {', '.join(unknown)}",
            hint="pods/images.toml: tools lists names of applets",
        )
    program = Entry("usr/local/bin/busybox", folder / "busybox", 0o755)
    return [program, *(Entry(f"usr/local/bin/{name}", "/usr/local/bin/busybox") for name in tools)]


def _copied(target: str, source: Path) -> list[Entry]:
    if source.is_file():
        return [Entry(target, source, 0o755 if source.stat().st_mode & 0o100 else 0o644)]
    files = sorted(p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return [
        Entry(f"{target}/{p.relative_to(source)}", p, 0o755 if p.stat().st_mode & 0o100 else 0o644)
        for p in files
    ]


def busybox_entries(folder: Path) -> list[Entry]:
    """busybox in /bin, a link to it for each applet, and the few files that programs expect."""
    program = "/bin/busybox"
    entries = [Entry(program[1:], folder / "busybox", 0o755)]
    applets = (folder / "applets").read_text().split()
    entries += [Entry(name, program) for name in applets if f"/{name}" != program and name != "linuxrc"]
    entries += [
        Entry("etc/passwd", PASSWD),
        Entry("etc/group", GROUP),
        Entry("root/.profile", b""),
        Entry("tmp/.keep", b""),
        Entry("home/.keep", b""),
        Entry("var/www/.keep", b""),
    ]
    return entries
