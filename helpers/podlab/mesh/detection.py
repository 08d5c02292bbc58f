"""
Who put what into a Pod: the parts that Istio, Linkerd or the lab's own mesh has injected. Pure.

Names tell, as ``signs.toml`` lists them. A volume of a common name counts only where a container of that mesh is in the
Pod: people call volumes ``identity`` without any mesh.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, NamedTuple

from podlab.pods.raw import RawView

INIT, SIDECAR, APP = "init container", "sidecar", "second app container"
VOLUME, METADATA, PORT, PROBE, VARIABLES = "volume", "metadata", "port", "probe", "variables"


class MeshPart(NamedTuple):
    """
    One thing that a mesh has put into a Pod.

    Attributes:
        mesh: Its title.
        what: INIT, SIDECAR, APP, PORT, VARIABLES, VOLUME, PROBE or METADATA.
        name: As the Pod has it.
        says: What it is for.
    """

    mesh: str
    what: str
    name: str
    says: str


@functools.cache
def signs() -> dict[str, dict[str, Any]]:
    """Return the marks of each mesh by its key; ``source`` says where that was read."""
    text = resources.files("podlab.mesh").joinpath("signs.toml").read_text("utf-8")
    return tomllib.loads(text)


def parts(obj: RawView) -> list[MeshPart]:
    """
    Return what meshes have put into a Pod, or into the Pods of a Deployment, Job, DaemonSet or the like.

    Each container of a mesh comes first, in the order of the Pod; then volumes, probes, annotations and labels.
    """
    pod = _pod_of(obj)
    return [part for sign in signs().values() for part in _of_mesh(pod, sign)]


def form(found: list[MeshPart]) -> str:
    """``native`` where a proxy is a sidecar, ``older`` where it is a second app container, else empty."""
    proxies = [part.what for part in found if "proxy" in part.name and part.what in (SIDECAR, APP)]
    return {SIDECAR: "native", APP: "older"}[proxies[0]] if proxies else ""


def _pod_of(obj: RawView) -> RawView:
    spec = obj.get("spec") or {}
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"].get("spec") or {}
    template = spec.get("template")
    return template if isinstance(template, Mapping) else obj


def _of_mesh(pod: RawView, sign: Mapping[str, Any]) -> Iterator[MeshPart]:
    spec, title = pod.get("spec") or {}, sign["title"]
    containers = list(_containers(spec, sign))
    yield from (
        MeshPart(title, what, one["name"], sign["containers"][one["name"]]) for what, one in containers
    )
    for _, one in containers:
        yield from _ports(one, sign)
        yield from _variables(one, sign)
    if containers:
        named = (volume["name"] for volume in spec.get("volumes") or ())
        yield from (
            MeshPart(title, VOLUME, name, sign["volumes"][name]) for name in named if name in sign["volumes"]
        )
    yield from _probes(spec, sign, meshed=bool(containers))
    yield from _metadata(pod.get("metadata") or {}, sign)


def _containers(spec: RawView, sign: Mapping[str, Any]) -> Iterator[tuple[str, RawView]]:
    for one in spec.get("initContainers") or ():
        if one["name"] in sign["containers"]:
            yield (SIDECAR if one.get("restartPolicy") == "Always" else INIT), one
    for one in spec.get("containers") or ():
        if one["name"] in sign["containers"]:
            yield APP, one


def _ports(container: RawView, sign: Mapping[str, Any]) -> Iterator[MeshPart]:
    """Ports that the container declares, or is probed by."""
    declared = {int(one["containerPort"]) for one in container.get("ports") or ()}
    asked = {_probe_port(container.get(kind) or {}) for kind in _PROBES}
    for port in sorted(declared | {one for one in asked if one}):
        says = sign["ports"].get(str(port))
        if says:
            yield MeshPart(sign["title"], PORT, str(port), says)


def _variables(container: RawView, sign: Mapping[str, Any]) -> Iterator[MeshPart]:
    """Return the environment of a container, as far as its names are the mesh's."""
    names = [str(one["name"]) for one in container.get("env") or ()]
    own = [name for name in names if name.startswith(tuple(sign["environment"]))]
    if own:
        says = ", ".join(own[:3]) + (f" and {len(own) - 3} more" if len(own) > 3 else "")
        yield MeshPart(sign["title"], VARIABLES, str(container["name"]), says)


_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def _probe_port(probe: RawView) -> int:
    port = (probe.get("httpGet") or {}).get("port")
    return port if isinstance(port, int) else 0


def _probes(spec: RawView, sign: Mapping[str, Any], *, meshed: bool) -> Iterator[MeshPart]:
    """Probes of the app's containers that lead to the mesh."""
    if not meshed:
        return
    for one in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        for kind in _PROBES:
            asks = (one.get(kind) or {}).get("httpGet") or {}
            moved = sign.get("probe_path")
            led = (
                str(asks.get("path", "")).startswith(moved)
                if moved
                else str(asks.get("port")) in sign["ports"]
            )
            if led and one["name"] not in sign["containers"]:
                says = f"{kind} of the app's own container, led to the proxy's port {asks['port']}"
                yield MeshPart(sign["title"], PROBE, str(one["name"]), says)


def _metadata(metadata: RawView, sign: Mapping[str, Any]) -> Iterator[MeshPart]:
    for kind in ("annotations", "labels"):
        for key, value in sorted((metadata.get(kind) or {}).items()):
            if str(key).startswith(tuple(sign["metadata"])):
                text = str(value)
                says = text if len(text) <= 60 else text[:57] + "..."
                yield MeshPart(sign["title"], METADATA, str(key), f"{kind[:-1]}: {says}")
