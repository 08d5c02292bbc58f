"""
Which kind config and node image a profile stands for, and how our mark gets onto the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podlab import airgap, paths
from podlab.drivers import state
from podlab.drivers.base import Profile, Progress, silent
from podlab.errors import DriverError

MARK = "/etc/podlab/owner-"
LABEL = "podlab.dev/cluster"
PATCHES = "/etc/podlab/patches"

_WITH_PATCHES = f"kind: InitConfiguration\npatches: {{directory: {PATCHES}}}\n"

# kubeadm's CoreDNS is asked only every 10 s whether it is ready, so that on a new cluster names resolve
# some 8 s later than they could; and one is enough for a class.
_QUICK_DNS = """\
spec:
  replicas: 1
  template:
    spec:
      containers:
        - name: coredns
          readinessProbe: {periodSeconds: 1}
"""


@dataclass(frozen=True)
class KindConfig:
    """A kind config as plain data, and the node image to use with it; None is kind's own default."""

    config: dict[str, Any]
    image: str | None


def folder() -> Path:
    """Return ``clusters/kind``, where the profiles are."""
    return paths.shipped("clusters/kind")


def choose(profile: Profile, progress: Progress = silent) -> KindConfig:
    """
    Return config and image for *profile*: what it names, else the air-gapped image's own, else kind's
    defaults.
    """
    named = _read(_locate(profile.config)) if profile.config else {}
    if profile.image:
        return KindConfig(named or _minimal(), profile.image)
    airgapped = _airgapped(profile.kubernetes)
    if airgapped is None:
        return KindConfig(named or _minimal(), None)
    if not airgapped.loaded:
        progress(f"loading the node image {airgapped.name} into the Docker engine")
        airgapped.load()
    return KindConfig(named or _read(Path(airgapped.config)), str(airgapped.name))


def write(path: Path, chosen: KindConfig, identity: str, owner: Path) -> Path:
    """
    Write the config that kind is given: *chosen*, with our mark as label and mount on every node.

    Args:
        path: The file to write; what else the nodes need is put beside it.
    """
    import yaml

    config = dict(chosen.config)
    config["kubeadmConfigPatches"] = [*(config.get("kubeadmConfigPatches") or []), _WITH_PATCHES]
    patches = path.parent / "patches"
    patches.mkdir(exist_ok=True)
    (patches / "corednsdeployment0+strategic.yaml").write_text(_QUICK_DNS)
    config["nodes"] = [
        _marked(node, chosen.image, identity, owner, patches)
        for node in config.get("nodes") or [{"role": "control-plane"}]
    ]
    state.write_private(path, yaml.safe_dump(config, sort_keys=False))
    return path


def is_marked(node: dict[str, Any], identity: str) -> bool:
    """Tell whether a node container, as ``docker inspect`` shows it, carries this cluster's mark."""
    if node["Config"]["Labels"].get("io.x-k8s.kind.role") == "external-load-balancer":
        return True  # made by kind beside several control planes; takes no mounts, and never stands alone
    return any(mount["Destination"] == MARK + identity for mount in node.get("Mounts") or [])


def _marked(
    node: dict[str, Any], image: str | None, identity: str, owner: Path, patches: Path
) -> dict[str, Any]:
    ours = ((owner, MARK + identity), (patches, PATCHES))
    mounts = [{"hostPath": str(here), "containerPath": there, "readOnly": True} for here, there in ours]
    return {
        **node,
        **({"image": image} if image else {}),
        "labels": {**(node.get("labels") or {}), LABEL: identity},
        "extraMounts": [*(node.get("extraMounts") or []), *mounts],
    }


def _minimal() -> dict[str, Any]:
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}]}


def _locate(config: str) -> Path:
    path = Path(config)
    if path.exists():
        return path.absolute()
    beside = folder() / f"{config}.yaml"
    if beside.exists():
        return beside
    known = ", ".join(sorted(one.stem for one in folder().glob("*.yaml"))) or "none"
    raise DriverError(f"unknown kind config {config!r}", cause=f"no such file; configs by name: {known}")


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise DriverError(f"kind config {path} cannot be read", cause=str(error).splitlines()[0]) from error
    if not isinstance(config, dict) or config.get("kind") != "Cluster":
        raise DriverError(f"{path} is not a kind config", cause="it does not say 'kind: Cluster'")
    return config


def _airgapped(version: str | None) -> Any:
    """Return the air-gapped node image, or None where it has not been built."""
    image = airgap.node_image(version) if version else airgap.node_image()
    if image is None and version:
        raise DriverError(
            f"no air-gapped node image was built for Kubernetes {version}",
            hint=f"podlab airgap build --kubernetes {version}",
        )
    return image
