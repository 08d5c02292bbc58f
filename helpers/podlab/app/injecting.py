"""
The injection of the lab's mesh into a Pod, as a JSON patch, for the webhook and for ``podlab inject``. Pure.

A template says what is added: ``redirect`` and ``proxy`` (containers as in a Pod), ``volumes``, the ``port`` that is
redirected, and the ``probes`` port to which HTTP probes of that port are moved. ``ACCOUNT`` in a text of the template
stands for the Pod's service account. Native form: both parts in front of all init containers, the proxy with
``restartPolicy: Always``. Older form: the redirect behind all init containers, the proxy behind the app containers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

STATUS = "mesh.podlab/status"
"""The annotation that tells what was added, as ``sidecar.istio.io/status`` does."""
NATIVE, OLDER = "native", "older"
_ONLY_SIDECARS = ("restartPolicy", "startupProbe")

Json = dict[str, Any]


def why_not(pod: Json) -> str:
    """Return why a Pod is left alone; empty if it is not."""
    if STATUS in (pod.get("metadata", {}).get("annotations") or {}):
        return "it is in the mesh already"
    if pod["spec"].get("hostNetwork"):
        return "it has hostNetwork, and a redirect there would be one of the node's traffic"
    return ""


def patch(pod: Json, template: Json, form: str = NATIVE) -> list[Json]:
    """
    Return the operations that bring *pod* into the mesh; none where it is left alone.

    Args:
        template: See the head of this module.
        form: NATIVE or OLDER.
    """
    if why_not(pod):
        return []
    account = pod["spec"].get("serviceAccountName") or "default"
    filled = json.loads(json.dumps(template).replace("ACCOUNT", account))
    redirect, proxy = filled["redirect"], filled["proxy"]
    if form == OLDER:
        proxy = {key: value for key, value in proxy.items() if key not in _ONLY_SIDECARS}
    added = {
        "form": form,
        "initContainers": [redirect["name"], *([proxy["name"]] if form == NATIVE else [])],
        "containers": [proxy["name"]] if form == OLDER else [],
        "volumes": [volume["name"] for volume in filled["volumes"]],
    }
    return [
        *_annotation(pod, json.dumps(added)),
        *_volumes(pod, filled["volumes"]),
        *_probes(pod, filled),
        *(_native(pod, redirect, proxy) if form == NATIVE else _older(pod, redirect, proxy)),
    ]


def _annotation(pod: Json, text: str) -> Iterator[Json]:
    if not pod.get("metadata", {}).get("annotations"):
        yield _add("/metadata/annotations", {STATUS: text})
    else:
        yield _add("/metadata/annotations/" + STATUS.replace("/", "~1"), text)


def _volumes(pod: Json, volumes: list[Json]) -> Iterator[Json]:
    if not pod["spec"].get("volumes"):
        yield _add("/spec/volumes", volumes)
    else:
        yield from (_add("/spec/volumes/-", volume) for volume in volumes)


def _probes(pod: Json, template: Json) -> Iterator[Json]:
    """The kubelet has no certificate, so what it asks of the redirected port goes to the proxy's port for probes."""
    for place, container in enumerate(pod["spec"]["containers"]):
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            asks = (container.get(kind) or {}).get("httpGet") or {}
            if asks.get("port") == template["port"]:
                path = f"/spec/containers/{place}/{kind}/httpGet/port"
                yield {"op": "replace", "path": path, "value": template["probes"]}


def _native(pod: Json, redirect: Json, proxy: Json) -> Iterator[Json]:
    if not pod["spec"].get("initContainers"):
        yield _add("/spec/initContainers", [redirect, proxy])
    else:
        yield _add("/spec/initContainers/0", redirect)
        yield _add("/spec/initContainers/1", proxy)


def _older(pod: Json, redirect: Json, proxy: Json) -> Iterator[Json]:
    if not pod["spec"].get("initContainers"):
        yield _add("/spec/initContainers", [redirect])
    else:
        yield _add("/spec/initContainers/-", redirect)
    yield _add("/spec/containers/-", proxy)


def _add(path: str, value: Any) -> Json:
    return {"op": "add", "path": path, "value": value}
