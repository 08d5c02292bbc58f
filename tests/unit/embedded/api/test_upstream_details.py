"""Details of the API that upstream's end-to-end specs assert."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgi import PODS, Server, pod

SERVICES = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"


@pytest.fixture
def server() -> Server:
    return Server()


def service(name: str = "s", **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, **({"nodePort": spec.pop("nodePort")} if "nodePort" in spec else {})}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": ports, **spec},
    }


@pytest.mark.parametrize("resource", ["services", "pods"])
def test_a_patch_of_the_status_takes_the_metadata_too(server: Server, resource: str) -> None:
    """Annotations and labels as well as the status; the spec stays as it was."""
    path = f"/api/v1/namespaces/default/{resource}"
    made = server.ask("POST", path, pod() if resource == "pods" else service()).json
    name, spec = made["metadata"]["name"], made["spec"]
    body = {"metadata": {"annotations": {"p": "1"}, "labels": {"l": "2"}}, "spec": {"x": 1}, "status": {}}
    patched = server.ask("PATCH", f"{path}/{name}/status", body, kind=MERGE).json

    assert patched["metadata"]["annotations"] == {"p": "1"}
    assert patched["metadata"]["labels"]["l"] == "2"
    assert patched["spec"] == spec


def test_the_status_of_a_deployment_leaves_its_labels(server: Server) -> None:
    """Upstream's strategy keeps the old labels there."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    server.ask("POST", path, {"metadata": {"name": "d", "labels": {"l": "1"}}, "spec": spec})
    body = {"metadata": {"labels": {"l": "2"}, "annotations": {"p": "1"}}, "status": {}}
    patched = server.ask("PATCH", f"{path}/d/status", body, kind=MERGE).json

    assert patched["metadata"]["labels"] == {"l": "1"}
    assert patched["metadata"]["annotations"]["p"] == "1"


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (30123, "provided port is already allocated"),
        (81, "provided port is not in the valid range. The range of valid ports is 30000-32767"),
    ],
)
def test_a_node_port_that_cannot_be_had_is_refused(server: Server, number: int, why: str) -> None:
    """Taken by another Service, or outside of the range."""
    assert server.ask("POST", SERVICES, service("one", type="NodePort", nodePort=30123)).code == 201
    refused = server.ask("POST", SERVICES, service("two", type="NodePort", nodePort=number))

    assert refused.code == 422
    assert refused.json["message"] == (
        f'Service "two" is invalid: spec.ports[0].nodePort: Invalid value: {number}: {why}'
    )
    assert server.ask("GET", f"{SERVICES}/two").code == 404


def test_a_service_keeps_its_own_node_port(server: Server) -> None:
    """An update with the same number is no clash with itself."""
    made = server.ask("POST", SERVICES, service(type="NodePort", nodePort=30123)).json
    made["metadata"]["labels"] = {"a": "b"}
    assert server.ask("PUT", f"{SERVICES}/s", made).code == 200


@pytest.mark.parametrize("kind", ["NodePort", "ClusterIP"])
def test_a_service_that_becomes_a_name_gives_its_addresses_back(server: Server, kind: str) -> None:
    """No cluster IP, families or node port is left."""
    server.ask("POST", SERVICES, service(type=kind))
    body = {"spec": {"type": "ExternalName", "externalName": "example.org"}}
    spec = server.ask("PATCH", f"{SERVICES}/s", body, kind=MERGE).json["spec"]

    assert spec.keys() & {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} == set()
    assert "nodePort" not in spec["ports"][0]


@pytest.mark.parametrize("kind", ["ClusterIP", "LoadBalancer"])
@pytest.mark.parametrize("cleared", ["empty", "null", "left out"])
def test_a_service_that_becomes_a_name_may_clear_its_address(server: Server, kind: str, cleared: str) -> None:
    """The one field that people know is enough: the list of addresses is cleared with it."""
    made = server.ask("POST", SERVICES, service(type=kind)).json
    name = {"type": "ExternalName", "externalName": "a.b"}
    if cleared == "left out":
        made["spec"] = {k: v for k, v in (made["spec"] | name).items() if k != "clusterIP"}
        answer = server.ask("PUT", f"{SERVICES}/s", made)
    else:
        body = {"spec": name | {"clusterIP": "" if cleared == "empty" else None}}
        answer = server.ask("PATCH", f"{SERVICES}/s", body, kind=MERGE)

    assert answer.code == 200, answer.json
    assert answer.json["spec"].keys() & {"clusterIP", "clusterIPs"} == set()


