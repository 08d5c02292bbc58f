"""
The air-gapped node image makes a cluster that behaves as any other: Pods, sidecars, Services, names.

Runs on the cluster that the kind driver makes; skipped where that took kind's own image from a registry,
because then there is nothing of ours to test.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from podlab import airgap
from podlab.client import Client

pytestmark = pytest.mark.parametrize(
    "cluster", [pytest.param("kind", marks=pytest.mark.kind)], indirect=True, scope="session"
)

DEADLINE_S = 60.0

SIDECAR_POD = {
    "initContainers": [
        {"name": "first", "image": "busybox:1.36", "command": ["sh", "-c", "echo init ran"]},
        {
            "name": "side",
            "image": "podlab-app:1",
            "restartPolicy": "Always",
            "command": ["podlab-app", "shop", "--port", "8081"],
        },
    ],
    "containers": [
        {"name": "app", "image": "python:3.11-slim", "command": ["python", "-m", "http.server", "5432"]}
    ],
}
TOOL_POD = {"containers": [{"name": "tool", "image": "busybox:1.36", "command": ["sleep", "3600"]}]}


def wait_for(what: str, ask: Callable[[], Any]) -> Any:
    """Ask until the answer is true; fail at the deadline, naming *what*."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.2)
    pytest.fail(f"{what} did not come true in {DEADLINE_S:.0f} s")


def make_pod(client: Client, namespace: str, name: str, spec: dict[str, Any]) -> None:
    """Create a Pod that ends at once when it is deleted."""
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, **spec},
    }
    client.create(f"/api/v1/namespaces/{namespace}/pods", body)


def make_service(client: Client, namespace: str, name: str, *, selects: str, port: int) -> None:
    """Create a Service for the Pods called *selects*."""
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": selects}, "ports": [{"port": port}]},
    }
    client.create(f"/api/v1/namespaces/{namespace}/services", body)


def get_pod(client: Client, namespace: str, name: str) -> dict[str, Any]:
    return client.get(f"/api/v1/namespaces/{namespace}/pods/{name}")


def is_ready(client: Client, namespace: str, name: str) -> bool:
    conditions = get_pod(client, namespace, name)["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def in_tool(client: Client, namespace: str, *command: str) -> Any:
    """Run *command* in the busybox container."""
    return client.exec(namespace, "tool", list(command), timeout_s=20)


@pytest.fixture
def shop(client: Client, namespace: str) -> str:
    """The two Pods and their Services, ready; returns the namespace."""
    if airgap.node_image() is None:
        pytest.skip("no air-gapped image was built here: the cluster is of kind's own image")
    make_pod(client, namespace, "db", SIDECAR_POD)
    make_pod(client, namespace, "tool", TOOL_POD)
    make_service(client, namespace, "db", selects="db", port=5432)
    make_service(client, namespace, "closed", selects="nobody", port=5432)
    for name in ("db", "tool"):
        wait_for(f"Pod {name} Ready", lambda name=name: is_ready(client, namespace, name))
    return namespace


def test_the_server_is_the_version_that_the_image_says(client: Client) -> None:
    """The reference, unless another was asked for."""
    image = airgap.node_image()
    if image is None:
        pytest.skip("no air-gapped image was built here")

    assert client.version() == image.version


def test_a_pod_with_init_and_sidecar_runs(client: Client, shop: str) -> None:
    """The init container ended, the sidecar and the app run, with the images that the build made."""
    status = get_pod(client, shop, "db")["status"]

    first, side = status["initContainerStatuses"]
    (app,) = status["containerStatuses"]
    assert first["state"]["terminated"]["exitCode"] == 0
    assert side["started"] and "running" in side["state"]
    assert app["started"] and "running" in app["state"]
    assert client.text(f"/api/v1/namespaces/{shop}/pods/db/log", container="first") == "init ran\n"


def test_nc_tells_a_service_from_a_closed_port_and_an_unknown_name(client: Client, shop: str) -> None:
    """`nc -z db 5432` is the lesson's own line."""
    wait_for("a connection to db", lambda: in_tool(client, shop, "nc", "-z", "db", "5432").exit_code == 0)
    unused = in_tool(client, shop, "nc", "-z", "-w", "5", "db", "5433")
    without_pods = in_tool(client, shop, "nc", "-z", "-w", "5", "closed", "5432")
    began = time.monotonic()
    unknown = in_tool(client, shop, "nc", "-z", "postgres", "5432")

    assert (unused.exit_code, without_pods.exit_code, unknown.exit_code) == (1, 1, 1)
    assert "bad address 'postgres'" in str(unknown.stderr)
    assert time.monotonic() - began < DEADLINE_S / 12  # answered, not timed out


def test_a_service_name_resolves_and_answers(client: Client, shop: str) -> None:
    """By its short name from the same namespace, and by its full one."""
    wait_for(
        "a page from db",
        lambda: "<html" in str(in_tool(client, shop, "wget", "-qO-", "-T", "5", "http://db:5432/").stdout),
    )
    full = in_tool(client, shop, "nslookup", f"db.{shop}.svc.cluster.local")

    assert full.exit_code == 0
    assert client.get(f"/api/v1/namespaces/{shop}/services/db")["spec"]["clusterIP"] in str(full.stdout)


def test_a_pod_address_that_nobody_has_does_not_answer(client: Client, shop: str) -> None:
    """Not even on networks that accept every connection to the outside."""
    assert in_tool(client, shop, "nc", "-z", "-w", "5", "10.244.255.250", "80").exit_code == 1


def test_busybox_has_the_tools_of_the_lessons(client: Client, shop: str) -> None:
    """Each is run once, since an applet can be there and crash."""
    for command in (
        ["stat", "-c", "%a", "/bin"],
        ["netstat", "-tln"],
        ["wget", "--help"],
        ["which", "httpd"],
    ):
        done = in_tool(client, shop, *command)
        assert done.exit_code == 0, (command, str(done.stderr))


def test_an_image_that_is_not_there_is_not_pulled(client: Client, shop: str) -> None:
    """The kubelet says so in its own words."""
    make_pod(client, shop, "other", {"containers": [{"name": "app", "image": "no-such-image:1"}]})

    def reason() -> str:
        (status,) = get_pod(client, shop, "other")["status"].get("containerStatuses") or [{}]
        return str(status.get("state", {}).get("waiting", {}).get("reason", ""))

    wait_for("a refused pull", lambda: reason() in {"ErrImagePull", "ImagePullBackOff"})
