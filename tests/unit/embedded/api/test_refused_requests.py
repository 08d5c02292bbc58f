"""A refused request writes nothing; what the release has switched off, or does not have, is said."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from asgi import PODS, Server, pod

from podlab.embedded.api.resources import Kind, kinds
from podlab.embedded.api.verbs import strategy

CORE = "/api/v1/namespaces/default"
TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]},
}
SELECTED = {"selector": {"matchLabels": {"a": "b"}}}
ALWAYS = {**TEMPLATE, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
SPECS: dict[str, dict[str, Any]] = {
    "pods": pod(),
    "services": {"spec": {"ports": [{"port": 80}]}},
    "deployments": {"spec": {**SELECTED, "template": ALWAYS}},
    "replicationcontrollers": {"spec": {"selector": ALWAYS["metadata"]["labels"], "template": ALWAYS}},
    "replicasets": {"spec": {**SELECTED, "template": ALWAYS}},
    "daemonsets": {"spec": {**SELECTED, "template": ALWAYS}},
    "jobs": {"spec": {"template": TEMPLATE}},
    "statefulsets": {"spec": {**SELECTED, "template": ALWAYS}},
    "cronjobs": {"spec": {"schedule": "@hourly", "jobTemplate": {"spec": {"template": TEMPLATE}}}},
    "endpointslices": {"addressType": "IPv4", "endpoints": []},
    "rolebindings": {"roleRef": REF},
    "clusterrolebindings": {"roleRef": REF},
    "events": {
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
        "reason": "R", "type": "Normal", "note": "n", "message": "m", "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "x", "reportingInstance": "x", "action": "A",
    },
}  # fmt: skip
STORED = [kind for kind in kinds().values() if not kind.review and not kind.empty]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
REFUSABLE = [
    "text/html",
    "application/json;as=Tableau",
    "application/vnd.kubernetes.protobuf",
    "image/png, text/csv",
]


@pytest.fixture
def server() -> Server:
    return Server()


def collection(kind: Kind) -> str:
    prefix = f"/apis/{kind.group}/v1" if kind.group else "/api/v1"
    return f"{prefix}/namespaces/default/{kind.resource}" if kind.namespaced else f"{prefix}/{kind.resource}"


def body_of(kind: Kind) -> dict[str, Any]:
    new = ("regarding", "note", "eventTime", "reportingController", "reportingInstance", "action")
    known = ("involvedObject", "message") if kind.group == "events.k8s.io" else new
    made = {key: value for key, value in SPECS.get(kind.resource, {}).items() if key not in known}
    return {**made, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}}


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.resource}.{kind.group}")
@pytest.mark.parametrize("accept", REFUSABLE)
def test_what_cannot_be_answered_is_not_done(server: Server, kind: Kind, accept: str) -> None:
    """POST, PUT, PATCH and DELETE with an Accept header that nothing fits: 406, and the store is as it was."""
    path, refused = collection(kind), {"accept": accept}
    before = server.store.revision
    assert server.ask("POST", path, body_of(kind), headers=refused).code == 406
    assert server.store.revision == before

    made = server.ask("POST", path, body_of(kind))
    assert made.code == 201, made.json
    before = server.store.revision
    labels = {"metadata": {"labels": {"l": "v"}}}
    answers = [
        server.ask("PUT", f"{path}/x", made.json, headers=refused),
        server.ask("PATCH", f"{path}/x", labels, headers=refused, kind="application/merge-patch+json"),
        server.ask("DELETE", f"{path}/x", headers=refused),
    ]
    assert [answer.code for answer in answers] == [406, 406, 406]
    assert server.store.revision == before


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.resource}.{kind.group}")
@pytest.mark.parametrize("accept", [TABLE, METADATA, "application/yaml", "*/*"])
def test_what_was_done_can_be_answered_in_every_form(server: Server, kind: Kind, accept: str) -> None:
    """A form that failed after the write would be a refusal of something that is stored."""
    path, asked = collection(kind), {"accept": accept}
    assert server.ask("POST", path, body_of(kind), headers=asked).code == 201
    patch = {"metadata": {"annotations": {"a": "\u2028 b"}}}
    changed = server.ask("PATCH", f"{path}/x", patch, headers=asked, kind="application/merge-patch+json")
    assert changed.code == 200
    assert server.ask("GET", path, headers=asked).code == 200


def test_a_signal_of_a_switched_off_feature_is_dropped(server: Server) -> None:
    """ContainerStopSignals is off in v1.36: stopSignal goes, and the hook beside it stays."""
    body = pod()
    hook = {"exec": {"command": ["true"]}}
    body["spec"]["containers"][0]["lifecycle"] = {"stopSignal": "SIGUSR1", "preStop": hook}
    body["spec"]["initContainers"] = [{"name": "i", "image": "i:1", "lifecycle": {"stopSignal": "SIGUSR1"}}]
    body["spec"]["os"] = {"name": "linux"}
    made = server.ask("POST", PODS, body).json
    assert made["spec"]["containers"][0]["lifecycle"] == {"preStop": hook}
    assert "lifecycle" not in made["spec"]["initContainers"][0]
    template = {
        **ALWAYS,
        "spec": {"containers": [{**ALWAYS["spec"]["containers"][0], "lifecycle": {"stopSignal": "SIGUSR1"}}]},
    }  # type: ignore[index]
    spec = {"metadata": {"name": "d"}, "spec": {**SELECTED, "template": template}}
    deployed = server.ask("POST", "/apis/apps/v1/namespaces/default/deployments", spec).json
    assert "lifecycle" not in deployed["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("resource", strategy.TEMPLATES)
def test_a_signal_of_a_switched_off_feature_is_dropped_from_every_template(
    server: Server, resource: str
) -> None:
    """Whatever makes the Pods: that of a CronJob was stored, and its Jobs alone lost it."""
    (kind,) = (one for one in STORED if one.resource == resource)
    body = copy.deepcopy(body_of(kind))
    template_of(resource, body)["spec"]["containers"][0]["lifecycle"] = {"stopSignal": "SIGUSR1"}
    made = server.ask("POST", collection(kind), body)
    assert made.code == 201, made.json
    assert "lifecycle" not in template_of(resource, made.json)["spec"]["containers"][0]

    template_of(resource, made.json)["spec"]["containers"][0]["lifecycle"] = {"stopSignal": "SIGUSR1"}
    if resource != "jobs":  # whose template never changes
        changed = server.ask("PUT", f"{collection(kind)}/x", made.json)
        assert changed.code == 200, changed.json
        assert "lifecycle" not in template_of(resource, changed.json)["spec"]["containers"][0]


def template_of(resource: str, obj: dict[str, Any]) -> dict[str, Any]:
    """The template of Pods in an object."""
    for key in strategy.TEMPLATES[resource]:
        obj = obj[key]
    return obj


def test_a_comparing_toleration_is_refused(server: Server) -> None:
    """TaintTolerationComparisonOperators is off in v1.36."""
    refused = server.ask("POST", PODS, pod(tolerations=[{"key": "k", "operator": "Gt", "value": "5"}]))
    assert refused.code == 422
    assert (
        'tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists"'
        in (refused.json["message"])
    )


def test_null_in_the_data_of_a_secret_is_an_empty_value(server: Server) -> None:
    made = server.ask(
        "POST", f"{CORE}/secrets", {"metadata": {"name": "s"}, "data": {"a": None, "b": "Yg=="}}
    )
    assert (made.code, made.json["data"]) == (201, {"a": "", "b": "Yg=="})


def test_there_are_no_webhooks_and_none_can_be_made(server: Server) -> None:
    for kind in (k for k in kinds().values() if k.empty):
        found = server.ask("GET", collection(kind))
        assert (found.code, found.json["kind"], found.json["items"]) == (200, f"{kind.kind}List", [])
        assert server.ask("POST", collection(kind), body_of(kind)).code == 405
        assert kind.verbs == ("get", "list", "watch")


def test_version_2_of_openapi_is_a_valid_document_in_both_forms(server: Server) -> None:
    """Without it kubectl advises to switch validation off, where it should say "no matches for kind"."""
    plain = server.ask("GET", "/openapi/v2").json
    assert (plain["swagger"], plain["info"]["version"]) == ("2.0", "v1.36.3")
    asked = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    found = server.ask("GET", "/openapi/v2", headers={"accept": asked})
    assert found.header("content-type") == [asked]
    assert found.body == b"\x0a\x032.0" + b"\x12\x15" + b"\x0a\x0aKubernetes" + b"\x12\x07v1.36.3"


def test_a_lease_can_be_taken_and_renewed(server: Server) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    spec = {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}
    made = server.ask("POST", path, {"metadata": {"name": "leader"}, "spec": spec}).json
    assert made["spec"] == spec
    renewed = {**made, "spec": {**spec, "holderIdentity": "you"}}
    assert server.ask("PUT", f"{path}/leader", renewed).json["spec"]["holderIdentity"] == "you"
    assert server.ask("PUT", f"{path}/leader", renewed).code == 409
    none = {**made, "metadata": {"name": "none"}, "spec": {"leaseDurationSeconds": 0}}
    assert server.ask("POST", path, none).code == 422
