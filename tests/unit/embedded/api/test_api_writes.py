"""Create, update, patch, delete: what is stored and what is answered."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from asgi import PODS, Server, pod

from podlab.embedded.api.http import protobuf
from podlab.embedded.controllers import rollout


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_new_pod_gets_defaults_account_and_status(server: Server) -> None:
    made = server.ask("POST", PODS, pod())
    assert made.code == 201
    spec, status = made.json["spec"], made.json["status"]
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("Always", 30)
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert spec["serviceAccountName"] == "default"
    assert spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == 3607
    assert status == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made.json["metadata"]["generation"] == 1


def test_resources_of_the_whole_pod_make_its_class(server: Server) -> None:
    body = pod()
    amounts = {"cpu": "100m", "memory": "64Mi"}
    body["spec"]["resources"] = {"limits": amounts, "requests": amounts}
    assert server.ask("POST", PODS, body).json["status"]["qosClass"] == "Guaranteed"


def test_the_status_in_a_manifest_is_ignored(server: Server) -> None:
    made = server.ask("POST", PODS, pod() | {"status": {"phase": "Running"}})
    assert made.json["status"]["phase"] == "Pending"


def test_generated_names(server: Server) -> None:
    body = pod()
    body["metadata"] = {"generateName": "a-"}
    names = {server.ask("POST", PODS, body).json["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5
    assert all(name.startswith("a-") and len(name) == 7 for name in names)


def test_dry_run_leaves_nothing(server: Server) -> None:
    before = server.store.revision
    assert server.ask("POST", PODS, pod(), dryRun="All").code == 201
    assert server.store.revision == before


def test_taken_and_missing(server: Server) -> None:
    server.ask("POST", PODS, pod())
    again = server.ask("POST", PODS, pod())
    assert (again.code, again.json["message"]) == (409, 'pods "p" already exists')
    missing = server.ask("GET", PODS + "/q")
    assert missing.json["details"] == {"name": "q", "kind": "pods"}
    assert missing.json["message"] == 'pods "q" not found'


def test_a_namespace_that_ends_takes_nothing_new(server: Server) -> None:
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "ending"}})
    server.ask("DELETE", "/api/v1/namespaces/ending")
    refused = server.ask("POST", "/api/v1/namespaces/ending/pods", pod())
    assert refused.code == 403
    assert refused.json["message"] == (
        'pods "p" is forbidden: unable to create new content in namespace ending because it is being terminated'
    )


def test_field_validation_warns_refuses_or_keeps_still(server: Server) -> None:
    body = pod(colour="blue")
    strict = server.ask("POST", PODS, body, fieldValidation="Strict")
    assert strict.code == 400
    assert strict.json["message"].endswith('strict decoding error: unknown field "spec.colour"')
    warned = server.ask("POST", PODS, body, fieldValidation="Warn")
    assert warned.code == 201
    assert warned.header("warning") == ['299 - "unknown field \\"spec.colour\\""']
    assert "colour" not in warned.json["spec"]
    body["metadata"] = {"name": "q"}
    assert server.ask("POST", PODS, body, fieldValidation="Ignore").header("warning") == []


def test_a_duplicate_key_is_named(server: Server) -> None:
    text = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","name":"q"},"spec":{"containers":[]}}'
    refused = server.ask("POST", PODS, text, fieldValidation="Strict")
    assert 'duplicate field "metadata.name"' in refused.json["message"]


def test_update_conflicts_and_no_op(server: Server) -> None:
    made = server.ask("POST", PODS, pod()).json
    same = server.ask("PUT", PODS + "/p", made)
    assert same.json["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    made["metadata"]["labels"] = {"a": "b"}
    changed = server.ask("PUT", PODS + "/p", made)
    assert changed.json["metadata"]["generation"] == 1
    stale = server.ask("PUT", PODS + "/p", made | {"metadata": made["metadata"] | {"labels": {"a": "c"}}})
    assert (stale.code, stale.json["reason"]) == (409, "Conflict")
    assert stale.json["message"].startswith(
        'Operation cannot be fulfilled on pods "p": the object has been modified'
    )


def test_an_image_may_change_and_nothing_else(server: Server) -> None:
    made = server.ask("POST", PODS, pod()).json
    made["spec"]["containers"][0]["image"] = "busybox:1.37"
    changed = server.ask("PUT", PODS + "/p", made)
    assert (changed.code, changed.json["metadata"]["generation"]) == (200, 2)
    changed.json["spec"]["hostNetwork"] = True
    refused = server.ask(
        "PUT", PODS + "/p", changed.json | {"spec": changed.json["spec"] | {"hostNetwork": True}}
    )
    assert refused.code == 422
    assert (
        "pod updates may not change fields other than `spec.containers[*].image`" in refused.json["message"]
    )


def test_status_and_spec_keep_apart(server: Server) -> None:
    """A write of the status takes the metadata too, as upstream's podStatusStrategy does, and leaves the spec."""
    made = server.ask("POST", PODS, pod()).json
    both = made | {"status": {"phase": "Running"}, "metadata": made["metadata"] | {"labels": {"a": "b"}}}
    both["spec"] = made["spec"] | {"hostname": "other"}
    shown = server.ask("PUT", PODS + "/p/status", both).json
    assert (shown["status"]["phase"], shown["metadata"].get("labels")) == ("Running", {"a": "b"})
    assert shown["status"]["qosClass"] == made["status"]["qosClass"]
    assert "hostname" not in shown["spec"]


