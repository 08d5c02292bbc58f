"""Where the proxy subresources lead; that they carry requests is tried on a running cluster."""

from __future__ import annotations

from typing import Any

import pytest
from asgi import PODS, Server, pod

from podlab.embedded.api.http.request import route
from podlab.embedded.api.streams import proxying
from podlab.embedded.fault import StatusError

SERVICES = "/api/v1/namespaces/default/services"


@pytest.fixture
def server() -> Server:
    made = Server()
    body = pod("shop")
    body["spec"]["containers"][0]["ports"] = [{"containerPort": 8080}]
    stored = made.ask("POST", PODS, body).json
    made.store.update("pods", {**stored, "status": {**stored["status"], "podIP": "10.244.0.9"}})
    ports = [{"port": 80, "name": "http", "targetPort": 8080}, {"port": 81, "name": "admin"}]
    made.ask("POST", SERVICES, {"metadata": {"name": "shop"}, "spec": {"ports": ports}})
    made.ask("POST", SERVICES, {"metadata": {"name": "empty"}, "spec": {"ports": [{"port": 80}]}})
    address = {"ip": "10.244.0.9", "targetRef": {"kind": "Pod", "name": "shop", "namespace": "default"}}
    subset = {"addresses": [address], "ports": [{"name": "http", "port": 8080}]}
    meta = {"name": "shop", "namespace": "default"}
    made.store.create(
        "endpoints", {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta, "subsets": [subset]}
    )
    return made


@pytest.mark.parametrize(
    ("path", "tail"),
    [
        (f"{PODS}/shop/proxy", ""),
        (f"{PODS}/shop/proxy/", "/"),
        (f"{PODS}/shop:80/proxy/a//b/", "/a//b/"),
        ("/api/v1/nodes/n/proxy/pods", "/pods"),
        ("/api/v1/namespaces/proxy/services/proxy/proxy/proxy", "/proxy"),
    ],
)
def test_the_path_beyond_the_proxy_is_kept_as_it_is(path: str, tail: str) -> None:
    assert route(path).tail == tail


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (f"{PODS}/shop/proxy/", ("http", "10.244.0.9", 8080)),
        (f"{PODS}/shop:9/proxy/", ("http", "10.244.0.9", 9)),
        (f"{PODS}/https:shop:443/proxy/", ("https", "10.244.0.9", 443)),
        (f"{SERVICES}/shop:80/proxy/", ("http", "10.244.0.9", 8080)),
        (f"{SERVICES}/shop:http/proxy/", ("http", "10.244.0.9", 8080)),
        (f"{SERVICES}/https:shop:http/proxy/", ("https", "10.244.0.9", 8080)),
    ],
)
def test_a_name_leads_to_an_address(server: Server, path: str, target: tuple[str, str, int]) -> None:
    assert tuple(proxying.locate(server.store, route(path))) == target


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        (f"{SERVICES}/shop:82/proxy/", 503, 'no service port 82 found for service "shop"'),
        (f"{SERVICES}/shop:admin/proxy/", 503, 'no endpoints available for service "shop"'),
        (f"{SERVICES}/empty:80/proxy/", 503, 'no endpoints available for service "empty"'),
        (f"{SERVICES}/none:80/proxy/", 404, 'services "none" not found'),
        (f"{PODS}/ftp:shop:80/proxy/", 400, "invalid request"),
        (f"{PODS}/a:b:c:d/proxy/", 400, "invalid request"),
        (f"{PODS}/shop:99999/proxy/", 400, "invalid pod request"),
    ],
)
def test_a_name_that_leads_nowhere_says_why(server: Server, path: str, code: int, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        proxying.locate(server.store, route(path))
    assert (caught.value.code, message in str(caught.value)) == (code, True)


def test_a_path_without_its_slash_is_sent_to_the_one_with_it(server: Server) -> None:
    found = server.ask("GET", f"{PODS}/shop/proxy", a="b")
    assert (found.code, found.header("location")) == (301, [f"{PODS}/shop/proxy/?a=b"])


def test_the_right_to_a_proxy_is_one_of_its_own(server: Server) -> None:
    refused: Any = server.ask("GET", f"{PODS}/shop/proxy/x", headers={"impersonate-user": "bob"})
    assert refused.code == 403
    assert 'cannot get resource "pods/proxy" in API group ""' in refused.json["message"]


def test_a_node_shows_its_configuration_as_a_kubelet_does(server: Server) -> None:
    """Upstream's suite of the kubelet begins with it."""
    server.store.create("nodes", {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}})
    shown = server.ask("GET", "/api/v1/nodes/n/proxy/configz").json["kubeletconfig"]
    assert (shown["kind"], shown["clusterDNS"]) == ("KubeletConfiguration", ["10.96.0.10"])
    assert server.ask("GET", "/api/v1/nodes/n/proxy/nothing").code == 404


def test_a_node_shows_its_pods_and_which_of_them_run(server: Server) -> None:
    server.store.create("nodes", {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}})
    for name, phase in (("one", "Running"), ("two", "Pending"), ("elsewhere", "Running")):
        made = server.ask("POST", PODS, pod(name)).json
        node = "other" if name == "elsewhere" else "n"
        spec, status = {**made["spec"], "nodeName": node}, {**made["status"], "phase": phase}
        server.store.update("pods", {**made, "spec": spec, "status": status})

    def names(page: str) -> list[str]:
        items = server.ask("GET", f"/api/v1/nodes/n:10250/proxy/{page}").json["items"]
        return [item["metadata"]["name"] for item in items]

    assert sorted(names("pods")) == ["one", "two"]
    assert names("runningpods/") == ["one"]