def test_another_address_of_a_service_that_becomes_a_name_is_refused(server: Server) -> None:
    """The client asks for what such a Service cannot have."""
    server.ask("POST", SERVICES, service())
    body = {"spec": {"type": "ExternalName", "externalName": "a.b", "clusterIPs": ["10.96.77.7"]}}
    refused = server.ask("PATCH", f"{SERVICES}/s", body, kind=MERGE)

    assert refused.code == 422
    assert "spec.clusterIPs: Forbidden" in refused.json["message"]


def test_a_service_that_stops_being_a_node_port_gives_it_back(server: Server) -> None:
    """And keeps its cluster IP."""
    made = server.ask("POST", SERVICES, service(type="NodePort")).json
    spec = server.ask("PATCH", f"{SERVICES}/s", {"spec": {"type": "ClusterIP"}}, kind=MERGE).json["spec"]

    assert "nodePort" not in spec["ports"][0]
    assert spec["clusterIP"] == made["spec"]["clusterIP"]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_ports_may_come_and_go_where_node_ports_end(server: Server, kind: str, count: int) -> None:
    """One of two ports goes, or a third comes: no node port is new, so all of them are dropped."""
    ports = [{"name": f"p{n}", "port": 80 + n} for n in range(3)]
    had = server.ask("POST", SERVICES, service() | {"spec": {"type": kind, "ports": ports[:2]}}).json
    changed = {"type": "ClusterIP", "ports": [*had["spec"]["ports"], ports[2]][:count]}
    answer = server.ask("PATCH", f"{SERVICES}/s", {"spec": changed}, kind=MERGE)

    assert answer.code == 200, answer.json
    assert [port["port"] for port in answer.json["spec"]["ports"]] == [80, 81, 82][:count]
    assert not any("nodePort" in port for port in answer.json["spec"]["ports"])


@pytest.mark.parametrize(("number", "code"), [(30999, 200), (31000, 422)])
def test_a_service_whose_traffic_is_no_longer_local_loses_its_health_check(
    server: Server, number: int, code: int
) -> None:
    """The number is dropped if it is the old one; a new number contradicts the policy."""
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30999}
    assert server.ask("POST", SERVICES, service(**local)).json["spec"]["healthCheckNodePort"] == 30999
    changed = {"externalTrafficPolicy": "Cluster", "healthCheckNodePort": number}
    answer = server.ask("PATCH", f"{SERVICES}/s", {"spec": changed}, kind=MERGE)

    assert answer.code == code, answer.json
    left = server.ask("GET", f"{SERVICES}/s").json["spec"]
    assert left.get("healthCheckNodePort") == (None if code == 200 else 30999)