@pytest.mark.parametrize(
    ("kind", "body", "labels"),
    [
        ("application/merge-patch+json", {"metadata": {"labels": {"a": None, "c": "d"}}}, {"c": "d"}),
        (
            "application/strategic-merge-patch+json",
            {"metadata": {"labels": {"c": "d"}}},
            {"a": "b", "c": "d"},
        ),
        (
            "application/json-patch+json",
            [{"op": "add", "path": "/metadata/labels/c", "value": "d"}],
            {"a": "b", "c": "d"},
        ),
    ],
)
def test_patches(server: Server, kind: str, body: Any, labels: dict[str, str]) -> None:
    made = pod()
    made["metadata"]["labels"] = {"a": "b"}
    server.ask("POST", PODS, made)
    assert server.ask("PATCH", PODS + "/p", body, kind=kind).json["metadata"]["labels"] == labels


def test_strategic_merge_finds_containers_by_name(server: Server) -> None:
    server.ask("POST", PODS, pod(containers=[{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]))
    body = {"spec": {"containers": [{"name": "b", "image": "y:2"}]}}
    changed = server.ask("PATCH", PODS + "/p", body, kind="application/strategic-merge-patch+json")
    assert [c["image"] for c in changed.json["spec"]["containers"]] == ["x:1", "y:2"]


def test_patch_refusals(server: Server) -> None:
    server.ask("POST", PODS, pod())
    assert server.ask("PATCH", PODS + "/p", {}, kind="text/plain").code == 415
    failed = [{"op": "test", "path": "/metadata/name", "value": "q"}]
    assert server.ask("PATCH", PODS + "/p", failed, kind="application/json-patch+json").code == 422


def test_delete_waits_for_the_kubelet_of_a_bound_pod(server: Server) -> None:
    server.ask("POST", PODS, pod())
    bound = server.ask("POST", PODS + "/p/binding", {"target": {"name": "node"}})
    assert bound.code == 201
    deleted = server.ask("DELETE", PODS + "/p", {"gracePeriodSeconds": 7})
    assert deleted.json["metadata"]["deletionGracePeriodSeconds"] == 7
    assert deleted.json["metadata"]["generation"] == 2
    assert server.ask("GET", PODS + "/p").code == 200
    assert server.ask("DELETE", PODS + "/p", {"gracePeriodSeconds": 0}).code == 200
    assert server.ask("GET", PODS + "/p").code == 404


@pytest.mark.parametrize("body", [[], "x", {"metadata": "p"}, {"target": ["node"]}])
def test_a_binding_of_another_shape_is_refused(server: Server, body: Any) -> None:
    """It was an internal error; found by fuzzing a running cluster, seed 7."""
    refused = server.ask("POST", PODS + "/p/binding", body)
    assert (refused.code, refused.json["reason"]) == (400, "BadRequest")


DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def deployment(name: str) -> dict[str, Any]:
    """A small one."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"spec": []}, 'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal array into Go '
                       "struct field Scale.spec of type v1.ScaleSpec"),
        ({"spec": {"replicas": 2**70}}, 'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal '
                                        f"number {2**70} into Go struct field ScaleSpec.spec.replicas of type int32"),
        ({"spec": {"replicas": -1}},
         'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'),
        ({"metadata": {"name": "e"}}, "the name of the object (e) does not match the name on the URL (d)"),
    ],
)  # fmt: skip
def test_a_scale_that_is_none_is_refused(server: Server, body: Any, message: str) -> None:
    """Of a bad shape it was an internal error; 2 to the 70 replicas were accepted."""
    server.ask("POST", DEPLOYMENTS, deployment("d"))
    assert server.ask("PUT", DEPLOYMENTS + "/d/scale", body).json["message"] == message


def test_a_scale_has_columns_of_its_own(server: Server) -> None:
    server.ask("POST", DEPLOYMENTS, deployment("d"))
    headers = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    table = server.ask("GET", DEPLOYMENTS + "/d/scale", headers=headers).json
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert table["rows"][0]["cells"][:3] == ["d", 1, 0]


def test_a_token_lasts_at_most_2_to_the_32_seconds(server: Server) -> None:
    """Beyond what a date can say it was an internal error."""
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    refused = server.ask("POST", path, {"spec": {"expirationSeconds": 2**62}})
    assert refused.json["message"].endswith("may not specify a duration larger than 2^32 seconds")


def test_a_second_binding_is_refused(server: Server) -> None:
    server.ask("POST", PODS, pod())
    server.ask("POST", PODS + "/p/binding", {"target": {"name": "node"}})
    assert server.ask("POST", PODS + "/p/binding", {"target": {"name": "other"}}).code == 409


def test_preconditions_and_finalizers(server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c", "finalizers": ["x.io/hold"]}}
    server.ask("POST", path, body)
    assert server.ask("DELETE", path + "/c", {"preconditions": {"uid": "other"}}).code == 409
    held = server.ask("DELETE", path + "/c")
    assert held.json["metadata"]["deletionTimestamp"]
    kind = "application/merge-patch+json"
    server.ask("PATCH", path + "/c", {"metadata": {"finalizers": None}}, kind=kind)
    assert server.ask("GET", path + "/c").code == 404


def test_orphans_stay_and_lose_their_owner(server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    owner = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "owner"}}
    uid = server.ask("POST", path, owner).json["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    child = {**owner, "metadata": {"name": "child", "ownerReferences": [reference]}}
    server.ask("POST", path, child)
    assert server.ask("DELETE", path + "/owner", {"propagationPolicy": "Orphan"}).code == 200
    assert server.ask("GET", path + "/owner").code == 404
    assert "ownerReferences" not in server.ask("GET", path + "/child").json["metadata"]


@pytest.mark.parametrize(
    ("body", "stays"),
    [(None, True), ({"propagationPolicy": "Background"}, False), ({"orphanDependents": False}, False)],
)
def test_a_job_deleted_without_a_word_leaves_its_pods(
    server: Server, body: dict[str, str | bool] | None, stays: bool
) -> None:
    """What clients get that name no policy; kubectl names one."""
    container = {"name": "app", "image": "busybox:1.36"}
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "batch"}, "spec": spec}
    uid = server.ask("POST", "/apis/batch/v1/namespaces/default/jobs", job).json["metadata"]["uid"]
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "batch", "uid": uid}
    child = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "ownerReferences": [reference]},
    }
    path = "/api/v1/namespaces/default/configmaps"
    server.ask("POST", path, child)

    assert server.ask("DELETE", "/apis/batch/v1/namespaces/default/jobs/batch", body).code == 200
    assert ("ownerReferences" not in server.ask("GET", path + "/c").json["metadata"]) is stays


def test_a_new_daemonset_has_the_numbers_that_typed_clients_need(server: Server) -> None:
    """The kubernetes package refuses a DaemonSet without them, in the answer to its own POST."""
    template = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "app", "image": "busybox:1.36"}]},
    }
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "a"}, "spec": spec}

    made = server.ask("POST", "/apis/apps/v1/namespaces/default/daemonsets", body).json

    assert set(made["status"].values()) == {0}
    assert {"currentNumberScheduled", "numberReady", "desiredNumberScheduled"} < set(made["status"])


def test_namespaces_are_never_deleted_all_at_once(server: Server) -> None:
    assert server.ask("DELETE", "/api/v1/namespaces").code == 405
    assert server.store.get("namespaces", "", "default") is not None


def test_a_dry_deletion_leaves_the_object(server: Server) -> None:
    server.ask("POST", PODS, pod())
    assert server.ask("DELETE", PODS + "/p", dryRun="All").code == 200
    assert server.ask("GET", PODS + "/p").code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "code", "message"),
    [
        ("POST", PODS, b"{bad", "application/json", 400,
         "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: "
         "invalid character 'b' looking for beginning of object key string ({bad)"),
        ("POST", PODS, b"a: b: c", "application/yaml", 400,
         "the object provided is unrecognized (must be of type Pod): yaml: mapping values are not allowed in this "
         "context (613a20623a2063)"),
        ("PATCH", PODS + "/p", [1], "application/merge-patch+json", 400,
         "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("PATCH", PODS + "/p", {"metadata": {"uid": "x"}}, "application/merge-patch+json", 422,
         'Pod "p" is invalid: metadata.uid: Invalid value: "x": field is immutable'),
        ("DELETE", PODS + "/p", {"propagationPolicy": "Magic"}, "application/json", 422,
         'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Magic": supported values: '
         '"Foreground", "Background", "Orphan", "nil"'),
        ("DELETE", PODS + "/p", {"gracePeriodSeconds": "x"}, "application/json", 400,
         "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"),
        ("GET", PODS + "/p/log?", None, "", 204, ""),
        ("GET", PODS + "/p/exec", None, "", 400, "pod p does not have a host assigned"),
    ],
)  # fmt: skip
def test_odd_requests_get_the_words_of_a_real_server(
    server: Server, method: str, path: str, body: Any, kind: str, code: int, message: str
) -> None:
    """Seen on a real v1.36.3 server, request by request."""
    server.ask("POST", PODS, pod())
    found = server.ask(method, path.rstrip("?"), body, kind=kind)
    assert found.code == code
    assert not message or found.json["message"] == message


def test_delete_collection_obeys_selectors(server: Server) -> None:
    for name in ("a", "b"):
        body = pod(name)
        body["metadata"]["labels"] = {"name": name}
        server.ask("POST", PODS, body)
    gone = server.ask("DELETE", PODS, labelSelector="name=a")
    assert [item["metadata"]["name"] for item in gone.json["items"]] == ["a"]
    assert server.ask("GET", PODS + "/b").code == 200


def test_services_get_addresses_of_their_own(server: Server) -> None:
    path = "/api/v1/namespaces/default/services"
    body = {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"generateName": "s-"},
        "spec": {"ports": [{"port": 80}]},
    }
    made = [server.ask("POST", path, body).json["spec"] for _ in range(3)]
    assert len({spec["clusterIP"] for spec in made}) == 3
    assert made[0]["ports"][0] == {"port": 80, "protocol": "TCP", "targetPort": 80}
    headless = server.ask("POST", path, body | {"spec": {"clusterIP": "None"}}).json
    assert headless["spec"]["clusterIPs"] == ["None"]


def test_secrets_take_plain_text(server: Server) -> None:
    path = "/api/v1/namespaces/default/secrets"
    body = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    made = server.ask("POST", path, body).json
    assert made["data"] == {"a": base64.b64encode(b"b").decode()}
    assert made["type"] == "Opaque"


def test_server_side_apply_says_what_it_does_not_do(server: Server) -> None:
    kind = "application/apply-patch+yaml"
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
    path = "/api/v1/namespaces/default/configmaps/c"
    made = server.ask("PATCH", path, text, kind=kind, fieldManager="me")
    assert made.code == 201
    assert [entry["manager"] for entry in made.json["metadata"]["managedFields"]] == ["me"]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({1: 1_700_000_000, 2: 5_000}, "2023-11-14T22:13:20.000005Z"),
        ({1: 0, 2: 0}, "1970-01-01T00:00:00.000000Z"),
        ({1: 2**64 - 62_135_596_798, 2: 0}, "0001-01-01T00:00:02.000000Z"),  # of upstream's spec on Leases
        ({}, None),  # Go's zero time
        ({1: 2**62, 2: 0}, None),
    ],
)
def test_protobuf_instants_are_those_of_all_years(parts: dict[int, int], text: str | None) -> None:
    """What is before 1970 is a negative number, and was dropped."""
    assert protobuf._LEAVES["microtime"](parts) == text


def test_protobuf_bodies_are_read() -> None:
    def text(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    data = text(2, text(1, b"key") + text(2, b"value"))
    raw = text(1, text(1, b"from-protobuf")) + data
    envelope = b"k8s\x00" + text(1, text(1, b"v1") + text(2, b"ConfigMap")) + text(2, raw)
    made = Server().ask(
        "POST", "/api/v1/namespaces/default/configmaps", envelope, kind="application/vnd.kubernetes.protobuf"
    )
    assert made.code == 201
    assert made.json["data"] == {"key": "value"}


STRATEGIC = "application/strategic-merge-patch+json"


def resize(server: Server, **resources: Any) -> Any:
    """The answer to a resize of the one container."""
    body = {"spec": {"containers": [{"name": "c", "resources": resources}]}}
    return server.ask("PATCH", PODS + "/p/resize", body, kind=STRATEGIC)


@pytest.fixture
def burstable(server: Server) -> Server:
    """A Pod that asks for CPU."""
    body = pod()
    body["spec"]["containers"][0] |= {
        "name": "c",
        "resources": {"requests": {"cpu": "50m", "memory": "16Mi"}},
    }
    server.ask("POST", PODS, body)
    return server


def test_a_resize_changes_resources_alone(burstable: Server) -> None:
    answer = resize(burstable, requests={"cpu": "60m"})
    assert answer.code == 200
    assert answer.json["metadata"]["generation"] == 2
    assert answer.json["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "60m", "memory": "16Mi"}}

    body = {"spec": {"containers": [{"name": "c", "image": "other:1"}]}}
    ignored = burstable.ask("PATCH", PODS + "/p/resize", body, kind=STRATEGIC)
    assert ignored.code == 200
    assert ignored.json["spec"]["containers"][0]["image"] != "other:1"
    assert ignored.json["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        (
            {"limits": {"cpu": "50m", "memory": "16Mi"}},
            'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
        ),
        (
            {"requests": {"memory": None}},
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
        ),
        (
            {"requests": {"ephemeral-storage": "1Gi"}},
            "spec: Forbidden: only cpu and memory resources are mutable",
        ),
        (
            {"limits": {"cpu": "10m"}},
            'spec.containers[0].resources.requests: Invalid value: "50m": '
            "must be less than or equal to cpu limit of 10m",
        ),
    ],
)
def test_a_resize_that_may_not_be_is_refused(burstable: Server, resources: Any, text: str) -> None:
    answer = resize(burstable, **resources)
    assert (answer.code, answer.json["message"]) == (422, f'Pod "p" is invalid: {text}')


@pytest.mark.parametrize("sub", ["resize", "ephemeralcontainers"])
def test_what_others_write_while_a_body_is_awaited_stays(burstable: Server, sub: str) -> None:
    """A kubelet tells of a Pod at any time; a change of its resources must not take that back."""
    store = burstable.store

    def tell() -> None:
        found = store.get("pods", "default", "p")
        assert found is not None
        store.update("pods", {**found, "status": {**found["status"], "phase": "Running"}})

    debugger = {"name": "d", "image": "busybox:1.36"}
    body = {"spec": {"ephemeralContainers": [debugger]}}
    if sub == "resize":
        body = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "60m"}}}]}}
    answer = burstable.ask("PATCH", f"{PODS}/p/{sub}", body, kind=STRATEGIC, meanwhile=tell)
    assert (answer.code, answer.json["status"]["phase"]) == (200, "Running")


def test_a_debugger_can_be_tried_without_being_added(burstable: Server) -> None:
    """``kubectl patch --subresource=ephemeralcontainers --dry-run=server``."""
    body = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox:1.36"}]}}
    path, before = PODS + "/p/ephemeralcontainers", burstable.store.revision
    assert burstable.ask("PATCH", path, body, kind=STRATEGIC, dryRun="All").code == 200
    assert burstable.store.revision == before
    stale = {**body, "metadata": {"resourceVersion": "1"}}
    assert burstable.ask("PATCH", path, stale, kind=STRATEGIC).code == 409


def test_a_resize_beyond_the_node_is_refused_at_once(burstable: Server) -> None:
    """By what all of the node is; what it has left is for its kubelet to say."""
    node = {"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}}
    burstable.store.create("nodes", {"apiVersion": "v1", "kind": "Node", **node})
    bind = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}
    assert burstable.ask("POST", PODS + "/p/binding", bind).code == 201

    answer = resize(burstable, requests={"cpu": "500", "memory": "2Gi"})

    why = "cpu, requested: 500000, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824"
    text = f'pods "p" is forbidden: node didn\'t have enough allocatable resources: {why}'
    assert (answer.code, answer.json["message"]) == (403, text)
    assert resize(burstable, requests={"cpu": "2"}).code == 200


def test_a_resize_adds_no_container(burstable: Server) -> None:
    body = {"spec": {"containers": [{"name": "more", "image": "busybox:1.36"}]}}
    answer = burstable.ask("PATCH", PODS + "/p/resize", body, kind=STRATEGIC)
    text = "spec.containers: Forbidden: containers may not be added or removed on resize"
    assert (answer.code, answer.json["message"]) == (422, f'Pod "p" is invalid: {text}')


@pytest.mark.parametrize(
    ("container", "text"),
    [
        ({"name": "c"}, 'spec.ephemeralContainers[0].name: Duplicate value: "c"'),
        (
            {"name": "d", "targetContainerName": "no"},
            'spec.ephemeralContainers[0].targetContainerName: Not found: "no"',
        ),
        (
            {"name": "d", "livenessProbe": {"exec": {"command": ["true"]}}},
            "spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container",
        ),
        ({"name": "d", "image": ""}, "spec.ephemeralContainers[0].image: Required value"),
    ],
)
def test_an_ephemeral_container_that_may_not_be_is_refused(
    burstable: Server, container: Any, text: str
) -> None:
    body = {"spec": {"ephemeralContainers": [{"image": "busybox:1.36", **container}]}}
    answer = burstable.ask("PATCH", PODS + "/p/ephemeralcontainers", body, kind=STRATEGIC)
    assert (answer.code, answer.json["message"]) == (422, f'Pod "p" is invalid: {text}')


def test_an_ephemeral_container_stays_as_it_is(burstable: Server) -> None:
    def ask(**fields: Any) -> Any:
        body = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox:1.36", **fields}]}}
        return burstable.ask("PATCH", PODS + "/p/ephemeralcontainers", body, kind=STRATEGIC)

    assert ask(targetContainerName="c").code == 200
    changed = ask(image="other:1")
    assert changed.code == 422
    assert 'existing ephemeral containers "d" may not be changed' in changed.json["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {}}, "metadata.name: Required value: name or generateName is required"),
        ({"eventTime": None}, "eventTime: Required value"),
        ({"type": "Odd"}, 'type: Invalid value: "": has invalid value: Odd'),
        ({"deprecatedCount": 2}, 'count: Invalid value: "": needs to be unset'),
        ({"reportingInstance": ""}, "reportingInstance: Required value"),
        ({"reason": "r" * 129}, 'reason: Invalid value: "": can have at most 128 characters'),
    ],
)
def test_a_new_event_of_the_new_group_is_asked_for_more(server: Server, change: Any, message: str) -> None:
    """One without a name was answered with an internal error."""
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    good = {
        "metadata": {"name": "e"},
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "type": "Normal",
        "reason": "Seen",
        "action": "Look",
        "reportingController": "example.com/looker",
        "reportingInstance": "looker-1",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
    }
    refused = server.ask("POST", path, {**good, **change})
    assert refused.code == 422, refused.body
    assert message in refused.json["message"]
    assert server.ask("POST", path, good).code == 201


PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)


@pytest.mark.parametrize(
    ("rolling", "faults"),
    [
        ({"maxSurge": "3%", "maxUnavailable": 0}, []),
        ({"maxSurge": "9" * 5000 + "%"}, []),
        ({"maxSurge": "true"}, [f'maxSurge: Invalid value: "true": {PERCENT}']),
        ({"maxUnavailable": -1}, ["maxUnavailable: Invalid value: -1: must be greater than or equal to 0"]),
        ({"maxUnavailable": "101%"}, ['maxUnavailable: Invalid value: "101%": must not be greater than 100%']),
        ({"maxSurge": "0%", "maxUnavailable": 0},
         ["maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"]),
    ],
)  # fmt: skip
def test_how_far_a_rollout_may_go_is_a_number_or_a_percentage(
    server: Server, rolling: Any, faults: list[str]
) -> None:
    """Another text was stored, and its Deployment's controller failed for ever; found by fuzzing, seed 5."""
    made = deployment("d")
    made["spec"]["strategy"] = {"rollingUpdate": rolling}
    answer = server.ask("POST", DEPLOYMENTS, made)
    causes = answer.json.get("details", {}).get("causes", [])
    where = "spec.strategy.rollingUpdate."
    assert [f"{c['field']}: {c['message']}".removeprefix(where) for c in causes] == faults
    assert rollout.bounds(4, rolling.get("maxSurge", 1) if not faults else 1, 0).surge >= 1


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
        ({"runtimeClassName": "none"}, 'pod rejected: RuntimeClass "none" not found'),
    ],
)
def test_a_class_that_is_not_there_refuses_the_pod(server: Server, spec: Any, why: str) -> None:
    answer = server.ask("POST", PODS, pod(**spec))
    assert (answer.code, answer.json["message"]) == (403, f'pods "p" is forbidden: {why}')
    made = server.ask("POST", PODS, pod(priorityClassName="system-node-critical"))
    assert made.json["spec"]["priority"] == 2_000_001_000
