"""The processes of the embedded cluster's node are killed: it is said, and they are started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podlab import drivers
from podlab.client import Client
from podlab.drivers import Profile, state
from podlab.drivers.embedded import EmbeddedDriver

pytestmark = pytest.mark.embedded
DEADLINE_S = 120.0
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "shop", "labels": {"app": "shop"}},
    "spec": {
        "volumes": [{"name": "kept", "emptyDir": {}}, {"name": "word", "secret": {"secretName": "word"}}],
        "containers": [
            {
                "name": "web",
                "image": "busybox:1.36",
                "command": ["sh", "-c", "echo run >>/kept/runs; cat /kept/runs; httpd -f -p 80 -h /word"],
                "volumeMounts": [
                    {"name": "kept", "mountPath": "/kept"},
                    {"name": "word", "mountPath": "/word"},
                ],
            }
        ],
    },
}


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a cluster of the test's own, in which the Pod ``shop`` runs behind a Service."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("PODLAB_HOME", raising=False)
    client = EmbeddedDriver().make(Profile(name="lost")).client()
    word = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "word"},
        "stringData": {"text": "open"},
    }
    spec = {"selector": {"app": "shop"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": spec}
    for obj in (word, service, POD):
        client.create(client.path_of(obj, "default", collection=True), obj)
    try:
        until(lambda: serves(client, runs=1))
        yield client
    finally:
        for name in state.names():
            drivers.stop(name)


def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def serves(client: Client, runs: int) -> bool:
    """Whether the Pod runs for the *runs*-th time, and its Service answers inside with the Secret's text."""
    pod = client.get("/api/v1/namespaces/default/pods/shop")
    statuses = pod["status"].get("containerStatuses") or [{}]
    if not statuses[0].get("ready") or statuses[0]["restartCount"] != runs - 1:
        return False
    assert client.text("/api/v1/namespaces/default/pods/shop/log") == "run\n" * runs
    command = ["wget", "-qO-", "http://shop/text"]
    return client.exec("default", "shop", command).stdout == "open"


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("which", ["janitor", "node"])
def test_killed_processes_of_a_node_are_told_and_started_again(lost: Client, which: str) -> None:
    """Its Pod runs again with its emptyDir, its log, its Secret and its Service; nothing is left in the end."""
    daemon = EmbeddedDriver().status("lost").pids["daemon"]
    (janitor,) = children(daemon)
    victim = janitor if which == "janitor" else children(janitor)[0]
    os.kill(victim, signal.SIGKILL)

    until(lambda: serves(lost, runs=2))
    events = lost.get("/api/v1/namespaces/default/events")["items"]
    reasons = [one["reason"] for one in events if one["involvedObject"]["kind"] == "Node"]
    assert reasons == ["NodeNotReady", "NodeReady"]
    node = lost.get("/api/v1/nodes")["items"][0]
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"
    assert "taints" not in node["spec"]
    assert EmbeddedDriver().stop("lost")
    assert list((Path(os.environ["XDG_STATE_HOME"]) / "podlab" / "clusters").iterdir()) == []
