"""Roles and bindings: what they allow, what they refuse, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from asgi import PODS, Answer, Server, pod

from podlab.embedded.api.access import jwt

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
ACCESS = "/apis/authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"
ACCOUNT = "system:serviceaccount:default:waiter"


@pytest.fixture
def server() -> Server:
    found = Server()
    account = {"metadata": {"name": "waiter"}}
    assert found.ask("POST", "/api/v1/namespaces/default/serviceaccounts", account).code == 201
    return found


def role(*rules: dict[str, list[str]], name: str = "sees-jobs") -> dict[str, Any]:
    return {"metadata": {"name": name}, "rules": list(rules)}


def binding(kind: str, name: str, *subjects: dict[str, str], called: str = "b") -> dict[str, Any]:
    ref = {"apiGroup": GROUP, "kind": kind, "name": name}
    return {"metadata": {"name": called}, "roleRef": ref, "subjects": list(subjects)}


WAITER = {"kind": "ServiceAccount", "name": "waiter"}
SEES_JOBS = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch"]}


def grant(server: Server, *rules: dict[str, list[str]]) -> None:
    """A role with *rules*, bound to the account ``waiter``."""
    assert server.ask("POST", ROLES, role(*rules, name="given")).code == 201
    assert server.ask("POST", BINDINGS, binding("Role", "given", WAITER, called="given")).code == 201


def as_waiter(server: Server, method: str, path: str, body: Any = None, **options: Any) -> Answer:
    """A request with a token of the account ``waiter``."""
    where = "/api/v1/namespaces/default/serviceaccounts/waiter/token"
    token = server.ask("POST", where, {}).json["status"]["token"]
    return server.ask(method, path, body, headers={"authorization": f"Bearer {token}"}, **options)


def test_a_role_that_is_bound_to_an_account_lets_it_wait_for_a_job(server: Server) -> None:
    """The field case: 403 before, and list and get of a Job afterwards; still nothing else."""
    before = as_waiter(server, "GET", f"{JOBS}/migrate")
    assert (before.code, before.json["message"]) == (
        403,
        f'jobs.batch "migrate" is forbidden: User "{ACCOUNT}" cannot get resource "jobs" in API group "batch" in '
        'the namespace "default"',
    )
    grant(server, SEES_JOBS)
    assert as_waiter(server, "GET", f"{JOBS}/migrate").code == 404
    assert as_waiter(server, "GET", JOBS, fieldSelector="metadata.name=migrate").code == 200
    refused = [
        as_waiter(server, "DELETE", f"{JOBS}/migrate"),
        as_waiter(server, "GET", "/apis/batch/v1/jobs"),
        as_waiter(server, "GET", "/apis/batch/v1/namespaces/kube-system/jobs"),
        as_waiter(server, "POST", PODS, pod()),
    ]
    assert [answer.code for answer in refused] == [403, 403, 403, 403]
    assert server.ask("DELETE", f"{BINDINGS}/given").code == 200
    assert as_waiter(server, "GET", JOBS).code == 403


def test_a_binding_to_a_role_that_is_not_there_is_named_in_the_refusal(server: Server) -> None:
    assert server.ask("POST", BINDINGS, binding("Role", "nowhere", WAITER)).code == 201
    refused = as_waiter(server, "GET", PODS)
    assert refused.json["message"] == (
        f'pods is forbidden: User "{ACCOUNT}" cannot list resource "pods" in API group "" in the namespace '
        f'"default": RBAC: role.{GROUP} "nowhere" not found'
    )


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("view", PODS, 200),
        ("view", "/api/v1/namespaces/default/secrets", 403),
        ("edit", "/api/v1/namespaces/default/secrets", 200),
        ("edit", ROLES, 403),
        ("admin", ROLES, 200),
        ("admin", "/api/v1/nodes", 403),
    ],
)
def test_the_roles_that_every_cluster_has_reach_as_far_as_upstreams(
    server: Server, name: str, path: str, code: int
) -> None:
    """view, edit and admin gather their rules from others; bound by a RoleBinding they end at its namespace."""
    server.ask("POST", BINDINGS, binding("ClusterRole", name, WAITER))
    assert as_waiter(server, "GET", path).code == code


def test_a_cluster_role_binding_reaches_every_namespace(server: Server) -> None:
    subject = {**WAITER, "namespace": "default"}
    server.ask("POST", f"{RBAC}/clusterrolebindings", binding("ClusterRole", "cluster-admin", subject))
    assert as_waiter(server, "GET", "/api/v1/secrets").code == 200
    assert as_waiter(server, "GET", "/metrics").code == 404


def test_every_account_reads_discovery_and_no_other_path(server: Server) -> None:
    for path in ("/version", "/healthz", "/api", "/apis", "/apis/batch/v1", "/openapi/v3"):
        assert as_waiter(server, "GET", path).code == 200
    refused = as_waiter(server, "GET", "/metrics")
    assert (refused.code, refused.json["message"]) == (
        403,
        f'forbidden: User "{ACCOUNT}" cannot get path "/metrics"',
    )


def test_names_and_subresources_are_part_of_a_rule(server: Server) -> None:
    only = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["mine"]}
    logs = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}
    grant(server, only, logs)
    maps = "/api/v1/namespaces/default/configmaps"
    assert as_waiter(server, "GET", f"{maps}/mine").code == 404
    assert as_waiter(server, "GET", f"{maps}/kube-root-ca.crt").code == 403
    assert as_waiter(server, "GET", f"{PODS}/p/log").code == 404
    assert as_waiter(server, "GET", f"{PODS}/p").code == 403


def test_nobody_gives_more_than_he_holds(server: Server) -> None:
    """Escalation is refused for roles and for bindings, with what is lacking."""
    writes = {"apiGroups": [GROUP], "resources": ["roles", "rolebindings"], "verbs": ["create", "update"]}
    grant(server, SEES_JOBS, writes)
    assert as_waiter(server, "POST", ROLES, role(SEES_JOBS)).code == 201
    more = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}
    refused = as_waiter(server, "POST", ROLES, role(more, name="more"))
    groups = '["system:serviceaccounts" "system:serviceaccounts:default" "system:authenticated"]'
    assert (refused.code, refused.json["message"]) == (
        403,
        f'roles.{GROUP} "more" is forbidden: user "{ACCOUNT}" (groups={groups}) is attempting to grant RBAC '
        'permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    )
    assert as_waiter(server, "POST", BINDINGS, binding("ClusterRole", "view", WAITER)).code == 403
    assert as_waiter(server, "POST", BINDINGS, binding("Role", "sees-jobs", WAITER)).code == 201
    changed = {**role(SEES_JOBS, more), "metadata": {"name": "sees-jobs"}}
    assert as_waiter(server, "PUT", f"{ROLES}/sees-jobs", changed).code == 403


def test_what_may_be_bound_is_said_by_the_verb_bind(server: Server) -> None:
    writes = {"apiGroups": [GROUP], "resources": ["rolebindings"], "verbs": ["create"]}
    binds = {
        "apiGroups": [GROUP],
        "resources": ["clusterroles"],
        "verbs": ["bind"],
        "resourceNames": ["view"],
    }
    grant(server, writes, binds)
    assert as_waiter(server, "POST", BINDINGS, binding("ClusterRole", "view", WAITER)).code == 201
    assert as_waiter(server, "POST", BINDINGS, binding("ClusterRole", "edit", WAITER, called="c")).code == 403


def test_apply_needs_the_right_to_create_where_nothing_is(server: Server) -> None:
    """Server-side apply is a PATCH; without ``create`` it must not make a new object."""
    grant(server, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
    where, kind = "/api/v1/namespaces/default/configmaps/new", "application/apply-patch+yaml"
    assert as_waiter(server, "PATCH", where, body, kind=kind, fieldManager="m").code == 403
    assert server.ask("GET", where).code == 404


def test_impersonation_is_a_right_like_another(server: Server) -> None:
    """Users and groups belong to no namespace, so that only a ClusterRole gives the right to act as them."""
    rule = {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["bob"]}
    server.ask("POST", f"{RBAC}/clusterroles", role(rule, name="as-bob"))
    subject = WAITER | {"namespace": "default"}
    server.ask("POST", f"{RBAC}/clusterrolebindings", binding("ClusterRole", "as-bob", subject))
    token = server.ask("POST", "/api/v1/namespaces/default/serviceaccounts/waiter/token", {}).json
    me = {"authorization": f"Bearer {token['status']['token']}"}
    review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    bob = server.ask("POST", review, {}, headers={**me, "impersonate-user": "bob"}).json
    assert bob["status"]["userInfo"] == {"username": "bob", "groups": ["system:authenticated"]}
    assert server.ask("POST", review, {}, headers={**me, "impersonate-user": "eve"}).code == 403
    masters = {**me, "impersonate-user": "bob", "impersonate-group": "system:masters"}
    assert server.ask("POST", review, {}, headers=masters).code == 403


def test_the_review_of_another_says_what_lets_him(server: Server) -> None:
    grant(server, SEES_JOBS)
    asked = {"verb": "watch", "group": "batch", "resource": "jobs", "namespace": "default"}
    body = {"spec": {"user": ACCOUNT, "resourceAttributes": asked}}
    found = server.ask("POST", f"{ACCESS}/subjectaccessreviews", body).json["status"]
    assert found == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "given/default" of Role "given" to ServiceAccount "waiter/default"',
    }
    local = f"{ACCESS}/namespaces/default/localsubjectaccessreviews"
    assert server.ask("POST", local, body).json["status"]["allowed"] is True
    elsewhere = f"{ACCESS}/namespaces/kube-system/localsubjectaccessreviews"
    assert server.ask("POST", elsewhere, body).code == 422
    path = {"spec": {"user": "bob", "nonResourceAttributes": {"verb": "get", "path": "/metrics"}}}
    assert server.ask("POST", f"{ACCESS}/subjectaccessreviews", path).json["status"] == {"allowed": False}
    assert server.ask("POST", f"{ACCESS}/subjectaccessreviews", {"spec": {"user": "bob"}}).code == 422
    assert as_waiter(server, "POST", f"{ACCESS}/subjectaccessreviews", body).code == 403


def test_an_account_lists_its_own_rules(server: Server) -> None:
    """``kubectl auth can-i --list``"""
    grant(server, SEES_JOBS)
    body = {"spec": {"namespace": "default"}}
    found = as_waiter(server, "POST", f"{ACCESS}/selfsubjectrulesreviews", body).json["status"]
    assert SEES_JOBS in [{k: r[k] for k in SEES_JOBS if k in r} for r in found["resourceRules"]]
    assert {
        "verbs": ["get"],
        "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"],
    } in (found["nonResourceRules"])


def test_a_token_is_good_for_its_audience_and_as_long_as_its_pod(server: Server) -> None:
    """TokenReview, and the token of a Pod that is gone: it was accepted before."""
    reviews = "/apis/authentication.k8s.io/v1/tokenreviews"
    where = "/api/v1/namespaces/default/serviceaccounts/waiter/token"
    vault = server.ask("POST", where, {"spec": {"audiences": ["vault"]}}).json["status"]["token"]
    itself = {"authorization": f"Bearer {vault}"}
    assert server.ask("GET", "/version", headers=itself).code == 401
    seen = server.ask("POST", reviews, {"spec": {"token": vault}}).json["status"]
    assert seen == {"user": {}, "error": "invalid bearer token"}
    seen = server.ask("POST", reviews, {"spec": {"token": vault, "audiences": ["vault"]}}).json["status"]
    assert (seen["authenticated"], seen["user"]["username"], seen["audiences"]) == (True, ACCOUNT, ["vault"])

    made = server.ask("POST", PODS, pod()).json
    account = server.store.get("serviceaccounts", "default", "waiter")
    assert account is not None
    node = {"metadata": {"name": "n", "uid": "1-2"}}
    now, secret = server.store.clock(), server.app.backend.tokens[0]
    token = jwt.make(secret, account, now=now, lasts_s=600, pod=made, node=node)
    itself = {"authorization": f"Bearer {token}"}
    assert server.ask("GET", "/version", headers=itself).code == 200
    extra = server.ask("POST", reviews, {"spec": {"token": token}}).json["status"]["user"]["extra"]
    of_pod = {f"pod-{key}": [made["metadata"][key]] for key in ("name", "uid")}
    named = {f"authentication.kubernetes.io/{key}": value for key, value in of_pod.items()}
    assert named.items() <= extra.items()
    assert extra["authentication.kubernetes.io/node-name"] == ["n"]
    assert extra["authentication.kubernetes.io/node-uid"] == ["1-2"]
    server.store.delete("pods", "default", "p")
    assert server.ask("GET", "/version", headers=itself).code == 401


TOKENS = "/api/v1/namespaces/default/serviceaccounts/waiter/token"
SECRETS = "/api/v1/namespaces/default/secrets"


def token_for(server: Server, **ref: str) -> Answer:
    """``kubectl create token waiter --bound-object-kind …``"""
    return server.ask("POST", TOKENS, {"spec": {"boundObjectRef": {"apiVersion": "v1", **ref}}})


def accepted(server: Server, answer: Answer) -> bool:
    """Whether the API server takes the token of an answer."""
    itself = {"authorization": f"Bearer {answer.json['status']['token']}"}
    code = server.ask("GET", "/version", headers=itself).code
    assert code in (200, 401)
    return code == 200


def test_a_token_ends_with_the_object_that_it_is_bound_to(server: Server) -> None:
    """A Pod, a Secret or a Node; bound to nothing it lives with its account alone."""
    spec = pod(serviceAccountName="waiter")
    server.ask("POST", PODS, spec)
    server.ask("POST", SECRETS, {"metadata": {"name": "held"}})
    server.ask("POST", "/api/v1/nodes", {"metadata": {"name": "far"}})
    bound = {kind: token_for(server, kind=kind, name=name) for kind, name in
             (("Pod", "p"), ("Secret", "held"), ("Node", "far"))}  # fmt: skip
    assert [answer.code for answer in bound.values()] == [201, 201, 201]
    assert all(accepted(server, answer) for answer in bound.values())
    assert bound["Pod"].json["spec"]["boundObjectRef"] == {"apiVersion": "v1", "kind": "Pod", "name": "p"}

    for kind, path in (("Pod", f"{PODS}/p"), ("Secret", f"{SECRETS}/held"), ("Node", "/api/v1/nodes/far")):
        server.ask("DELETE", path, {"gracePeriodSeconds": 0})
        assert not accepted(server, bound.pop(kind))
        assert all(accepted(server, answer) for answer in bound.values())

    server.ask("POST", PODS, spec)
    again = token_for(server, kind="Pod", name="p")
    assert accepted(server, again)


def test_a_token_of_a_pod_that_a_finalizer_holds_ends_a_minute_after_its_deletion(server: Server) -> None:
    """The object is there for ever; what was mounted in the dead Pod must not be good as long."""
    held = pod(serviceAccountName="waiter")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    server.ask("POST", PODS, held)
    token = token_for(server, kind="Pod", name="p")
    server.ask("DELETE", f"{PODS}/p")
    assert accepted(server, token)
    now = server.store.clock
    server.store.clock = lambda: now() + 55
    assert accepted(server, token)
    server.store.clock = lambda: now() + 65
    assert not accepted(server, token)


def test_what_a_token_cannot_be_bound_to_is_refused(server: Server) -> None:
    """In the words of upstream's TokenREST."""
    server.ask("POST", PODS, pod())
    assert token_for(server, kind="Pod", name="none").json["message"] == 'pods "none" not found'
    assert token_for(server, kind="Pod", name="p").json["message"] == (
        'cannot bind token for serviceaccount "waiter" to pod running with different serviceaccount name.'
    )
    assert token_for(server, kind="ConfigMap", name="c").json["message"] == (
        "cannot bind token to object of type /v1, Kind=ConfigMap"
    )
    server.ask("POST", SECRETS, {"metadata": {"name": "held"}})
    assert token_for(server, kind="Secret", name="held", uid="other").code == 409
    other = server.ask("POST", TOKENS, {"metadata": {"name": "default"}})
    assert (other.code, "must match the service account name" in other.json["message"]) == (422, True)


