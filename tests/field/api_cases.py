"""Details of the API server (A28), refused requests, fields of switched-off features, server-side apply."""

from __future__ import annotations

import json

from field_place import MERGE, Place, case, pod_spec, template

HTML = {"Accept": "text/html"}
TABLE = "application/json;as=Table;v={};g=meta.k8s.io"
APPLY = {"Content-Type": "application/apply-patch+yaml"}


@case("API")
def protobuf_or_an_older_table_is_answered(at: Place) -> None:
    at.make("ConfigMap", "c")
    for version in ("v1", "v1beta1"):
        answer = at.ask("GET", "configmaps", headers={"Accept": TABLE.format(version)})
        assert (answer.code, answer.json()["kind"], answer.json()["apiVersion"]) == (
            200,
            "Table",
            f"meta.k8s.io/{version}",
        )
    answer = at.ask("GET", "configmaps", headers={"Accept": "application/vnd.kubernetes.protobuf"})
    assert answer.code == 406
    offered = answer.text.split("only the following media types are accepted", 1)[1]
    assert "application/vnd.kubernetes.protobuf" not in offered, "it lists the type that it refuses"


@case("API")
def a_review_as_a_table_is_refused(at: Place) -> None:
    body = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = at.ask("POST", path, body, {"Accept": TABLE.format("v1")})
    assert answer.code == 406, answer


