"""LimitRange, ResourceQuota and the Pod Security Standards: what they add, refuse and warn of."""

from __future__ import annotations

from typing import Any

import pytest
from asgi import PODS, Answer, Server, pod

CORE = "/api/v1/namespaces/default"
QUOTAS, RANGES = f"{CORE}/resourcequotas", f"{CORE}/limitranges"
SECURED = "/api/v1/namespaces/secured/pods"


@pytest.fixture
def server() -> Server:
    return Server()


def limited(name: str = "p", requests: Any = None, limits: Any = None, **spec: Any) -> dict[str, Any]:
    """A Pod of one container with resources."""
    made = pod(name, **spec)
    resources = {"requests": requests or {}, "limits": limits or {}}
    made["spec"]["containers"][0]["resources"] = resources
    return made


def quota(server: Server, **spec: Any) -> None:
    made = server.ask("POST", QUOTAS, {"metadata": {"name": "q"}, "spec": spec})
    assert (made.code, made.header("warning")) == (201, []), made.json


def limit_range(server: Server, **limit: Any) -> Answer:
    made = server.ask("POST", RANGES, {"metadata": {"name": "r"}, "spec": {"limits": [limit]}})
    assert made.code == 201, made.json
    return made


def forbidden(answer: Answer) -> str:
    assert answer.code == 403, answer.json
    return str(answer.json["message"].partition(" is forbidden: ")[2])


# -- LimitRange ----------------------------------------------------------------------------------------------


