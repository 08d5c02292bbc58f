"""Events of the embedded cluster's components: where a server refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.embedded.events import EventRecorder
from podlab.embedded.store import Store


def pod(namespace: str) -> dict[str, Any]:
    """A Pod as the kubelet holds it, its namespace gone or not."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "uid": "u", "namespace": namespace},
    }


def namespace(store: Store, name: str, **metadata: Any) -> None:
    """Make a namespace."""
    store.create(
        "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [("default", 1), ("lab", 1), ("ending", 0), ("gone", 0)],
)
def test_an_event_is_refused_in_a_namespace_that_ends(name: str, written: int) -> None:
    """A kubelet that reports a Pod's end late leaves no Event behind in a namespace that is deleted."""
    store = Store(clock=lambda: 1e9)
    namespace(store, "default")
    namespace(store, "lab")
    namespace(store, "ending", deletionTimestamp="2026-01-01T00:00:00Z")
    EventRecorder(store, "kubelet", clock=store.clock).event(pod(name), "Normal", "Killing", "Stopping")

    assert len(store.list("events", name)) == written


def test_a_simulation_has_events_without_namespaces() -> None:
    store = Store(clock=lambda: 1e9)
    EventRecorder(store, "default-scheduler", clock=store.clock).event(
        pod("x"), "Normal", "Scheduled", "to a"
    )

    assert len(store.list("events", "x")) == 1
