"""
Functions shared by the verbs that read: which container is meant, and Events in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podlab.cli.ages import age
from podlab.cli.parser import UsageError
from podlab.client import Client, resources
from podlab.errors import ApiError, NotFoundError
from podlab.nearest import POSSIBLE, nearest
from podlab.pods import roles
from podlab.pods.raw import RawView


def find_pod(client: Client, namespace: str, pod: str) -> dict[str, Any]:
    """Return the Pod; the error for an unknown name suggests the nearest."""
    try:
        return dict(client.get(resources.path("pods", namespace, pod)))
    except NotFoundError as error:
        known = [one["metadata"]["name"] for one in client.get(resources.path("pods", namespace))["items"]]
        near = nearest(pod, known)
        error.summary = f"Pod {pod} does not exist in namespace {namespace}"
        error.cause = f"Pods in namespace {namespace}: {', '.join(known) or 'none'}"
        error.hint = f"did you mean {near}?" if near else "podlab pods --all-namespaces"
        raise


def log_refusal(client: Client, namespace: str, pod: str, container: str, error: ApiError) -> ApiError:
    """
    Return *error*, the server's refusal of a log, with what to try; asks for the Pod to find out.

    Raises:
        NotFoundError: There is no such Pod; the hint names the nearest.
    """
    spec, said = find_pod(client, namespace, pod)["spec"], str(error.status.get("message", ""))
    names = [one["name"] for one in roles.in_spec(spec)]
    if container not in names:
        near = nearest(container, names, POSSIBLE) or names[0]
        summary = f"Pod {namespace}/{pod} has no container {container}"
        error.summary, error.cause = summary, f"its containers are: {', '.join(names)}"
        error.hint = f"did you mean -c {near}?"
    elif "previous terminated" in said:
        error.summary = f"container {container} of Pod {namespace}/{pod} has no earlier run"
        error.hint = "run it again without --previous"
    else:
        error.hint = f"podlab explain {pod}"
    return error


def pod_rows(
    client: Client, namespace: str | None, names: Sequence[str] = (), selector: str | None = None
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """
    Return, for each Pod, the cells that the server prints and the Pod itself; None asks for all namespaces.

    Raises:
        NotFoundError: A Pod of *names* is not there; the hint names the nearest.
    """
    found = client.rows(resources.path("pods", namespace), includeObject="Object", labelSelector=selector)
    there = {pod["metadata"]["name"] for _, pod in found}
    for name in names:
        if name not in there and namespace:
            find_pod(client, namespace, name)
    return [(cells, pod) for cells, pod in found if not names or pod["metadata"]["name"] in names]


def events(
    client: Client, namespace: str | None, about: str | None, kinds: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """
    Return the Events of a namespace (None: of all), oldest first by the time each was last seen.

    Args:
        about: A name, or KIND/NAME, of the object that they are about.
        kinds: Of these types only: ``Normal``, ``Warning``.

    Raises:
        UsageError: The kind is not known, and no Event is about such an object.
    """
    kind, _, name = (about or "").rpartition("/")
    fields = [f"involvedObject.name={name}"] if name else []
    known = resources.named(kind)
    if kind:
        fields.append(f"involvedObject.kind={known.kind if known else kind.capitalize()}")
    found = client.get(resources.path("events", namespace), fieldSelector=",".join(fields) or None)["items"]
    if kind and known is None and not found:  # a kind of somebody's own may have Events
        near = nearest(kind, resources.words())
        raise UsageError(
            f"podlab does not know the kind {kind!r}",
            cause=f"no Event is about {about} either",
            hint=f"podlab events --for {near}/{name}" if near else f"podlab events --for {name}",
        )
    found = [event for event in found if not kinds or event.get("type") in kinds]
    return sorted(
        found, key=lambda event: (_last_seen(event), int(event["metadata"].get("resourceVersion") or 0))
    )


EVENT_HEADER = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "CONTAINER", "COUNT", "MESSAGE")


def event_row(event: RawView, *, now: float | None = None, times: bool = False) -> tuple[str, ...]:
    """Return the cells of one Event; LAST SEEN is its age, or with *times* the time itself."""
    about = event.get("involvedObject") or {}
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    seen = _last_seen(event)
    return (
        seen if times else age(seen, now),
        str(event.get("type") or ""),
        str(event.get("reason") or ""),
        f"{str(about.get('kind') or '').lower()}/{about.get('name') or ''}",
        str(about.get("fieldPath") or "").partition("{")[2].rstrip("}"),
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
    for node in client.get(resources.path("nodes"))["items"]:
        for image in node.get("status", {}).get("images") or []:
            size = f"{image.get('sizeBytes', 0) / 2**20:.1f} MiB"
            for name in image.get("names") or []:
                if "@sha256:" not in name:
                    row = rows.setdefault(name, {"name": name, "kind": "image", "says": f"{size}, on"})
                    row["says"] += f" {node['metadata']['name']}"
    return sorted(rows.values(), key=lambda row: row["name"])