def test_a_cluster_role_gathers_what_its_selector_names(server: Server) -> None:
    from podlab.embedded.controllers import clusterroles

    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    body = {**role(SEES_JOBS, name="more-to-see"), "metadata": {"name": "more-to-see", "labels": labels}}
    watched = {"apiGroups": ["example.com"], "resources": ["cups"], "verbs": ["get"]}
    server.ask("POST", f"{RBAC}/clusterroles", {**body, "rules": [watched]})
    clusterroles.gather(server.store)
    for name in ("view", "edit", "admin"):
        assert watched in server.ask("GET", f"{RBAC}/clusterroles/{name}").json["rules"]


REFUSED = [
    (ROLES, role({"apiGroups": [""], "resources": ["pods"], "verbs": []}), "rules[0].verbs: Required value"),
    (ROLES, role({"verbs": ["get"]}), "rules[0].apiGroups: Required value"),
    (ROLES, role({"nonResourceURLs": ["/x"], "verbs": ["get"]}), "namespaced rules cannot apply"),
    (ROLES, role(SEES_JOBS, name="a/b"), "may not contain '/'"),
    (BINDINGS, binding("Deployment", "x"), 'roleRef.kind: Unsupported value: "Deployment"'),
    (
        BINDINGS,
        binding("Role", "x", {"kind": "Pod", "name": "p"}),
        'subjects[0].kind: Unsupported value: "Pod"',
    ),
    (
        f"{RBAC}/clusterrolebindings",
        binding("ClusterRole", "x", WAITER),
        "subjects[0].namespace: Required value",
    ),
]


