"""The downward API: what a container may learn about its own Pod, as variables and as files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from podlab.pods import quantity, roles
from podlab.pods.raw import RawObject

_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


class UnknownFieldError(Exception):
    """A field that the downward API does not know."""


def field(pod: RawObject, path: str, addresses: Mapping[str, str]) -> str:
    """
    Return the value of a field of the Pod, as text; empty for a label that is not there.

    Args:
        addresses: ``status.podIP``, ``status.hostIP`` and their plurals: known before the status is written.
    """
    meta, keyed = pod["metadata"], _KEYED.fullmatch(path)
    if keyed:
        return str((meta.get(keyed[1]) or {}).get(keyed[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return _map_text(meta.get(path.partition(".")[2]) or {})
    if path in addresses:
        return addresses[path]
    known = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
    }
    if path not in known:
        raise UnknownFieldError(f"unsupported fieldPath: {path}")
    return str(known[path])


def _map_text(entries: Mapping[str, str]) -> str:
    """Sorted ``key="value"`` lines, quoted as Go quotes."""
    return "\n".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(entries.items()))


def resource(
    pod: RawObject, reference: RawObject, allocatable: Mapping[str, str], container: str = ""
) -> str:
    """
    Return the value of a ``resourceFieldRef``: rounded up to its divisor; a missing limit is the node's allocatable.

    Args:
        container: The container to look at when the reference names none.
    """
    name = reference.get("containerName") or container
    found = roles.find(pod, name)
    if found is None:
        raise UnknownFieldError(f"container {name} not found")
    kind, _, what = str(reference["resource"]).partition(".")
    if kind not in ("limits", "requests"):
        raise UnknownFieldError(f"unsupported container resource : {reference['resource']}")
    given = (found[1].get("resources") or {}).get(kind) or {}
    value = given.get(what)
    if value is None and kind == "limits":
        whole = (pod["spec"].get("resources") or {}).get("limits") or {}
        value = whole.get(what) or allocatable.get(what, "0")
    divisor = quantity.nanos(reference.get("divisor") or "1") or quantity.NANO
    return str(-(-quantity.nanos(value or "0") // divisor))
