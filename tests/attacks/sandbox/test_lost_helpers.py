"""A node whose helper processes somebody has killed: it says so, starts them again, and runs Pods."""

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
def test_a_node_that_lost_its_processes_says_so_and_runs_pods_again(which: int) -> None:
    """It stayed Ready, and new Pods stayed Pending for ever without a word."""
    with cluster() as found:
        os.kill(_children(found.daemon)[which], signal.SIGKILL)

        def reasons() -> list[str]:
            events = found.client.get("/api/v1/events")["items"]
            return [e["reason"] for e in events if e["involvedObject"]["kind"] == "Node"]

        until(lambda: "NodeNotReady" in reasons())
        row = {"name": "c", "image": "busybox:1.36", "command": ["true"]}
        spec = {"restartPolicy": "Never", "containers": [row]}
        path = "/api/v1/namespaces/default/pods"
        found.client.create(path, {"metadata": {"name": "p"}, "spec": spec})

        until(lambda: found.client.get(f"{path}/p")["status"]["phase"] == "Succeeded")
