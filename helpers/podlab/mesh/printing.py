"""Parts of a mesh, and objects, as text."""

from __future__ import annotations

from collections.abc import Sequence

from podlab.mesh import detection
from podlab.mesh.detection import MeshPart
from podlab.pods.raw import RawView


def table(name: str, parts: Sequence[MeshPart]) -> str:
    """Return the parts of one Pod, a line each, under a line with its name and the form of the proxy."""
    known = ", ".join(sign["title"] for sign in detection.signs().values())
    if not parts:
        return f"{name}: nothing of a service mesh (known: {known})"
    meshes = ", ".join(dict.fromkeys(part.mesh for part in parts))
    form = detection.form(list(parts))
    proxy = f"; the proxy is in the {form} form" if form else "; no proxy in the Pod"
    wide = [max(len(part[column]) for part in parts) for column in (1, 2)]
    lines = [f"  {part.what:<{wide[0]}}  {part.name:<{wide[1]}}  {part.says}".rstrip() for part in parts]
    return "\n".join([f"{name}: {meshes}{proxy}", *lines])


def text(*objects: RawView) -> str:
    """Return objects as a manifest, for `Lab.apply`."""
    import yaml

    return str(yaml.safe_dump_all([dict(one) for one in objects], sort_keys=False))