def test_a_new_node_port_of_a_service_that_has_none_is_refused(server: Server) -> None:
    """The client asks for two things that exclude each other."""
    made = server.ask("POST", SERVICES, service(type="NodePort")).json
    number = 30123 if made["spec"]["ports"][0]["nodePort"] != 30123 else 30124
    changed = {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": number}]}
    refused = server.ask("PATCH", f"{SERVICES}/s", {"spec": changed}, kind=MERGE)

    assert refused.code == 422
    assert "spec.ports[0].nodePort: Forbidden" in refused.json["message"]


TANDEM = "Invalid value: 4: can only be modified in tandem with spec.parallelism"


@pytest.mark.parametrize(
    ("mode", "parallelism", "why"),
    [
        ("Indexed", 4, ""),
        ("Indexed", 2, TANDEM),
        ("NonIndexed", 4, "Invalid value: 4: field is immutable"),
    ],
)
def test_an_indexed_job_may_change_its_size(server: Server, mode: str, parallelism: int, why: str) -> None:
    """Both numbers together, and of no other Job."""
    path = "/apis/batch/v1/namespaces/default/jobs"
    template = {"spec": {**pod()["spec"], "restartPolicy": "Never"}}
    spec = {"completions": 2, "parallelism": 2, "completionMode": mode, "template": template}
    made = server.ask("POST", path, {"metadata": {"name": "j"}, "spec": spec})
    assert made.code == 201, made.json
    body = {"spec": {"completions": 4, "parallelism": parallelism}}
    answer = server.ask("PATCH", f"{path}/j", body, kind=MERGE)

    assert answer.code == (422 if why else 200), answer.json
    if why:
        assert answer.json["message"] == f'Job.batch "j" is invalid: spec.completions: {why}'


def test_an_eviction_writes_why_before_it_deletes(server: Server) -> None:
    """A Job's failure policy can tell it from a failure of the Pod itself."""
    body = pod()
    body["spec"]["nodeName"] = "node"
    name = server.ask("POST", PODS, body).json["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    assert server.ask("POST", f"{PODS}/{name}/eviction", eviction).code == 201
    left = server.ask("GET", f"{PODS}/{name}").json

    assert "deletionTimestamp" in left["metadata"]
    (target,) = (c for c in left["status"]["conditions"] if c["type"] == "DisruptionTarget")
    assert (target["status"], target["reason"]) == ("True", "EvictionByEvictionAPI")
    assert target["observedGeneration"] == 1


def test_names_of_sysctls_are_validated(server: Server) -> None:
    """Those that no kernel could have are refused when the Pod is created, all of them at once."""
    body = pod()
    names = ("foo-", "kernel.shmmax", "bar..")
    body["spec"]["securityContext"] = {"sysctls": [{"name": name, "value": "1"} for name in names]}
    refused = server.ask("POST", PODS, body)

    assert refused.code == 422
    fields = [cause["field"] for cause in refused.json["details"]["causes"]]
    assert fields == [f"spec.securityContext.sysctls[{index}].name" for index in (0, 2)]


def test_a_table_of_the_older_version_is_served(server: Server) -> None:
    """``v1beta1`` of the group meta.k8s.io, in the Table and in its rows."""
    server.ask("POST", PODS, pod())
    asked = {"accept": "application/json;as=Table;v=v1beta1;g=meta.k8s.io"}
    table = server.ask("GET", PODS, headers=asked).json

    assert table["apiVersion"] == "meta.k8s.io/v1beta1"
    assert table["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


def test_a_review_cannot_be_a_table(server: Server) -> None:
    """It has no metadata; the refusal names the supported media types."""
    review = {"spec": {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    refused = server.ask(
        "POST", path, review, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    )

    assert refused.code == 406
    assert (
        refused.json["message"]
        == "only the following media types are accepted: application/json, application/yaml"
    )


@pytest.mark.parametrize(
    ("timeout", "why"),
    [
        ("invalid", 'time: invalid duration "invalid"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5d", 'time: unknown unit "d" in duration "5d"'),
        ("1m5", 'time: missing unit in duration "1m5"'),
        ("5s!", 'time: unknown unit "s!" in duration "5s!"'),
    ],
)
def test_a_timeout_that_is_not_a_duration_is_refused(server: Server, timeout: str, why: str) -> None:
    """With Go's words."""
    refused = server.ask("GET", PODS, timeout=timeout)
    assert (refused.code, refused.json["message"]) == (
        400,
        f"invalid timeout specified in the request URL - {why}",
    )


@pytest.mark.parametrize("timeout", ["30s", "1m30s", "0", "1.5h", "-2ms", ".5s"])
def test_a_timeout_that_is_a_duration_is_taken(server: Server, timeout: str) -> None:
    """Several units, fractions, and nothing at all."""
    assert server.ask("GET", PODS, timeout=timeout).code == 200


def test_resource_version_zero_replaces_whatever_is_there(server: Server) -> None:
    """A PUT with "0" is not conditional."""
    made = server.ask("POST", PODS, pod()).json
    made["metadata"] |= {"resourceVersion": "0", "labels": {"a": "b"}}
    assert server.ask("PUT", f"{PODS}/p", made).json["metadata"]["labels"] == {"a": "b"}


def test_strict_decoding_complains_in_the_order_of_the_text(server: Server) -> None:
    """An unknown field before a doubled one is named first."""
    text = (
        b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"q"},"spec":{"unknown":1,"hostname":"a","hostname":"b",'
        b'"other":2,"containers":[{"name":"c","image":"busybox:1.36"}]}}'
    )
    refused = server.ask("POST", PODS, text, fieldValidation="Strict").json["message"]
    complaints = (
        'unknown field "spec.unknown"',
        'duplicate field "spec.hostname"',
        'unknown field "spec.other"',
    )
    assert refused.endswith(f"strict decoding error: {', '.join(complaints)}")


def test_a_replicationcontroller_takes_its_selector_from_its_template(server: Server) -> None:
    """Its labels too; its Scale and its row in a Table show the plain selector."""
    path = "/api/v1/namespaces/default/replicationcontrollers"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    made = server.ask("POST", path, {"metadata": {"name": "r"}, "spec": {"template": template}}).json
    assert (made["spec"]["selector"], made["metadata"]["labels"]) == ({"a": "b"}, {"a": "b"})
    assert (made["spec"]["replicas"], made["status"]) == (1, {"replicas": 0})

    assert server.ask("GET", f"{path}/r/scale").json["status"]["selector"] == "a=b"
    table = server.ask("GET", path, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}).json
    assert table["rows"][0]["cells"][0] == "r"
    assert table["rows"][0]["cells"][-1] == "a=b"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"selector": {"a": "b"}}, "spec.template: Required value"),
        ({"selector": {"a": "c"}, "template": {}}, "`selector` does not match template `labels`"),
        (
            {"template": {"spec": {"restartPolicy": "Never"}}},
            'spec.template.spec.restartPolicy: Unsupported value: "Never"',
        ),
    ],
)
def test_a_replicationcontroller_that_cannot_work_is_refused(
    server: Server, spec: dict[str, Any], why: str
) -> None:
    if "template" in spec:
        inner = {**pod()["spec"], **spec["template"].get("spec", {})}
        spec = {**spec, "template": {"metadata": {"labels": {"a": "b"}}, "spec": inner}}
    path = "/api/v1/namespaces/default/replicationcontrollers"
    refused = server.ask("POST", path, {"metadata": {"name": "r"}, "spec": spec})
    assert refused.code == 422
    assert why in refused.json["message"]


JOBS = "/apis/batch/v1/namespaces/default/jobs"


def a_job(server: Server, *, suspend: bool, **status: Any) -> dict[str, Any]:
    template = {"spec": {**pod()["spec"], "restartPolicy": "Never"}}
    made = server.ask(
        "POST", JOBS, {"metadata": {"name": "j"}, "spec": {"template": template, "suspend": suspend}}
    )
    stored = server.store.get("jobs", "default", "j")
    assert stored is not None
    server.store.update("jobs", {**stored, "status": status})
    found: dict[str, Any] = made.json["spec"]["template"]["spec"]
    return found


RESOURCES = {"containers": [{"name": "app", "resources": {"requests": {"cpu": "5m"}}}]}
SUSPENDED = [{"type": "Suspended", "status": "True"}]


@pytest.mark.parametrize(
    ("suspend", "status", "change", "code"),
    [
        (True, {}, RESOURCES, 200),
        (True, {}, {"nodeSelector": {"a": "b"}}, 200),
        (True, {"startTime": "2026-01-01T00:00:00Z", "conditions": SUSPENDED}, RESOURCES, 200),
        (True, {"startTime": "2026-01-01T00:00:00Z"}, RESOURCES, 422),
        (True, {"active": 1, "startTime": "2026-01-01T00:00:00Z", "conditions": SUSPENDED}, RESOURCES, 422),
        (True, {}, {"containers": [{"name": "app", "image": "other"}]}, 422),
        (True, {}, {"hostname": "other"}, 422),
        (False, {}, RESOURCES, 422),
    ],
)
def test_the_template_of_a_job_at_rest_may_change_in_part(
    server: Server, suspend: bool, status: dict[str, Any], change: dict[str, Any], code: int
) -> None:
    spec = a_job(server, suspend=suspend, **status)
    name = spec["containers"][0]["name"]
    if "containers" in change:
        change = {"containers": [{**change["containers"][0], "name": name}]}
    body = {"spec": {"template": {"spec": change}}}
    patched = server.ask("PATCH", f"{JOBS}/j", body, kind="application/strategic-merge-patch+json")
    assert patched.code == code, patched.json.get("message")


def test_a_status_is_applied_where_it_is_asked_for_alone(server: Server) -> None:
    """Server-side apply of the Pod leaves the status; of its subresource, it merges it."""
    made = server.ask("POST", PODS, pod("p")).json
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    config["status"] = {"conditions": [{"type": "Mine", "status": "True"}]}
    apply = {"kind": "application/apply-patch+yaml", "fieldManager": "m"}

    whole = server.ask("PATCH", f"{PODS}/p", config, **apply).json
    assert "Mine" not in str(whole["status"])
    alone = server.ask("PATCH", f"{PODS}/p/status", config, **apply).json
    assert [one["type"] for one in alone["status"]["conditions"]] == ["Mine"]
    assert (alone["spec"], alone["status"]["phase"]) == (made["spec"], "Pending")
    assert server.ask("PATCH", f"{PODS}/none/status", config, **apply).code == 404


@pytest.mark.parametrize(("policy", "left"), [({}, True), ({"propagationPolicy": "Background"}, False)])
def test_pods_of_a_replicationcontroller_stay_unless_the_client_says_otherwise(
    server: Server, policy: dict[str, str], left: bool
) -> None:
    path = "/api/v1/namespaces/default/replicationcontrollers"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    made = server.ask("POST", path, {"metadata": {"name": "r"}, "spec": {"template": template}}).json
    owner = {"apiVersion": "v1", "kind": "ReplicationController", "name": "r", "uid": made["metadata"]["uid"]}
    body = pod("owned")
    body["metadata"]["ownerReferences"] = [owner]
    server.ask("POST", PODS, body)
    server.ask("DELETE", f"{path}/r", policy)

    meta = server.ask("GET", f"{PODS}/owned").json["metadata"]
    assert (
        "ownerReferences" not in meta
    ) is left  # the garbage collector, which does not run here, takes the other


def test_a_watch_of_tables_has_its_bookmark_as_a_table(server: Server) -> None:
    """Upstream's reflector counts on it to refuse Tables; only the first has column definitions."""
    for name in ("a", "b"):
        server.ask("POST", PODS, pod(name))
    watch = {"watch": "true", "sendInitialEvents": "true", "allowWatchBookmarks": "true"}
    watch |= {"resourceVersionMatch": "NotOlderThan", "timeoutSeconds": "1"}
    headers = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    lines = server.ask("GET", PODS, headers=headers, **watch).body.splitlines()
    first, second, mark = (json.loads(line) for line in lines[:3])

    assert len(first["object"]["columnDefinitions"]) == len(first["object"]["rows"][0]["cells"])
    assert second["object"]["columnDefinitions"] is None
    assert (mark["type"], mark["object"]["kind"]) == ("BOOKMARK", "Table")
    (row,) = mark["object"]["rows"]
    assert row["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert len(row["cells"]) == len(first["object"]["rows"][0]["cells"])


@pytest.mark.parametrize(
    ("reference", "policy"), [("a", "Always"), ("a:latest", "Always"), ("a:1", "IfNotPresent")]
)
def test_an_image_volume_is_pulled_as_a_container_of_that_image_would_be(
    server: Server, reference: str, policy: str
) -> None:
    body = pod(volumes=[{"name": "files", "image": {"reference": reference}}])
    made = server.ask("POST", PODS, body).json
    assert made["spec"]["volumes"][0]["image"] == {"reference": reference, "pullPolicy": policy}


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_the_namespaces_that_everything_needs_cannot_be_deleted(server: Server, name: str) -> None:
    """``kubectl delete ns --all`` took the whole cluster away."""
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    refused = server.ask("DELETE", f"/api/v1/namespaces/{name}")
    assert (refused.code, refused.json["message"]) == (
        403,
        f'namespaces "{name}" is forbidden: this namespace may not be deleted',
    )
    assert "deletionTimestamp" not in server.ask("GET", f"/api/v1/namespaces/{name}").json["metadata"]
