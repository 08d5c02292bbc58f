"""What the API says of StatefulSets, CronJobs and PodDisruptionBudgets, and evictions that a budget forbids."""

from __future__ import annotations

from typing import Any

import pytest
from asgi import PODS, Answer, Server, pod

APPS, BATCH = "/apis/apps/v1/namespaces/default", "/apis/batch/v1/namespaces/default"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


@pytest.fixture
def server() -> Server:
    return Server()


def stateful(**spec: Any) -> dict[str, Any]:
    labels = {"app": "db"}
    template = {"metadata": {"labels": labels}, "spec": pod()["spec"]}
    return {
        "metadata": {"name": "db"},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def cron(**spec: Any) -> dict[str, Any]:
    inner = {"spec": {**pod()["spec"], "restartPolicy": "Never"}}
    given = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": inner}}}
    return {"metadata": {"name": "tick"}, "spec": {**given, **spec}}


def message(answer: Answer) -> str:
    assert answer.code == 422, answer.json
    return str(answer.json["message"].partition(" is invalid: ")[2])


@pytest.mark.parametrize(
    "options", [{"dryRun": 5}, {"dryRun": "All"}, ["All"], "All", {"gracePeriodSeconds": "1"}]
)
def test_an_eviction_with_options_of_a_wrong_type_is_refused(server: Server, options: Any) -> None:
    server.ask("POST", PODS, pod())
    body = {"metadata": {"name": "p"}, "deleteOptions": options}
    refused = server.ask("POST", PODS + "/p/eviction", body)
    assert (refused.code, refused.json["reason"]) == (400, "BadRequest"), refused.json
    assert "cannot unmarshal" in refused.json["message"]
    assert server.ask("GET", PODS + "/p").code == 200


def test_defaults_and_columns_are_upstreams(server: Server) -> None:
    made = server.ask("POST", f"{APPS}/statefulsets", stateful()).json["spec"]
    assert (made["replicas"], made["podManagementPolicy"]) == (1, "OrderedReady")
    assert made["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert server.ask("POST", f"{BATCH}/cronjobs", cron()).json["spec"]["concurrencyPolicy"] == "Allow"
    row = server.ask("GET", f"{BATCH}/cronjobs", headers=TABLE).json["rows"][0]["cells"]
    assert row[:6] == ["tick", "*/5 * * * *", "<none>", "False", 0, "<none>"]


@pytest.mark.parametrize(
    ("body", "path", "why"),
    [
        (stateful(volumeClaimTemplates=[{"metadata": {"name": "d"}}]), f"{APPS}/statefulsets",
         "spec.volumeClaimTemplates: Forbidden: this cluster serves no PersistentVolumeClaims"),
        (stateful(podManagementPolicy="Fast"), f"{APPS}/statefulsets",
         'spec.podManagementPolicy: Invalid value: "Fast": must be \'OrderedReady\' or \'Parallel\''),
        (cron(schedule="61 * * * *"), f"{BATCH}/cronjobs", 'spec.schedule: Invalid value: "61 * * * *"'),
        (cron(timeZone="Moon/Sea"), f"{BATCH}/cronjobs", 'spec.timeZone: Invalid value: "Moon/Sea": unknown'),
        (cron(jobTemplate={"spec": {"template": {"spec": pod()["spec"]}}}), f"{BATCH}/cronjobs",
         "spec.jobTemplate.spec.template.spec.restartPolicy: Required value"),
        ({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "maxUnavailable": 1}}, BUDGETS,
         "spec: Invalid value: "),
        ({"metadata": {"name": "b"}, "spec": {"maxUnavailable": "101%"}}, BUDGETS,
         'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(server: Server, body: dict[str, Any], path: str, why: str) -> None:
    assert message(server.ask("POST", path, body)).startswith(why)


def test_most_of_a_statefulset_cannot_be_changed(server: Server) -> None:
    server.ask("POST", f"{APPS}/statefulsets", stateful(serviceName="db"))
    patch = {"kind": "application/merge-patch+json"}
    scaled = server.ask("PATCH", f"{APPS}/statefulsets/db", {"spec": {"replicas": 2}}, **patch)
    assert scaled.json["metadata"]["generation"] == 2
    refused = server.ask("PATCH", f"{APPS}/statefulsets/db", {"spec": {"serviceName": "x"}}, **patch)
    assert message(refused).startswith("spec: Forbidden: updates to statefulset spec for fields other than")


# -- evictions -----------------------------------------------------------------------------------------------

COUNTED = {
    "currentHealthy": 2,
    "desiredHealthy": 1,
    "expectedPods": 2,
    "disruptionsAllowed": 1,
    "observedGeneration": 1,
}


def guarded(server: Server, ready: str = "True", **counts: Any) -> None:
    """A running Pod, and a budget of it with this status."""
    server.ask("POST", PODS, {**pod("web"), "metadata": {"name": "web", "labels": {"app": "web"}}})
    stored = server.store.get("pods", "default", "web")
    assert stored is not None
    conditions = [{"type": "Ready", "status": ready}]
    server.store.update("pods", {**stored, "status": {"phase": "Running", "conditions": conditions}})
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    server.ask("POST", BUDGETS, {"metadata": {"name": "web"}, "spec": spec})
    made = server.store.get("poddisruptionbudgets", "default", "web")
    assert made is not None
    server.store.update("poddisruptionbudgets", {**made, "status": {**COUNTED, **counts}})


def evict(server: Server, **query: Any) -> Answer:
    return server.ask("POST", f"{PODS}/web/eviction", {"metadata": {"name": "web"}}, **query)


def test_an_eviction_spends_the_budget(server: Server) -> None:
    guarded(server)
    assert evict(server, dryRun="All").code == 201
    assert evict(server).code == 201
    status = (server.store.get("poddisruptionbudgets", "default", "web") or {})["status"]
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["web"])
    assert server.store.get("pods", "default", "web") is None


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ({"disruptionsAllowed": 0, "currentHealthy": 1},
         "The disruption budget web needs 1 healthy pods and has 1 currently"),
        ({"observedGeneration": 0}, "The disruption budget web is still being processed by the server."),
    ],
)  # fmt: skip
def test_a_budget_with_nothing_left_answers_429(server: Server, counts: dict[str, int], why: str) -> None:
    """And the Pod stays as it was."""
    guarded(server, **counts)
    before = server.store.get("pods", "default", "web")
    refused = evict(server)
    assert (refused.code, refused.json["reason"]) == (429, "TooManyRequests")
    assert refused.json["details"]["causes"] == [{"reason": "DisruptionBudget", "message": why}]
    assert server.store.get("pods", "default", "web") == before


def test_an_unready_pod_may_go_while_the_others_are_enough(server: Server) -> None:
    guarded(server, ready="False", currentHealthy=1, disruptionsAllowed=0)
    assert evict(server).code == 201


def test_a_pod_with_two_budgets_cannot_be_evicted(server: Server) -> None:
    guarded(server)
    spec = {"minAvailable": 1, "selector": {}}
    server.ask("POST", BUDGETS, {"metadata": {"name": "other"}, "spec": spec})
    assert evict(server).code == 500
