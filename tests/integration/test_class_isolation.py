"""A class's namespaces hold: what a student's kubeconfig may do, and what quota, defaults and Pod Security refuse."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podlab.assignments.roster import Student
from podlab.classroom import creating, objects
from podlab.client import Client, resources
from podlab.errors import ApiError, NotFoundError

ADA, BOB = Student("ada"), Student("bob")
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
NAMESPACED = {
    "": ("pods", "pods/log", "pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "services",
         "configmaps", "secrets", "serviceaccounts", "serviceaccounts/token", "events", "endpoints",
         "resourcequotas", "limitranges", "persistentvolumeclaims"),
    "apps": ("deployments", "replicasets", "statefulsets", "daemonsets"),
    "batch": ("jobs", "cronjobs"),
    "networking.k8s.io": ("networkpolicies", "ingresses"),
    "rbac.authorization.k8s.io": ("roles", "rolebindings"),
    "discovery.k8s.io": ("endpointslices",),
}  # fmt: skip
CLUSTER_WIDE = {
    "": ("nodes", "nodes/proxy", "namespaces", "persistentvolumes"),
    "rbac.authorization.k8s.io": ("clusterroles", "clusterrolebindings"),
    "admissionregistration.k8s.io": ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
    "certificates.k8s.io": ("certificatesigningrequests",),
    "scheduling.k8s.io": ("priorityclasses",),
}  # fmt: skip
RIGHTS = ("bind", "escalate", "impersonate")
CONTAINER: dict[str, Any] = {"name": "c", "image": "busybox:1.36", "command": ["sleep", "600"]}
DEADLINE_S = 120.0


@pytest.fixture(scope="module")
def room(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str, str]]:
    """A class of two: Ada's client, her namespace, and Bob's."""
    name, out = f"i{uuid.uuid4().hex[:6]}", tmp_path_factory.mktemp("kubeconfigs")
    creating.create(client, name, [ADA, BOB], out)
    ada = Client.from_kubeconfig(out / "ada.kubeconfig")
    yield ada, objects.namespace_of(name, ADA), objects.namespace_of(name, BOB)
    creating.delete(client, name)


def may(client: Client, verb: str, group: str, resource: str, namespace: str | None) -> bool:
    """What the API server itself says of the right of *client*'s user."""
    kind, _, sub = resource.partition("/")
    wanted = {"verb": verb, "group": group, "resource": kind, "subresource": sub}
    if namespace:
        wanted["namespace"] = namespace
    review = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }  # fmt: skip
    answer = client.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def refused(client: Client, body: dict[str, Any], namespace: str) -> str:
    """The words with which the server refuses *body*."""
    with pytest.raises(ApiError) as error:
        client.create(client.path_of(body, namespace, collection=True), body)
    assert error.value.code == 403, error.value
    return str(error.value.status.get("message"))


def pod(name: str, **spec: Any) -> dict[str, Any]:
    whole = {"terminationGracePeriodSeconds": 0, "containers": [CONTAINER], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": whole}


def until(ask: Any, done: Any) -> Any:
    """Ask until *done* is true of the answer."""
    gives_up_at = time.monotonic() + DEADLINE_S
    while not done(answer := ask()):
        assert time.monotonic() < gives_up_at, answer
        time.sleep(0.2)
    return answer


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_reaches_another_student_or_the_cluster(room: tuple[Client, str, str], verb: str) -> None:
    """Not one verb on one kind, in Bob's namespace, in kube-system, in all namespaces, or of the cluster."""
    ada, _, bobs = room
    allowed = [
        f"{verb} {group}/{kind} in {space or 'all namespaces'}"
        for space in (bobs, "kube-system", "default", None)
        for group, kinds in NAMESPACED.items()
        for kind in kinds
        if may(ada, verb, group, kind, space)
    ]
    allowed += [
        f"{verb} {group}/{kind}" for group, kinds in CLUSTER_WIDE.items() for kind in kinds
        if may(ada, verb, group, kind, None)
    ]  # fmt: skip

    assert allowed == []


def test_the_rights_at_home_are_those_of_the_lessons(room: tuple[Client, str, str]) -> None:
    """The planted counterpart: the review says yes where it should, and no to what would give more rights."""
    ada, own, _ = room
    assert all(may(ada, verb, "", "pods", own) for verb in VERBS)
    assert all(may(ada, verb, "apps", "deployments", own) for verb in VERBS)
    assert may(ada, "create", "", "pods/exec", own)
    assert may(ada, "get", "", "pods/log", own)
    for group, kind in (
        ("rbac.authorization.k8s.io", "roles"), ("rbac.authorization.k8s.io", "rolebindings"),
        ("", "serviceaccounts/token"), ("networking.k8s.io", "networkpolicies"),
    ):  # fmt: skip
        assert [verb for verb in VERBS if may(ada, verb, group, kind, own)] == [], kind
    for kind in ("resourcequotas", "limitranges"):
        assert [verb for verb in VERBS if may(ada, verb, "", kind, own)] == ["get", "list", "watch"]
    for verb in RIGHTS:
        assert not may(ada, verb, "rbac.authorization.k8s.io", "roles", own)
        assert not may(ada, verb, "", "users", None)


def test_what_the_review_says_is_what_requests_get(room: tuple[Client, str, str]) -> None:
    """Reads, a write, a deletion and a token in Bob's namespace: each is refused, and names nobody's objects."""
    ada, _, bobs = room
    core = f"/api/v1/namespaces/{bobs}"
    tries: list[Any] = [
        lambda: ada.get(f"{core}/configmaps"),
        lambda: ada.get(f"{core}/secrets"),
        lambda: ada.create(f"{core}/pods", pod("p")),
        lambda: ada.delete(f"{core}/pods"),
        lambda: ada.patch(f"{core}/resourcequotas/class", {"spec": {"hard": {"pods": "99"}}}),
        lambda: ada.create(f"{core}/serviceaccounts/student/token", {"spec": {}}),
        lambda: ada.patch(f"/api/v1/namespaces/{bobs}", {"metadata": {"labels": {"a": "b"}}}),
        lambda: ada.get("/api/v1/pods"),
    ]
    for one in tries:
        with pytest.raises(ApiError) as error:
            one()
        assert error.value.code == 403


def test_the_quota_refuses_what_is_too_much(room: tuple[Client, str, str]) -> None:
    """Too much memory at once, a volume claim, a port of the node: each by name of the quota."""
    ada, own, _ = room
    until(
        lambda: ada.get(f"/api/v1/namespaces/{own}/resourcequotas/class"),
        lambda one: one.get("status", {}).get("hard"),
    )
    big = {**CONTAINER, "resources": {"requests": {"memory": "3Gi"}, "limits": {"memory": "3Gi"}}}
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "ports": [{"port": 80}]},
    }  # fmt: skip

    assert "exceeded quota: class, requested: requests.memory=3Gi" in refused(
        ada, pod("big", containers=[big]), own
    )
    assert "exceeded quota: class" in refused(ada, service, own)


