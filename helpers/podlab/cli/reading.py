"""
Functions shared by the verbs that read: which container is meant, and Events in their order.
"""

from __future__ import annotations

from typing import Any

from podlab.cli.parser import UsageError
from podlab.client import Client
from podlab.client.types import segment
from podlab.errors import ApiError, NotFoundError
from podlab.pods import roles
from podlab.pods.raw import RawView


def only_container(client: Client, namespace: str, pod: str) -> str:
    """
    Return the Pod's one container.

    Raises:
        NotFoundError: There is no such Pod; the hint names the nearest.
        UsageError: It has several containers; the cause lists them.
    """
    spec = find_pod(client, namespace, pod)["spec"]
    names = [one["name"] for one in roles.in_spec(spec, roles.INIT, roles.APP)]
    if len(names) > 1:
        raise UsageError(
            f"Pod {namespace}/{pod} has {len(names)} containers: say which",
            cause=", ".join(names),
            hint=f"podlab logs {pod} --container {spec['containers'][0]['name']}",
        )
    return str(names[0])


def find_pod(client: Client, namespace: str, pod: str) -> dict[str, Any]:
    """Return the Pod; the error for an unknown name suggests the nearest."""
    pods = f"/api/v1/namespaces/{segment(namespace)}/pods"
    try:
        return dict(client.get(f"{pods}/{segment(pod)}"))
    except NotFoundError as error:
        import difflib

        known = [one["metadata"]["name"] for one in client.get(pods)["items"]]
        near = difflib.get_close_matches(pod, known, 1)
        error.cause = f"Pods in namespace {namespace}: {', '.join(known) or 'none'}"
        error.hint = f"the same with {near[0]}" if near else "podlab status, or another --namespace"
        raise


def log_refusal(client: Client, namespace: str, pod: str, container: str, error: ApiError) -> ApiError:
    """
    Return *error*, the server's refusal of a log, with what to try; asks for the Pod to find out.

    Raises:
        NotFoundError: There is no such Pod; the hint names the nearest.
    """
    import difflib

    spec, said = find_pod(client, namespace, pod)["spec"], str(error.status.get("message", ""))
    names = [one["name"] for one in roles.in_spec(spec)]
    if container not in names:
        near = difflib.get_close_matches(container, names, 1, 0.4) or names[:1]
        summary = f"Pod {namespace}/{pod} has no container {container}"
        error.summary, error.cause = summary, f"its containers are: {', '.join(names)}"
        error.hint = f"the same with -c {near[0]}"
    elif "previous terminated" in said:
        error.summary = f"container {container} of Pod {namespace}/{pod} has no earlier run"
        error.hint = "the same without --previous"
    else:
        error.hint = f"podlab explain {pod}"
    return error


def events(client: Client, namespace: str, about: str | None) -> list[dict[str, Any]]:
    """Return the Events of a namespace, oldest first by the time each was last seen."""
    selector = f"involvedObject.name={about}" if about else None
    found = client.get(f"/api/v1/namespaces/{segment(namespace)}/events", fieldSelector=selector)["items"]
    return sorted(
        found, key=lambda event: (_last_seen(event), int(event["metadata"].get("resourceVersion") or 0))
    )


def event_row(event: RawView) -> tuple[str, ...]:
    """Return the cells of one Event."""
    about = event.get("involvedObject") or {}
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    return (
        _last_seen(event),
        str(event.get("type") or ""),
        str(event.get("reason") or ""),
        f"{str(about.get('kind') or '').lower()}/{about.get('name') or ''}",
        str(count),
        " ".join(str(event.get("message") or "").split()),
    )


def _last_seen(event: RawView) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    chosen = next((time for time in times if time), event["metadata"].get("creationTimestamp") or "")
    return str(chosen)[:19] + "Z"


def node_images(client: Client) -> list[dict[str, str]]:
    """Return the images that the nodes hold, by name; a kubelet reports the largest 50 of each node."""
    rows: dict[str, dict[str, str]] = {}
    for node in client.get("/api/v1/nodes")["items"]:
        for image in node.get("status", {}).get("images") or []:
            size = f"{image.get('sizeBytes', 0) / 2**20:.1f} MiB"
            for name in image.get("names") or []:
                if "@sha256:" not in name:
                    row = rows.setdefault(name, {"name": name, "kind": "image", "says": f"{size}, on"})
                    row["says"] += f" {node['metadata']['name']}"
    return sorted(rows.values(), key=lambda row: row["name"])