@pytest.mark.parametrize(("path", "body", "why"), REFUSED)
def test_a_role_or_binding_that_makes_no_sense_is_refused(
    server: Server, path: str, body: dict[str, Any], why: str
) -> None:
    refused = server.ask("POST", path, body)
    assert (refused.code, why in refused.json["message"]) == (422, True), refused.json["message"]


def test_the_role_of_a_binding_cannot_change(server: Server) -> None:
    server.ask("POST", BINDINGS, binding("Role", "a", WAITER))
    refused = server.ask("PUT", f"{BINDINGS}/b", binding("Role", "b", WAITER))
    assert "cannot change roleRef" in refused.json["message"]


def test_bindings_are_printed_with_their_subjects(server: Server) -> None:
    subjects = (WAITER | {"namespace": "default"}, {"kind": "User", "name": "bob"})
    server.ask("POST", BINDINGS, binding("Role", "a", *subjects))
    table = server.ask(
        "GET", f"{BINDINGS}/b", headers={"accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
    )
    cells = table.json["rows"][0]["cells"]
    assert [cells[0], cells[1], *cells[3:]] == ["b", "Role/a", "bob", "", "default/waiter"]


@pytest.mark.parametrize("path", ["/api/v1/namespaces//secrets", "/api/v1//secrets", "/api//v1/secrets"])
def test_an_empty_part_of_a_path_makes_no_other_request_of_it(server: Server, path: str) -> None:
    """Who may get the namespace "secrets" was given the Secrets of every namespace."""
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "secrets"}})
    view = f"/apis/{GROUP}/v1/namespaces/secrets/rolebindings"
    subject = {**WAITER, "namespace": "default"}
    assert server.ask("POST", view, binding("ClusterRole", "view", subject)).code == 201
    assert as_waiter(server, "GET", "/api/v1/namespaces/secrets").code == 200
    assert as_waiter(server, "GET", path).code in (403, 404)
    assert server.ask("GET", path).code == 404