@case("API", sibling_of="a review as a table is refused")
def no_kind_of_answer_makes_an_internal_error(at: Place) -> None:
    bodies = {
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {
            "spec": {"resourceAttributes": {"verb": "get"}}
        },
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": {"spec": {"namespace": "default"}},
        "/apis/authorization.k8s.io/v1/subjectaccessreviews": {
            "spec": {"user": "x", "resourceAttributes": {"verb": "get"}}
        },
        "/apis/authentication.k8s.io/v1/tokenreviews": {"spec": {"token": "x"}},
        "/apis/authentication.k8s.io/v1/selfsubjectreviews": {},
        "serviceaccounts/default/token": {"spec": {}},
    }
    for accept in ("application/json", TABLE.format("v1"), TABLE.format("v1beta1"), "application/yaml", "text/html",
                   "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "*/*", ""):  # fmt: skip
        for path, body in bodies.items():
            answer = at.ask("POST", path, body, {"Accept": accept})
            assert answer.code in (200, 201, 406), (accept, path, answer)


@case("API")
def a_time_limit_that_cannot_be_read_is_refused(at: Place) -> None:
    assert at.ask("GET", "pods?timeout=invalid").code == 400
    assert at.ask("GET", "pods?timeout=10s").code == 200


@case("API", sibling_of="a time limit that cannot be read is refused")
def numbers_of_a_list_that_cannot_be_read_are_refused(at: Place) -> None:
    for query in ("limit=many", "timeoutSeconds=long", "fieldSelector=a", "labelSelector=a%3D%3D%3Db", "continue=zzz",
                  "resourceVersion=old", "resourceVersionMatch=Odd&resourceVersion=1"):  # fmt: skip
        assert at.ask("GET", f"pods?{query}").code in (400, 410, 422), query


@case("API")
def strict_decoding_names_all_odd_fields(at: Place) -> None:
    body = b'{"metadata":{"name":"c"},"data":{},"data":{},"colour":"red"}'
    answer = at.ask("POST", "configmaps?fieldValidation=Strict", body)
    assert answer.code == 400
    assert 'strict decoding error: duplicate field "data", unknown field "colour"' in answer.json()["message"]


@case("API")
def a_write_with_resource_version_zero_is_unconditional(at: Place) -> None:
    at.make("ConfigMap", "c", data={"a": "1"})
    body = {"metadata": {"name": "c", "resourceVersion": "0"}, "data": {"a": "2"}}
    assert at.ask("PUT", "configmaps/c", body).code == 200
    assert at.get("configmaps/c")["data"] == {"a": "2"}


@case("API", sibling_of="a write with resource version zero is unconditional")
def a_write_with_an_old_resource_version_is_a_conflict(at: Place) -> None:
    old = at.make("ConfigMap", "c", data={"a": "1"})
    at.patch("configmaps/c", {"data": {"a": "2"}})
    answer = at.ask("PUT", "configmaps/c", old)
    assert answer.code == 409
    assert (
        "the object has been modified; please apply your changes to the latest version and try again"
        in answer.text
    )
    patch = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "data": {"a": "3"}}
    assert at.ask("PATCH", "configmaps/c", patch, {"Content-Type": MERGE}).code == 409


@case("API")
def discovery_is_given_in_one_answer(at: Place) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    groups = {row["metadata"].get("name", "") for path in ("/api", "/apis") for row in
              at.ask("GET", path, headers={"Accept": accept}).json()["items"]}  # fmt: skip
    assert {"", "apps", "batch", "rbac.authorization.k8s.io"} <= groups


@case("API")
def a_kind_that_is_not_served_is_named_by_kubectl_and_podlab(at: Place) -> None:
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {},
    }
    done = at.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    assert 'no matches for kind "HorizontalPodAutoscaler" in version "autoscaling/v2"' in done.stderr
    assert at.ask("GET", "/openapi/v2").code == 200


@case("API", sibling_of="a kind that is not served is named by kubectl and podlab")
def podlab_apply_asks_before_it_creates_anything(at: Place) -> None:
    good = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "first"}}
    odd = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"}, "spec": {}}
    path = at.folder / f"{at.namespace}.yaml"
    path.write_text(json.dumps(good) + "\n---\n" + json.dumps(odd))
    done = at.podlab("apply", str(path), "--cluster", at.cluster.name, "--namespace", at.namespace)
    assert done.returncode != 0
    assert "Ingress" in done.stderr + done.stdout
    assert at.find("configmaps/first") is None


@case("API")
def a_refused_request_writes_nothing(at: Place) -> None:
    assert at.ask("POST", "pods", {"metadata": {"name": "p"}, "spec": pod_spec()}, HTML).code == 406
    assert at.find("pods/p") is None


@case("API", sibling_of="a refused request writes nothing")
def no_verb_writes_when_its_answer_is_refused(at: Place) -> None:
    at.make("ConfigMap", "c", data={"a": "1"})
    at.make("Deployment", "d", {"replicas": 0, **template("d")})
    at.pod("p")
    at.running("p")
    bad = ({"Accept": "text/html"}, {"Accept": "application/xml"}, {"Accept": "image/png"})
    for accept in bad:
        tries = (
            ("PUT", "configmaps/c", {"metadata": {"name": "c"}, "data": {"a": "2"}}, {}),
            ("PATCH", "configmaps/c", {"data": {"a": "3"}}, {"Content-Type": MERGE}),
            (
                "PATCH",
                "configmaps/n?fieldManager=m",
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n"}},
                APPLY,
            ),
            ("DELETE", "configmaps/c", None, {}),
            ("DELETE", "configmaps?labelSelector=none=none", None, {}),
            ("PUT", "deployments/d/scale", {"metadata": {"name": "d"}, "spec": {"replicas": 3}}, {}),
            ("POST", "pods/p/eviction", {"metadata": {"name": "p"}}, {}),
            ("POST", "serviceaccounts/default/token", {"spec": {}}, {}),
            ("DELETE", "pods/p", None, {}),
        )
        for verb, path, body, more in tries:
            assert at.ask(verb, path, body, {**more, **accept}).code == 406, (verb, path, accept)
    assert at.get("configmaps/c")["data"] == {"a": "1"}
    assert at.find("configmaps/n") is None
    assert at.get("deployments/d")["spec"]["replicas"] == 0
    assert not at.get("pods/p")["metadata"].get("deletionTimestamp")


@case("API", sibling_of="a refused request writes nothing")
def a_write_in_a_content_type_that_nobody_reads_changes_nothing(at: Place) -> None:
    at.make("ConfigMap", "c", data={"a": "1"})
    for verb, path, kind in (("POST", "configmaps", "text/plain"), ("PUT", "configmaps/c", "application/xml"),
                             ("PATCH", "configmaps/c", "application/json"),
                             ("PATCH", "configmaps/c", "text/csv")):  # fmt: skip
        answer = at.ask(verb, path, {"metadata": {"name": "c"}, "data": {"a": "9"}}, {"Content-Type": kind})
        assert answer.code == 415, (verb, kind, answer)
    assert at.get("configmaps/c")["data"] == {"a": "1"}


@case("API", sibling_of="a refused request writes nothing")
def a_dry_run_writes_nothing(at: Place) -> None:
    at.make("ConfigMap", "c", data={"a": "1"})
    for verb, path, body, more in (
        ("POST", "configmaps?dryRun=All", {"metadata": {"name": "new"}}, {}),
        ("PUT", "configmaps/c?dryRun=All", {"metadata": {"name": "c"}, "data": {"a": "2"}}, {}),
        ("PATCH", "configmaps/c?dryRun=All", {"data": {"a": "2"}}, {"Content-Type": MERGE}),
        ("DELETE", "configmaps/c?dryRun=All", None, {}),
        ("DELETE", "configmaps?dryRun=All", None, {}),
    ):
        assert at.ask(verb, path, body, more).code in (200, 201), (verb, path)
    assert at.ask("POST", "configmaps?dryRun=Some", {"metadata": {"name": "new"}}).code in (400, 422)
    assert at.find("configmaps/new") is None
    assert at.get("configmaps/c")["data"] == {"a": "1"}


@case("API")
def null_in_the_data_of_a_secret_is_an_empty_value(at: Place) -> None:
    assert at.make("Secret", "s", data={"a": None, "b": "eA=="})["data"] == {"a": "", "b": "eA=="}


@case("API", sibling_of="null in the data of a secret is an empty value")
def null_in_other_maps_of_text_is_an_empty_value(at: Place) -> None:
    assert at.make("ConfigMap", "c", data={"a": None})["data"] == {"a": ""}
    found = at.make("ConfigMap", "l", labels={"x": None}, annotations={"y": None})["metadata"]
    assert (found["labels"], found["annotations"]) == ({"x": ""}, {"y": ""})


@case("API")
def fields_of_features_that_are_off_are_dropped_or_refused(at: Place) -> None:
    """ContainerStopSignals and TaintTolerationComparisonOperators are alpha and off in v1.36.3."""
    made = at.pod("p", lifecycle={"stopSignal": "SIGUSR1"}, spec={"os": {"name": "linux"}})
    assert "stopSignal" not in (made["spec"]["containers"][0].get("lifecycle") or {})
    rows = [{"key": "k", "operator": "Gt", "value": "5", "effect": "NoSchedule"}]
    said = at.refused("Pod", "q", pod_spec(spec={"tolerations": rows}))
    assert 'spec.tolerations[0].operator: Unsupported value: "Gt"' in said


@case("API")
def two_who_apply_another_value_of_a_field_are_in_conflict(at: Place) -> None:
    def apply(manager: str, data: dict[str, str], force: str = "") -> tuple[int, str]:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "look"}, "data": data}
        answer = at.ask("PATCH", f"configmaps/look?fieldManager={manager}{force}", body, APPLY)
        return answer.code, answer.text

    assert apply("one", {"color": "red", "size": "small"})[0] == 201
    code, text = apply("two", {"color": "blue"})
    assert code == 409
    assert 'Apply failed with 1 conflict: conflict with \\"one\\": .data.color' in text
    assert apply("two", {"color": "blue"}, "&force=true")[0] == 200
    assert apply("one", {"size": "small"})[0] == 200
    assert at.get("configmaps/look")["data"] == {"color": "blue", "size": "small"}
    assert apply("two", {})[0] == 200
    assert at.get("configmaps/look")["data"] == {"size": "small"}


@case("API", sibling_of="two who apply another value of a field are in conflict")
def two_who_apply_the_same_value_share_the_field(at: Place) -> None:
    def apply(manager: str, **data: str) -> int:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "look"}, "data": data}
        return at.ask("PATCH", f"configmaps/look?fieldManager={manager}", body, APPLY).code

    assert [apply("one", a="1", b="2"), apply("two", a="1")] == [201, 200]
    assert apply("one", b="2") == 200
    assert at.get("configmaps/look")["data"] == {"a": "1", "b": "2"}
    assert apply("two") == 200
    assert at.get("configmaps/look")["data"] == {"b": "2"}


@case("API", sibling_of="two who apply another value of a field are in conflict")
def two_who_apply_containers_own_a_container_each(at: Place) -> None:
    def apply(manager: str, *names: str) -> int:
        rows = [{"name": name, "image": "busybox:1.36", "command": ["sleep", "600"]} for name in names]
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "d"}},
                         "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": rows}}}}  # fmt: skip
        return at.ask("PATCH", f"deployments/d?fieldManager={manager}", body, APPLY).code

    assert [apply("one", "a"), apply("two", "b")] == [201, 200]
    assert [row["name"] for row in at.get("deployments/d")["spec"]["template"]["spec"]["containers"]] == [
        "a",
        "b",
    ]
    assert apply("two", "c") == 200
    assert [row["name"] for row in at.get("deployments/d")["spec"]["template"]["spec"]["containers"]] == [
        "a",
        "c",
    ]


@case("API", sibling_of="a kind that is not served is named by kubectl and podlab")
def kinds_that_are_not_served_have_empty_lists_where_clients_look(at: Place) -> None:
    for path in ("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
                 "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
                 "/api/v1/persistentvolumes"):  # fmt: skip
        assert at.get(path)["items"] == []


NUMBERS = "numbers of a list that cannot be read are refused"


def _refusal(at: Place, method: str, what: str, body: object = None, kind: str = "application/json") -> str:
    """The code and the words of a refusal."""
    answer = at.ask(method, what, body, {"Content-Type": kind})
    assert answer.code >= 400, answer.text
    return f"{answer.code} {answer.json()['message']}"


@case("API", sibling_of=NUMBERS)
def a_list_refuses_versions_that_contradict_its_other_options(at: Place) -> None:
    page = at.get("configmaps", limit=1) if at.make("ConfigMap", "a") else {}
    token = page["metadata"]["continue"]
    for query, words in (
        (
            "resourceVersionMatch=Exact",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        ("resourceVersion=0&resourceVersionMatch=Exact", 'resourceVersionMatch "exact" is forbidden for'),
        (
            f"continue={token}&resourceVersion=5",
            "specifying resource version is not allowed when using continue",
        ),
        ("sendInitialEvents=true", "sendInitialEvents is forbidden for list"),
        (
            "watch=1&resourceVersion=5&resourceVersionMatch=NotOlderThan",
            "forbidden for watch unless sendInitialEvents",
        ),
    ):
        assert words in _refusal(at, "GET", f"configmaps?{query}"), query
    assert len(at.get("configmaps", limit=1, **{"continue": token})["items"]) == 1


@case("API", sibling_of=NUMBERS)
def a_field_that_a_kind_does_not_select_by_is_named(at: Place) -> None:
    for what, field, words in (
        (
            "configmaps",
            "data.a",
            '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        ("pods", "spec.image", "field label not supported: spec.image"),
        ("jobs", "spec.suspend", 'field label "spec.suspend" not supported for Job'),
    ):
        found = _refusal(at, "GET", f"{at.path(what)}?fieldSelector={field}=1")
        assert found == f"400 {words}", found
    at.pod("p")
    at.running("p")
    assert len(at.items("pods", fieldSelector=f"spec.host={at.node()}")) == 1


@case("API", sibling_of="a refused request writes nothing")
def options_that_contradict_each_other_delete_nothing(at: Place) -> None:
    at.make("ConfigMap", "kept")
    both = {"propagationPolicy": "Orphan", "orphanDependents": True}
    assert "cannot be both set" in _refusal(at, "DELETE", "configmaps/kept", both)
    assert 'dryRun: Unsupported value: ["Some"]' in _refusal(at, "DELETE", "configmaps/kept?dryRun=Some")
    assert "dryRun" in _refusal(at, "DELETE", "configmaps/kept", {"dryRun": ["All", "Some"]})
    assert "dryRun" in _refusal(at, "DELETE", "configmaps?dryRun=Some")
    assert at.find("configmaps/kept")
    at.delete("configmaps/kept", {"dryRun": ["All"]})
    assert at.find("configmaps/kept")


@case("API", sibling_of="a refused request writes nothing")
def options_that_a_patch_does_not_take_change_nothing(at: Place) -> None:
    at.make("ConfigMap", "kept", data={"a": "1"})
    change = {"data": {"a": "2"}}
    assert "force: Forbidden: may not be specified for non-apply patch" in _refusal(
        at, "PATCH", "configmaps/kept?force=true", change, MERGE
    )
    assert "fieldManager: Too long: may not be more than 128 bytes" in _refusal(
        at, "PATCH", f"configmaps/kept?fieldManager={'m' * 129}", change, MERGE
    )
    applied = {"apiVersion": "apps/v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, **change}
    assert "Specified patch version: apps/v1, expected: v1" in _refusal(
        at, "PATCH", "configmaps/kept?fieldManager=me", applied, "application/apply-patch+yaml"
    )
    assert at.get("configmaps/kept")["data"] == {"a": "1"}


@case("API", sibling_of="strict decoding names all odd fields")
def a_pod_behind_a_gate_may_be_told_more_about_where_to_run(at: Place) -> None:
    """More, never something else; and once it is free the scheduler goes by it."""
    held = {"schedulingGates": [{"name": "example.com/wait"}], "nodeSelector": {"kubernetes.io/os": "linux"}}
    at.pod("p", spec=held)
    wrong = at.ask(
        "PATCH", "pods/p", {"spec": {"nodeSelector": {"kubernetes.io/os": "plan9"}}}, {"Content-Type": MERGE}
    )
    assert wrong.code == 422 and "only additions to spec.nodeSelector are allowed" in wrong.text, wrong.text
    at.patch("pods/p", {"spec": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}})
    need = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}
    field = "requiredDuringSchedulingIgnoredDuringExecution"

    def terms(*rows: object) -> dict[str, object]:
        wanted = {field: {"nodeSelectorTerms": [{"matchExpressions": list(rows)}]}}
        return {"spec": {"affinity": {"nodeAffinity": wanted}}}

    at.patch("pods/p", terms(need))
    at.patch("pods/p", terms(need, {"key": "a", "operator": "DoesNotExist"}))
    for change, words in (
        (terms({"key": "a", "operator": "DoesNotExist"}), "only additions are allowed"),
        ({"spec": {"affinity": None}}, "no additions/deletions to non-empty NodeSelectorTerms list"),
        ({"spec": {"hostname": "other"}}, "pod updates may not change fields other than"),
    ):
        refused = at.ask("PATCH", "pods/p", change, {"Content-Type": MERGE})
        assert refused.code == 422 and words in refused.text, refused.text
    at.patch("pods/p", {"spec": {"schedulingGates": None}})
    at.until(
        lambda: at.events("FailedScheduling", name="p"), lambda rows: "node affinity/selector" in str(rows)
    )
    refused = at.ask("PATCH", "pods/p", {"spec": {"nodeSelector": {"a": "b"}}}, {"Content-Type": MERGE})
    assert refused.code == 422, refused.text
