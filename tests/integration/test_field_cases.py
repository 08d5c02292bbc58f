"""
Cases from the field that a real cluster has to pass too, and what comes through the API server from a Pod.

``tests/field`` holds the cases and tries them on an embedded cluster.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podlab.client import Client
from podlab.drivers import Cluster
from podlab.errors import ApiError, ConflictError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "field"))

from field_place import KUBECTL
from run_cases import cases, tried

WAIT_S = 60
ON_KIND_TOO = (
    "an init container waits for a job that its account may see",
    "the service of the api comes back",
    "a short command by kubectl run loses nothing",
    "a hook is over when its child lets go of the output",
    "the output of a child belongs to an exec",
    "a recording holds the pods of its manifest alone",
    "a token belongs to the user of the pod",
    "a volume in memory has the group of the pod",
    "a termination message below dev",
    "stdin stays open without stdinonce",
)


@pytest.mark.skipif(not KUBECTL, reason="no kubectl: podlab up --driver kind brings one")
@pytest.mark.parametrize("cluster", [pytest.param("kind", marks=pytest.mark.kind)], indirect=True)
@pytest.mark.parametrize("name", ON_KIND_TOO)
def test_a_case_from_the_field_is_right_on_kind(cluster: Cluster, name: str, tmp_path: Path) -> None:
    """The words, modes and orders that the cases assert are those of a real node."""
    case = next(each for each in cases() if each.name == name)

    assert tried(case, cluster, tmp_path) == ""


def until(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What *look* returns once *wanted* holds of it; the test fails after ``WAIT_S``."""
    deadline = time.monotonic() + WAIT_S
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.1)


SERVES = (
    "import http.server as h, sys\n"
    "class Page(h.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        body = (self.command + ' ' + self.path).encode()\n"
    "        self.send_response(200); self.send_header('Content-Type', 'text/plain')\n"
    "        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)\n"
    "    def do_POST(self):\n"
    "        body = self.rfile.read(int(self.headers['Content-Length'])) * 3\n"
    "        self.send_response(201); self.end_headers(); self.wfile.write(body)\n"
    "h.HTTPServer(('', 8080), Page).serve_forever()\n"
)


@pytest.fixture
def shop(client: Client, namespace: str) -> str:
    """A ready Pod with a Service of the same name before it; the path of the namespace."""
    core = f"/api/v1/namespaces/{namespace}"
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    client.create(
        f"{core}/services",
        {"metadata": {"name": "shop"}, "spec": {"selector": {"app": "shop"}, "ports": ports}},
    )
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    container = {
        "name": "c",
        "image": "python:3.11-slim",
        "command": ["python", "-c", SERVES],
        "readinessProbe": probe,
    }
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    client.create(f"{core}/pods", {"metadata": {"name": "shop", "labels": {"app": "shop"}}, "spec": spec})
    until(
        lambda: client.get(f"{core}/endpoints/shop"),
        lambda one: any(subset.get("addresses") for subset in one.get("subsets") or ()),
    )
    return core


@pytest.mark.parametrize(
    "place", ["services/shop:80", "services/shop:http", "pods/shop:8080", "pods/http:shop:8080"]
)
def test_a_page_of_a_pod_comes_through_the_api_server(client: Client, shop: str, place: str) -> None:
    assert client.text(f"{shop}/{place}/proxy/cups/1", sort="a b") == "GET /cups/1?sort=a+b"


def test_a_body_goes_to_the_pod_and_comes_back(client: Client, shop: str) -> None:
    """More than one buffer of it, and its end is told by the end of the connection."""
    sent = {"body": "x" * 300_000}
    answer = client.transport.open("POST", f"{shop}/pods/shop:8080/proxy/", {}, body=sent)
    assert (answer.status, answer.read().count(b"x")) == (201, 900_000)


def test_nobody_behind_a_service_is_said(client: Client, shop: str) -> None:
    with pytest.raises(ApiError, match='no service port 81 found for service "shop"') as caught:
        client.text(f"{shop}/services/shop:81/proxy/")
    assert caught.value.code == 503
    with pytest.raises(ApiError, match="connection refused"):
        client.text(f"{shop}/pods/shop:9/proxy/")


def test_two_who_apply_another_value_of_one_field_find_their_conflict(client: Client, namespace: str) -> None:
    """The second won in silence, and clients in Python do not show a Warning."""
    path, kind = f"/api/v1/namespaces/{namespace}/configmaps/look", "application/apply-patch+yaml"

    def apply(manager: str, **data: str) -> dict[str, Any]:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "look"}, "data": data}
        return client.patch(path, body, content_type=kind, fieldManager=manager)

    apply("one", color="red", size="1")
    with pytest.raises(ConflictError) as caught:
        apply("two", color="blue")
    assert 'Apply failed with 1 conflict: conflict with "one": .data.color' in str(
        caught.value.status["message"]
    )
    assert apply("one", color="red")["data"] == {"color": "red"}
