"""Three air-gapped nodes are one network: Pods, Services and names are reached from every node."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from podlab import airgap
from podlab.client import Client
from podlab.drivers import Profile, get

pytestmark = pytest.mark.kind

DEADLINE_S = 120.0
WEB = "/api/v1/namespaces/default/pods"
SERVE = "hostname > /var/www/index.html; exec httpd -f -p 8080 -h /var/www"
DAEMON_SET = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "tolerations": [{"operator": "Exists"}],
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", SERVE]}],
            },
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a cluster of three nodes, which is gone afterwards."""
    if airgap.node_image() is None:
        pytest.skip("no air-gapped image was built here: podlab airgap build")
    driver, name = get("kind"), f"three-{uuid.uuid4().hex[:6]}"
    cluster = driver.make(Profile(name=name, config="three-nodes"))
    try:
        yield cluster.client()
    finally:
        driver.stop(name)


@pytest.fixture(scope="module")
def pods(client: Client) -> list[dict[str, Any]]:
    """One running Pod on each node, behind the Service web."""
    client.create("/apis/apps/v1/namespaces/default/daemonsets", DAEMON_SET)
    client.create("/api/v1/namespaces/default/services", SERVICE)
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        found: list[dict[str, Any]] = client.get(WEB, labelSelector="app=web")["items"]
        if len(found) == 3 and all(pod["status"]["phase"] == "Running" for pod in found):
            return found
        time.sleep(0.5)
    pytest.fail(f"the three Pods did not run in {DEADLINE_S:.0f} s")


def answer(client: Client, pod: dict[str, Any], address: str) -> str:
    """What the web server at *address* says to *pod*; asked again until the node knows it."""
    until = time.monotonic() + DEADLINE_S / 4
    while True:
        command = ["wget", "-qO-", "-T", "5", f"http://{address}/"]
        said = client.exec("default", pod["metadata"]["name"], command, timeout_s=20)
        if said.exit_code == 0 or time.monotonic() > until:
            return str(said.stdout).strip() or str(said.stderr).strip()
        time.sleep(0.5)


def test_each_node_has_a_pod_range_of_its_own(client: Client) -> None:
    """Or two Pods on two nodes would have one address."""
    nodes = client.get("/api/v1/nodes")["items"]

    assert len({node["spec"]["podCIDR"] for node in nodes}) == len(nodes) == 3


def test_every_pod_reaches_every_other_by_its_address(client: Client, pods: list[dict[str, Any]]) -> None:
    """Nine ways, six of them from node to node."""
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 3
    for asking in pods:
        for asked in pods:
            assert answer(client, asking, f"{asked['status']['podIP']}:8080") == asked["metadata"]["name"]


def test_every_node_knows_names_and_services(client: Client, pods: list[dict[str, Any]]) -> None:
    """CoreDNS stands on one node only; kube-proxy on a worker finds the API server on another."""
    names = {pod["metadata"]["name"] for pod in pods}

    assert all(answer(client, asking, "web") in names for asking in pods)
