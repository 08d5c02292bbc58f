"""
Rows of ``podlab pods``: what the server prints of a Pod, and what each of its containers does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from podlab.cli.ages import age
from podlab.pods import roles
from podlab.pods.raw import RawView

Row = tuple[str, ...]
HEADER = ("NAME", "READY", "STATUS", "RESTARTS", "AGE", "CONTAINERS")
WIDE_HEADER = ("NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE", "IP")
CONTAINER_HEADER = ("  CONTAINER", "ROLE", "DOES", "RESTARTS", "IMAGE")


def short_row(cells: Mapping[str, Any], pod: RawView) -> Row:
    """Cells of the server, and the containers in the order in which they start."""
    return (*_cells(cells, HEADER[:5]), ", ".join(_brief(*one) for one in containers(pod)))


def wide_row(cells: Mapping[str, Any]) -> Row:
    """Cells of the server with node and address."""
    return _cells(cells, WIDE_HEADER)


def container_rows(pod: RawView, now: float | None = None) -> list[Row]:
    """Return a row for each container: its role, what it does, how often it was restarted, its image."""
    return [
        (
            f"  {name}",
            role,
            does(status, now),
            str(status.get("restartCount") or 0),
            str(spec.get("image") or ""),
        )
        for name, role, spec, status in containers(pod)
    ]


def as_json(cells: Mapping[str, Any], pod: RawView) -> dict[str, Any]:
    """The same for programs."""
    rows = container_rows(pod)
    keys = ("role", "does", "restarts", "image")
    listed = [{"name": row[0].strip(), **dict(zip(keys, row[1:], strict=True))} for row in rows]
    space = (pod.get("metadata") or {}).get("namespace")
    found = {key.lower(): value for key, value in zip(WIDE_HEADER, wide_row(cells), strict=True)}
    return {**found, "namespace": space, "containers": listed}


def containers(pod: RawView) -> Iterator[tuple[str, str, RawView, RawView]]:
    """Yield name, role, spec and status of each container; the status is empty if absent."""
    for key, spec in roles.every_container(pod):
        by_name = {one.get("name"): one for one in roles.statuses(pod, key)}
        yield str(spec.get("name")), roles.role(key, spec), spec, by_name.get(spec.get("name")) or {}


def does(status: RawView, now: float | None = None) -> str:
    """Return what a container does now: ``runs since 12s``, ``ended 0 (Completed) 3s ago``, ``waits: ErrImagePull``."""
    state = status.get("state") or {}
    if "running" in state:
        since = age((state["running"] or {}).get("startedAt"), now)
        unready = "" if status.get("ready") else ", not ready"
        return f"runs since {since}{unready}"
    if "terminated" in state:
        ended = state["terminated"]
        why = f" ({ended['reason']})" if ended.get("reason") else ""
        return f"ended {ended.get('exitCode', '?')}{why} {age(ended.get('finishedAt'), now)} ago"
    return f"waits: {(state.get('waiting') or {}).get('reason') or 'not started'}"


def _brief(name: str, role: str, _spec: RawView, status: RawView) -> str:
    word = does(status).partition(" ")[0].rstrip(":")
    return f"{name} ({role}, {word})" if role != "app" else f"{name} ({word})"


def _cells(cells: Mapping[str, Any], wanted: Row) -> Row:
    found = (cells.get(key) for key in wanted)
    return tuple("" if value is None else str(value) for value in found)
