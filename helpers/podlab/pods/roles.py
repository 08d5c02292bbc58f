"""
The containers of a Pod and their roles: regular init, sidecar, app, ephemeral.

A role follows from the list of the spec that holds the container and, in ``initContainers``, from its own
``restartPolicy``: ``Always`` makes a sidecar. App containers may have a ``restartPolicy`` of their own (v1.34), which
does not change their role.

Source: podutil.VisitContainers and IsRestartableInitContainer in pkg/api/v1/pod/util.go, read at v1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podlab.pods.raw import RawObject, RawView

INIT, APP, EPHEMERAL = "initContainers", "containers", "ephemeralContainers"
LISTS = (INIT, APP, EPHEMERAL)
STATUS_LISTS = {
    INIT: "initContainerStatuses",
    APP: "containerStatuses",
    EPHEMERAL: "ephemeralContainerStatuses",
}


def group(pod: RawView, key: str) -> Sequence[RawObject]:
    """Return the containers in one list of a spec (*key*: one of ``LISTS``); ``()`` when it is absent."""
    return (pod.get("spec") or {}).get(key) or ()


def containers(pod: RawView, *lists: str) -> list[RawObject]:
    """Return the containers in these lists of a Pod, in this order; without *lists*: init, app, ephemeral."""
    return in_spec(pod.get("spec") or {}, *lists)


def in_spec(spec: RawView, *lists: str) -> list[RawObject]:
    """Return the same for the spec of a Pod, or of a Pod template."""
    return [container for key in lists or LISTS for container in spec.get(key) or ()]


def every_container(pod: RawView) -> Iterator[tuple[str, RawObject]]:
    """Yield each container with the name of its list: init containers first, ephemeral containers last."""
    for key in LISTS:
        for container in group(pod, key):
            yield key, container


def find(pod: RawView, name: str) -> tuple[str, RawObject] | None:
    """Return the container of that name with its list; names are unique in a Pod."""
    return next(((key, c) for key, c in every_container(pod) if c.get("name") == name), None)


def is_sidecar(container: RawView | None) -> bool:
    """Return whether an entry of ``initContainers`` is a sidecar: ``restartPolicy: Always``."""
    return bool(container) and container.get("restartPolicy") == "Always"  # type: ignore[union-attr]


def role(key: str, container: RawView) -> str:
    """Return ``init``, ``sidecar``, ``app`` or ``ephemeral`` for a container in list *key*."""
    if key == INIT:
        return "sidecar" if is_sidecar(container) else "init"
    return "app" if key == APP else "ephemeral"


def sidecars(pod: RawView) -> list[RawObject]:
    """Return the sidecars of a Pod, in the order in which they start."""
    return [container for container in group(pod, INIT) if is_sidecar(container)]


def statuses(pod: RawView, *lists: str) -> list[RawObject]:
    """Return the container statuses of these lists of the spec, in this order; without *lists*: all three."""
    status = pod.get("status") or {}
    return [entry for key in lists or LISTS for entry in status.get(STATUS_LISTS[key]) or ()]
