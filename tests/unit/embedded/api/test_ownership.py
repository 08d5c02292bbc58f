"""Server-side apply: who owns which field, what conflicts, what goes when it is applied no more."""

from __future__ import annotations

from typing import Any

import pytest
from asgi import PODS, Answer, Server, pod

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture
def server() -> Server:
    return Server()


def apply(server: Server, path: str, body: dict[str, Any], manager: str, **query: Any) -> Answer:
    kind = "application/apply-patch+yaml"
    return server.ask("PATCH", path, body, kind=kind, fieldManager=manager, **query)


def colors(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def owners(answer: Answer) -> dict[str, Any]:
    return {e["manager"]: e["fieldsV1"] for e in answer.json["metadata"].get("managedFields") or ()}


def test_another_value_of_an_applied_field_is_a_conflict_until_it_is_forced(server: Server) -> None:
    """The second apply won in silence."""
    path = f"{MAPS}/c"
    assert apply(server, path, colors(color="red"), "one").code == 201
    refused = apply(server, path, colors(color="blue"), "two")
    assert (refused.code, refused.json["message"], refused.json["reason"]) == (
        409,
        'Apply failed with 1 conflict: conflict with "one": .data.color',
        "Conflict",
    )
    assert refused.json["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.color"}
    ]
    forced = apply(server, path, colors(color="blue"), "two", force="true")
    assert (forced.code, forced.header("warning"), forced.json["data"], owners(forced)) == (
        200,
        [],
        {"color": "blue"},
        {"two": {"f:data": {"f:color": {}}}},
    )


def test_the_same_value_is_shared_and_other_fields_do_not_conflict(server: Server) -> None:
    path = f"{MAPS}/c"
    apply(server, path, colors(color="red", size="1"), "one")
    both = apply(server, path, colors(color="red", shape="round"), "two")
    assert (both.code, both.json["data"]) == (200, {"color": "red", "size": "1", "shape": "round"})
    assert set(owners(both)) == {"one", "two"}


def test_what_its_only_owner_applies_no_more_goes(server: Server) -> None:
    path = f"{MAPS}/c"
    apply(server, path, colors(color="red", size="1"), "one")
    apply(server, path, colors(color="red"), "two")
    assert apply(server, path, colors(shape="round"), "one").json["data"] == {
        "color": "red",
        "shape": "round",
    }
    assert apply(server, path, colors(), "two").json["data"] == {"shape": "round"}


def test_an_item_of_a_list_goes_with_its_owner(server: Server) -> None:
    labels = {"app": "a"}

    def deployment(*names: str) -> dict[str, Any]:
        containers = [{"name": name, "image": "i:1"} for name in names]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}

    path = f"{DEPLOYMENTS}/d"
    assert apply(server, path, deployment("app", "side"), "one").code == 201
    left = apply(server, path, deployment("app"), "one").json
    assert [c["name"] for c in left["spec"]["template"]["spec"]["containers"]] == ["app"]
    other = deployment("app")
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    refused = apply(server, path, other, "two")
    assert 'conflict with "one": .spec.template.spec.containers[name="app"].image' in refused.json["message"]


def test_a_change_that_was_not_applied_takes_the_field_from_who_applied_it(server: Server) -> None:
    path = f"{MAPS}/c"
    apply(server, path, colors(color="red", size="1"), "one")
    merged = server.ask("PATCH", path, {"data": {"color": "green"}}, kind="application/merge-patch+json")
    assert owners(merged) == {"one": {"f:data": {"f:size": {}}}}
    again = apply(server, path, colors(color="blue", size="1"), "one")
    assert again.json["data"] == {"color": "blue", "size": "1"}
    assert ".data.color was set without server-side apply" in again.header("warning")[0]


def test_applying_the_same_again_changes_nothing(server: Server) -> None:
    """Quantities in another spelling are the same value, and no revision is spent."""
    body = {**pod("p"), "apiVersion": "v1", "kind": "Pod"}
    body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000m", "memory": "1024Mi"}}
    first = apply(server, f"{PODS}/p", body, "one")
    second = apply(server, f"{PODS}/p", body, "one")
    assert (first.code, second.code, second.header("warning")) == (201, 200, [])
    assert first.json["metadata"]["resourceVersion"] == second.json["metadata"]["resourceVersion"]
    assert apply(server, f"{PODS}/p", body, "two").code == 200


def test_a_dry_run_owns_nothing(server: Server) -> None:
    path = f"{MAPS}/c"
    apply(server, path, colors(color="red"), "one")
    assert apply(server, path, colors(size="1"), "two", dryRun="All").code == 200
    assert set(owners(server.ask("GET", path))) == {"one"}


SERVICES = "/api/v1/namespaces/default/services"


def service(*ports: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": list(ports)}}


def test_a_port_of_a_service_is_named_by_its_protocol_too(server: Server) -> None:
    """DNS has one number twice; the second port was merged into the first."""
    path = f"{SERVICES}/s"
    udp, tcp = {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}
    made = apply(server, path, service(udp), "one")
    assert owners(made)["one"]["f:spec"]["f:ports"] == {
        'k:{"port":53,"protocol":"UDP"}': {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}}
    }
    both = apply(server, path, service(tcp), "two").json["spec"]["ports"]
    assert [(one["name"], one["protocol"]) for one in both] == [("dns", "UDP"), ("dns-tcp", "TCP")]

    less = apply(server, path, service({**udp, "name": "names"}), "one").json["spec"]["ports"]
    assert [one["name"] for one in less] == ["names", "dns-tcp"]
