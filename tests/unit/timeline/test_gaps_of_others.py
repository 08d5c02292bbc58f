"""A gap counts for the Pod that it names: the timelines of its neighbours are whole."""

from __future__ import annotations

from typing import Any

import pytest

from podlab.timeline import Timeline

CREATED = "2026-01-01T00:00:00Z"


def seen(name: str) -> dict[str, Any]:
    """A Pod on node n that was seen once."""
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "creationTimestamp": CREATED}
    pod = {"metadata": meta, "spec": {"nodeName": "n", "containers": [{"name": "app", "image": "i"}]},
           "status": {"phase": "Pending"}}  # fmt: skip
    return {"t": 0.1, "source": "watch", "resource": "pods", "type": "ADDED", "object": pod}


def whole(whose: str, **gap: Any) -> bool:
    """Whether the timeline of *whose* is whole, in a recording of two Pods with one gap."""
    marks = [
        {"t": 0.2, "source": "recorder", "event": "gap", "reason": "lost", **gap},
        {"t": 0.3, "source": "recorder", "event": "end", "reason": "Ready"},
    ]
    timeline = Timeline.from_observations(None, [seen("web"), seen("db"), *marks], whose)
    assert timeline.complete == (not any("gap" in note for note in timeline.notes))
    assert timeline.complete == (not any(marker.kind == "gap" for marker in timeline.markers))
    return timeline.complete


@pytest.mark.parametrize(
    ("gap", "of_web", "of_db"),
    [
        ({"of": "log", "pod": "web", "container": "app"}, False, True),
        ({"of": "node", "pod_uid": "uid-db"}, True, False),
        ({"of": "node", "node": "n"}, False, False),
        ({"of": "node", "node": "another"}, True, True),
        ({"of": "pods", "about": ["uid-web"]}, False, True),
        ({"of": "events", "about": []}, True, True),
        ({"of": "pods"}, False, False),
    ],
)
def test_a_gap_counts_for_the_pod_that_it_names(gap: dict[str, Any], of_web: bool, of_db: bool) -> None:
    """By its name, its uid, or its node; one that names none counts for all."""
    assert (whole("web", **gap), whole("db", **gap)) == (of_web, of_db)