def test_the_limit_range_gives_what_a_container_does_not_ask_for(room: tuple[Client, str, str]) -> None:
    """So the quota counts every Pod, and none has the whole node."""
    ada, own, _ = room
    made = ada.create(f"/api/v1/namespaces/{own}/pods", pod("plain"))

    assert made["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "256Mi"},
    }  # fmt: skip
    used = until(
        lambda: ada.get(f"/api/v1/namespaces/{own}/resourcequotas/class")["status"].get("used", {}),
        lambda one: one.get("pods") == "1",
    )
    assert (used["requests.cpu"], used["requests.memory"], used["limits.memory"]) == ("20m", "32Mi", "256Mi")
    ada.remove(f"/api/v1/namespaces/{own}/pods/plain", grace_s=0)


@pytest.mark.parametrize(
    ("what", "spec"),
    [
        ("privileged", {"containers": [{**CONTAINER, "securityContext": {"privileged": True}}]}),
        ("hostPath", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
        ("hostNetwork", {"hostNetwork": True}),
        ("hostPID", {"hostPID": True}),
        ("capabilities", {"containers": [{**CONTAINER, "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}),
    ],
)  # fmt: skip
def test_pod_security_refuses_what_reaches_the_node(
    room: tuple[Client, str, str], what: str, spec: dict[str, Any]
) -> None:
    ada, own, _ = room
    message = refused(ada, pod("bad", **spec), own)

    assert 'violates PodSecurity "baseline:latest"' in message, what


def test_a_pod_of_a_student_holds_no_token(room: tuple[Client, str, str]) -> None:
    """Also under the student's own service account: what runs there cannot act as the student."""
    ada, own, _ = room
    made = ada.create(f"/api/v1/namespaces/{own}/pods?dryRun=All", pod("mine", serviceAccountName="student"))

    assert not made["spec"].get("volumes")


def test_the_network_policy_lets_only_the_own_namespace_in(
    client: Client, room: tuple[Client, str, str]
) -> None:
    """The object stands there, and denies what it does not name; a cluster that does not serve the kind has none."""
    _, own, _ = room
    try:
        found = client.get(resources.path("networkpolicies", own))["items"]
    except NotFoundError:
        pytest.skip("this cluster does not serve NetworkPolicy; podlab class create says so")
    assert [each["spec"] for each in found] == [
        {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}
    ]


def test_nothing_of_a_class_is_left(client: Client, tmp_path: Path) -> None:
    """Objects of its namespaces are counted over all kinds that the server lists."""
    name = f"l{uuid.uuid4().hex[:6]}"
    creating.create(client, name, [ADA, BOB], tmp_path)
    space = objects.namespace_of(name, ADA)
    Client.from_kubeconfig(tmp_path / "ada.kubeconfig").create(
        f"/api/v1/namespaces/{space}/pods", pod("runs")
    )
    before = everything(client, name)
    creating.delete(client, name)

    assert {"Namespace", "Pod", "ResourceQuota", "RoleBinding"} <= before
    assert everything(client, name) == set()


def everything(client: Client, name: str) -> set[str]:
    """The kinds of which an object is called, or is in a namespace that is called, as the class is."""
    found = set[str]()
    groups = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in client.get("/apis")["groups"]]
    for prefix in ["/api/v1", *groups]:
        for row in client.get(prefix)["resources"]:
            if "/" in row["name"] or "list" not in row["verbs"]:
                continue
            for item in client.get(f"{prefix}/{row['name']}").get("items") or []:
                metadata = item["metadata"]
                if f"{name}-" in f"{metadata.get('namespace', '')} {metadata['name']}":
                    found.add(row["kind"])
    return found
