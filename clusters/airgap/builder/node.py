"""The node image: a Debian root, the node's programs and settings, and the store of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .archives import Entry, Image, write_image, write_layer
from .cache import Step, digest, tree_digest
from .compiled import nxdomain_step
from .contents import contents_step
from .debian import NODE, root_step
from .failure import BuildError
from .gobuild import go_step
from .images import ARCHIVE, Ingredients, debian_layer
from .shell import run
from .versions import HOME

REPOSITORY_NAME = "podlab/node"
STORAGE_MANIFEST = "kind/manifests/default-storage.yaml"


def node_step(have: Ingredients, images: Sequence[Step]) -> Step:
    """The step that makes the node image's archive. Its hash is part of the image's name."""
    versions = have.versions
    below = [
        root_step(NODE, versions),
        nxdomain_step(),
        contents_step(have, images),
        go_step(have.go["kubernetes"]),
        go_step(have.go["containerd"]),
    ]
    inputs = {
        "below": [s.key for s in below],
        "node": tree_digest(HOME / "node"),
        "pause": versions.pause,
        "recipe": 1,
    }
    names = (
        f"{REPOSITORY_NAME}:{versions.kubernetes}-{digest(inputs)}",
        f"{REPOSITORY_NAME}:{versions.kubernetes}",
    )

    def make(out: Path) -> dict[str, Any]:
        _check_names(have)
        middle = write_layer(_entries(have), out / "middle.tar.gz")
        layers = (debian_layer(have.cache.path(below[0])), middle, debian_layer(have.cache.path(below[2])))
        image = Image(
            names,
            layers,
            entrypoint=("/usr/local/bin/entrypoint",),
            stop_signal="SIGRTMIN+3",
            environment=(*Image((), ()).environment, "container=docker"),
            labels={"podlab.airgap.kubernetes": versions.kubernetes},
        )
        image_id = write_image(image, out / ARCHIVE)
        middle.archive.unlink()
        return {"image": image_id, "names": list(names)}

    return Step(f"node-{versions.kubernetes}", inputs, make)


def _entries(have: Ingredients) -> list[Entry]:
    programs = [("kubernetes", n) for n in ("kubelet", "kubeadm", "kubectl")]
    programs += [("containerd", n) for n in ("containerd", "ctr", "containerd-shim-runc-v2")]
    node = HOME / "node"
    pause = have.versions.component_images["pause"]
    config = (node / "config.toml.in").read_text().replace("@PAUSE@", pause)
    return [
        *(Entry(f"usr/local/bin/{name}", have.program(part, name), 0o755) for part, name in programs),
        Entry("usr/local/bin/entrypoint", node / "entrypoint", 0o755),
        Entry("usr/local/bin/podlab-network", node / "podlab-network", 0o755),
        Entry("usr/local/bin/podlab-nxdomain", have.cache.path(nxdomain_step()) / "podlab-nxdomain", 0o755),
        Entry("etc/containerd/config.toml", config.encode()),
        Entry("kind/version", have.versions.kubernetes.encode()),
        Entry("kind/manifests/default-cni.yaml", node / "default-cni.yaml"),
        *(Entry(f"kind/patches/{p.name}", p) for p in sorted((node / "patches").glob("*+*"))),
        Entry(STORAGE_MANIFEST, node / "default-storage.yaml"),
    ]


def _check_names(have: Ingredients) -> None:
    """versions.toml must say what this kubeadm will ask for, or the cluster would try to pull."""
    said = run(
        [
            have.program("kubernetes", "kubeadm"),
            "config",
            "images",
            "list",
            f"--kubernetes-version={have.versions.kubernetes}",
        ]
    ).split()
    ours = sorted(have.versions.component_images.values())
    if sorted(said) != ours:
        raise BuildError(
            f"versions.toml does not match kubeadm {have.versions.kubernetes}",
            cause=f"kubeadm wants {sorted(set(said) - set(ours))}, "
            f"the file leads to {sorted(set(ours) - set(said))}",
            hint="set etcd, etcd_tag, coredns and pause in clusters/airgap/versions.toml to those",
        )
