"""A node whose helper processes somebody has killed: it says so, and lets nobody wait for a Pod without a reason."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from attacking import cluster
from sandbox_range import _children

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]
WAIT_S = 120


def until(look: Callable[[], Any]) -> Any:
    limit = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < limit
        time.sleep(0.1)
    return found


@pytest.mark.parametrize("which", [0, -1], ids=["janitor", "node"])
def test_a_node_that_lost_its_processes_is_not_ready_and_says_why(which: int) -> None:
    """It stayed Ready, and new Pods stayed Pending for ever without a word."""
    with cluster() as found:
        os.kill(_children(found.daemon)[which], signal.SIGKILL)

        def not_ready() -> Any:
            (node,) = found.client.get("/api/v1/nodes")["items"]
            return [
                c for c in node["status"]["conditions"] if c["type"] == "Ready" and c["status"] == "False"
            ]

        (condition,) = until(not_ready)
        assert "podlab up" in condition["message"]
        row = {"name": "c", "image": "busybox:1.36", "command": ["true"]}
        found.client.create(
            "/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": {"containers": [row]}}
        )

        def why() -> list[str]:
            events = found.client.get("/api/v1/namespaces/default/events")["items"]
            return [e["message"] for e in events if e["reason"] == "FailedScheduling"]

        assert "untolerated taint" in until(why)[0]