def test_a_container_without_resources_gets_those_of_the_limit_range(server: Server) -> None:
    limit_range(server, type="Container", default={"memory": "64Mi"}, defaultRequest={"cpu": "50m"})
    made = server.ask("POST", PODS, pod()).json
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "64Mi"},
        "requests": {"cpu": "50m", "memory": "64Mi"},
    }
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; memory limit for container c"
    )
    own = server.ask("POST", PODS, limited("own", {"cpu": "1"}, {"cpu": "1", "memory": "1Gi"})).json
    assert own["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}


def test_the_most_that_a_container_may_have_is_its_default(server: Server) -> None:
    made = limit_range(server, type="Container", max={"memory": "128Mi"}, min={"memory": "8Mi"}).json
    assert made["spec"]["limits"][0]["default"] == {"memory": "128Mi"}
    assert made["spec"]["limits"][0]["defaultRequest"] == {"memory": "128Mi"}


@pytest.mark.parametrize(
    ("limit", "body", "why"),
    [
        (
            {"type": "Container", "max": {"cpu": "100m"}},
            limited(limits={"cpu": "200m"}),
            "maximum cpu usage per Container is 100m, but limit is 200m",
        ),
        (
            {"type": "Container", "min": {"memory": "32Mi"}},
            limited(requests={"memory": "16Mi"}),
            "minimum memory usage per Container is 32Mi, but request is 16Mi",
        ),
        (
            {"type": "Pod", "max": {"memory": "1Gi"}},
            limited(),
            "maximum memory usage per Pod is 1Gi.  No limit is specified",
        ),
        (
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
            limited(requests={"cpu": "100m"}, limits={"cpu": "300m"}),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
    ],
)
def test_a_pod_outside_a_limit_range_is_refused(
    server: Server, limit: dict[str, Any], body: dict[str, Any], why: str
) -> None:
    limit_range(server, **limit)
    assert forbidden(server.ask("POST", PODS, body)) == why


def test_the_sum_of_a_pod_counts_sidecars_and_the_largest_init_container(server: Server) -> None:
    limit_range(server, type="Pod", max={"memory": "100Mi"})

    def container(name: str, memory: str, **more: str) -> dict[str, Any]:
        return {"name": name, "image": "i:1", "resources": {"limits": {"memory": memory}}, **more}

    body = pod(initContainers=[container("s", "40Mi", restartPolicy="Always"), container("i", "70Mi")])
    body["spec"]["containers"] = [container("c", "10Mi")]
    assert forbidden(server.ask("POST", PODS, body)).endswith("but limit is 110Mi")


# -- ResourceQuota -------------------------------------------------------------------------------------------


def test_a_quota_counts_pods_until_they_have_ended(server: Server) -> None:
    quota(server, hard={"pods": "1", "count/configmaps": "2"})
    assert server.ask("POST", PODS, pod("one")).code == 201
    assert forbidden(server.ask("POST", PODS, pod("two"))) == (
        "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    )
    stored = server.store.get("pods", "default", "one")
    assert stored is not None
    server.store.update("pods", {**stored, "status": {**stored["status"], "phase": "Succeeded"}})
    assert server.ask("POST", PODS, pod("two")).code == 201
    maps = f"{CORE}/configmaps"
    assert server.ask("POST", maps, {"metadata": {"name": "one"}}).code == 201
    assert forbidden(server.ask("POST", maps, {"metadata": {"name": "two"}})) == (
        "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2"
    )


def test_a_quota_of_cpu_and_memory_adds_up_and_asks_for_what_is_not_stated(server: Server) -> None:
    quota(server, hard={"requests.cpu": "1", "limits.memory": "1Gi"})
    refused = server.ask("POST", PODS, pod())
    assert forbidden(refused) == "failed quota: q: must specify limits.memory for: c; requests.cpu for: c"
    first = limited("one", {"cpu": "600m"}, {"memory": "512Mi"})
    assert server.ask("POST", PODS, first).code == 201
    assert forbidden(server.ask("POST", PODS, limited("two", {"cpu": "500m"}, {"memory": "768Mi"}))) == (
        "exceeded quota: q, requested: limits.memory=768Mi,requests.cpu=500m, used: limits.memory=512Mi,"
        "requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1"
    )
    assert server.ask("POST", PODS, limited("two", {"cpu": "400m"}, {"memory": "512Mi"})).code == 201


def test_a_limit_range_fills_in_what_a_quota_asks_for(server: Server) -> None:
    quota(server, hard={"limits.cpu": "1"})
    limit_range(server, type="Container", default={"cpu": "500m"})
    codes = [server.ask("POST", PODS, pod(name)).code for name in ("a", "b", "c")]
    assert codes == [201, 201, 403]


def test_a_quota_with_a_scope_counts_only_what_is_in_it(server: Server) -> None:
    quota(server, hard={"pods": "0"}, scopes=["BestEffort"])
    assert server.ask("POST", PODS, pod("best-effort")).code == 403
    assert server.ask("POST", PODS, limited("burstable", {"cpu": "1m"})).code == 201


def test_node_ports_and_objects_of_other_groups_are_counted(server: Server) -> None:
    quota(server, hard={"services.nodeports": "1", "count/jobs.batch": "0"})
    ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
    service = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": ports}}
    assert "services.nodeports=2" in forbidden(server.ask("POST", f"{CORE}/services", service))
    plain = {**service, "spec": {"ports": ports}}
    assert server.ask("POST", f"{CORE}/services", plain).code == 201
    changed = server.ask(
        "PATCH", f"{CORE}/services/s", {"spec": {"type": "NodePort"}}, kind="application/merge-patch+json"
    )
    assert "services.nodeports=2" in forbidden(changed)
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}
    job = {"metadata": {"name": "j"}, "spec": {"template": template}}
    refused = server.ask("POST", "/apis/batch/v1/namespaces/default/jobs", job)
    assert refused.json["message"].startswith('jobs.batch "j" is forbidden: exceeded quota: q')


def test_a_dry_run_is_held_against_the_quota_and_uses_none_of_it(server: Server) -> None:
    quota(server, hard={"pods": "1"})
    assert server.ask("POST", PODS, pod("a"), dryRun="All").code == 201
    assert server.ask("POST", PODS, pod("a")).code == 201
    assert server.ask("POST", PODS, pod("b"), dryRun="All").code == 403


@pytest.mark.parametrize(
    ("path", "spec", "why"),
    [
        (QUOTAS, {"hard": {"bananas": "1"}}, "must be a standard resource for quota"),
        (QUOTAS, {"hard": {"pods": "-1"}}, "must be greater than or equal to 0"),
        (QUOTAS, {"hard": {"pods": "500m"}}, "must be an integer"),
        (QUOTAS, {"scopes": ["BestEffort", "NotBestEffort"]}, "conflicting scopes"),
        (RANGES, {"limits": [{"type": "Pot"}]}, 'spec.limits[0].type: Invalid value: "Pot"'),
        (
            RANGES,
            {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]},
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        ),
        (
            RANGES,
            {"limits": [{"type": "Pod", "default": {"cpu": "1"}}]},
            "may not be specified when `type` is 'Pod'",
        ),
    ],
)
def test_a_quota_or_limit_range_that_makes_no_sense_is_refused(
    server: Server, path: str, spec: dict[str, Any], why: str
) -> None:
    refused = server.ask("POST", path, {"metadata": {"name": "x"}, "spec": spec})
    assert (refused.code, why in refused.json["message"]) == (422, True), refused.json["message"]


# -- Pod Security --------------------------------------------------------------------------------------------

GOOD = {
    "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


def secured(server: Server, **labels: str) -> None:
    """A namespace with labels of the Pod Security admission."""
    named = {f"pod-security.kubernetes.io/{key.replace('_', '-')}": value for key, value in labels.items()}
    made = server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "secured", "labels": named}})
    assert made.code == 201, made.json
    account = {
        "kind": "ServiceAccount",
        "apiVersion": "v1",
        "metadata": {"name": "default", "namespace": "secured"},
    }
    server.store.create("serviceaccounts", account)


