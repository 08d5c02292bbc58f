"""versions.toml, read and checked: which Kubernetes with which etcd, CoreDNS, pause and containerd."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from .failure import BuildError

HOME = Path(__file__).resolve().parent.parent
REPOSITORY = HOME.parent.parent


@dataclass(frozen=True)
class Versions:
    """
    One row of versions.toml with what all rows share; versions of Go modules carry their "v".

    Attributes:
        go: The Go toolchain that the row asks for, such as ``go1.27.3``; empty for the one on PATH.
    """

    kubernetes: str
    etcd: str
    etcd_tag: str
    coredns: str
    pause: str
    containerd: str
    kind: str
    suite: str
    architecture: str
    reference: bool
    go: str = ""

    @property
    def component_images(self) -> dict[str, str]:
        """Image name of each part of the control plane, as `kubeadm config images list` prints them."""
        kube = {
            part: f"registry.k8s.io/{part}:{self.kubernetes}"
            for part in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
        }
        return {
            **kube,
            "coredns": f"registry.k8s.io/coredns/coredns:{self.coredns}",
            "pause": f"registry.k8s.io/pause:{self.pause}",
            "etcd": f"registry.k8s.io/etcd:{self.etcd_tag}",
        }


def load_versions(kubernetes: str | None = None, *, path: Path = HOME / "versions.toml") -> Versions:
    """
    Return the versions for *kubernetes* ("v1.36.3"; the "v" may be left out), or for the reference.

    Raises:
        BuildError: If the file has no such version, or lacks a key.
    """
    raw = tomllib.loads(path.read_text())
    try:
        wanted = kubernetes or raw["reference"]
        wanted = wanted if wanted.startswith("v") else f"v{wanted}"
        if wanted not in raw["kubernetes"]:
            raise BuildError(
                f"the air-gapped build does not know Kubernetes {wanted}",
                cause=f"{path.name} has {', '.join(sorted(raw['kubernetes']))}",
                hint="take one of those, or add a row (clusters/airgap/README.md says how)",
            )
        row = raw["kubernetes"][wanted]
        shared = {**raw["tools"], **raw["debian"]}
        return Versions(kubernetes=wanted, reference=wanted == raw["reference"], **row, **shared)
    except (KeyError, TypeError) as wrong:
        raise BuildError(
            f"{path.name} is not complete",
            cause=f"{type(wrong).__name__}: {wrong}",
            hint="compare it with the committed file: git diff clusters/airgap/versions.toml",
        ) from wrong