def guarded(context: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A Pod of one container with a security context."""
    made = pod(**spec)
    if context is not None:
        made["spec"]["containers"][0]["securityContext"] = context
    return made


def test_restricted_lists_all_that_a_plain_pod_lacks(server: Server) -> None:
    """The sentence that everybody meets first, as v1.36 writes it."""
    secured(server, enforce="restricted")
    assert forbidden(server.ask("POST", SECURED, pod())) == (
        'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set '
        'securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set '
        'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set '
        'securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )
    assert server.ask("POST", SECURED, guarded(GOOD)).code == 201


BASELINE = [
    (
        guarded({"privileged": True}),
        'privileged (container "c" must not set securityContext.privileged=true)',
    ),
    (
        guarded({"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}),
        'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)',
    ),
    (guarded(hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)"),
    (
        guarded(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
        'hostPath volumes (volume "v")',
    ),
    (
        guarded(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        "forbidden sysctls (kernel.msgmax)",
    ),
    (
        guarded({"seccompProfile": {"type": "Unconfined"}}),
        'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
    (
        guarded({"seLinuxOptions": {"type": "spc_t", "user": "u"}}),
        'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may '
        "not be set)",
    ),
]


@pytest.mark.parametrize(("body", "why"), BASELINE)
def test_baseline_refuses_what_reaches_for_the_node(server: Server, body: dict[str, Any], why: str) -> None:
    secured(server, enforce="baseline")
    assert forbidden(server.ask("POST", SECURED, body)) == f'violates PodSecurity "baseline:latest": {why}'
    assert server.ask("POST", SECURED, pod("plain")).code == 201


APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/c"


def confined(profile: str, **spec: Any) -> dict[str, Any]:
    """A Pod that says its container's AppArmor profile in the annotation of before v1.30."""
    made = pod("confined", **spec)
    made["metadata"]["annotations"] = {APP_ARMOR: profile}
    return made


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_an_app_armor_annotation_counts_as_its_field_does(server: Server, level: str) -> None:
    """Upstream's appArmorProfile_1_0 reads both, and the field follows from the annotation."""
    secured(server, enforce=level)
    why = (
        'forbidden AppArmor profiles (container "c" and annotation must not set AppArmor profile type to '
        f'"Unconfined", "{APP_ARMOR}="unconfined"")'
    )
    assert why in forbidden(server.ask("POST", SECURED, confined("unconfined")))
    odd = forbidden(server.ask("POST", SECURED, confined("none")))
    assert f'profile (annotation must not set AppArmor profile type to "{APP_ARMOR}="none"")' in odd


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        ("localhost/web", {"type": "Localhost", "localhostProfile": "web"}),
        ("runtime/default", {"type": "RuntimeDefault"}),
    ],
)
def test_an_allowed_app_armor_annotation_becomes_the_field(
    server: Server, profile: str, field: dict[str, str]
) -> None:
    secured(server, enforce="baseline")
    made = server.ask("POST", SECURED, confined(profile))
    assert made.code == 201, made.json
    assert made.json["spec"]["containers"][0]["securityContext"]["appArmorProfile"] == field


def test_warn_lets_a_pod_pass_and_says_what_would_be_refused(server: Server) -> None:
    secured(server, warn="baseline")
    made = server.ask("POST", SECURED, guarded({"privileged": True}))
    assert made.code == 201
    assert 'would violate PodSecurity \\"baseline:latest\\": privileged' in made.header("warning")[0]


def test_a_template_is_warned_of_before_its_pods_are_refused(server: Server) -> None:
    secured(server, enforce="restricted")
    labels = {"app": "a"}
    template = {"metadata": {"labels": labels}, "spec": pod()["spec"]}
    body = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    made = server.ask("POST", "/apis/apps/v1/namespaces/secured/deployments", body)
    assert made.code == 201
    assert "would violate PodSecurity" in made.header("warning")[0]


def test_labels_that_mean_nothing_are_refused_and_stricter_ones_look_at_the_pods_there(
    server: Server,
) -> None:
    bad = {"metadata": {"name": "bad", "labels": {"pod-security.kubernetes.io/enforce": "strict"}}}
    refused = server.ask("POST", "/api/v1/namespaces", bad)
    assert (refused.code, "must be one of privileged, baseline, restricted" in refused.json["message"]) == (
        422,
        True,
    )
    secured(server, enforce="baseline")
    server.ask("POST", SECURED, pod("a"))
    server.ask("POST", SECURED, pod("b"))
    patch = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    changed = server.ask("PATCH", "/api/v1/namespaces/secured", patch, kind="application/merge-patch+json")
    first, second = changed.header("warning")
    assert 'existing pods in namespace \\"secured\\" violate' in first
    assert "a (and 1 other pod): allowPrivilegeEscalation != false, unrestricted capabilities" in second


def test_an_older_version_of_a_standard_asks_for_less(server: Server) -> None:
    secured(server, enforce="restricted", enforce_version="v1.18")
    assert (
        server.ask("POST", SECURED, guarded({"runAsNonRoot": True, "allowPrivilegeEscalation": False})).code
        == 201
    )
