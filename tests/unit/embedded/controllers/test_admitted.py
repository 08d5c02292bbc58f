"""Controllers with the real admission: Pods that are refused, Pods that nobody looks after, what comes back."""

from __future__ import annotations

import pytest
from plane import EPOCH, NODE, Loop

from podlab.embedded import bootstrap, controllers
from podlab.embedded.api.local import LocalApi
from podlab.embedded.store import Store


class Cluster:
    """A store, the controllers, and the API that admits what they make; no node runs anything."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.store = Store(clock=lambda: EPOCH + self.loop.now)
        bootstrap.first_objects(self.store, authority="-")
        self.store.create("nodes", NODE)
        self.api = LocalApi(self.store)
        self.stop = controllers.start(self.store, self.api, node_name="node", loop=self.loop)

    def quota(self, **hard: str):
        meta = {"name": "q", "namespace": "default"}
        return self.api.create("resourcequotas", {"metadata": meta, "spec": {"hard": hard}})

    def found(self, resource: str):
        """The one object of a resource that these tests made."""
        (one,) = (o for o in self.store.list(resource, "default"))
        return one

    def events(self, reason: str) -> list[str]:
        return [
            event["message"] for event in self.store.list("events", "default") if event["reason"] == reason
        ]


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    made.stop()


def deployment(replicas: int):
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}


def conditions(one) -> dict[str, str]:
    return {c["type"]: c["reason"] for c in one["status"].get("conditions", ())}


def test_the_status_of_a_quota_follows_what_there_is(cluster: Cluster) -> None:
    cluster.quota(**{"pods": "5", "requests.cpu": "1"})
    container = {"name": "c", "image": "i:1", "resources": {"requests": {"cpu": "250m"}}}
    for name in ("a", "b"):
        meta = {"name": name, "namespace": "default"}
        cluster.api.create("pods", {"metadata": meta, "spec": {"containers": [container]}})
    cluster.loop.run(1)
    hard = {"pods": "5", "requests.cpu": "1"}
    assert cluster.found("resourcequotas")["status"] == {
        "hard": hard,
        "used": {"pods": "2", "requests.cpu": "500m"},
    }
    cluster.store.delete("pods", "default", "a")
    cluster.loop.run(2)
    assert cluster.found("resourcequotas")["status"]["used"] == {"pods": "1", "requests.cpu": "250m"}


def test_a_deployment_whose_pods_are_refused_says_so_and_goes_on_once_there_is_room(cluster: Cluster) -> None:
    cluster.quota(pods="1")
    cluster.api.create("deployments", deployment(2))
    cluster.loop.run(5)
    assert len(cluster.store.list("pods", "default")) == 1
    (first, *_) = cluster.events("FailedCreate")
    assert first.startswith('Error creating: pods "web-')
    assert first.endswith("is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1")
    for resource in ("replicasets", "deployments"):
        assert conditions(cluster.found(resource))["ReplicaFailure"] == "FailedCreate"

    cluster.store.delete("resourcequotas", "default", "q")
    cluster.loop.run(60)
    assert len(cluster.store.list("pods", "default")) == 2
    for resource in ("replicasets", "deployments"):
        assert "ReplicaFailure" not in conditions(cluster.found(resource))


def test_a_job_whose_pod_is_refused_says_so(cluster: Cluster) -> None:
    cluster.quota(pods="0")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}
    cluster.api.create(
        "jobs", {"metadata": {"name": "j", "namespace": "default"}, "spec": {"template": template}}
    )
    cluster.loop.run(2)
    (first, *_) = cluster.events("FailedCreate")
    assert first.startswith('Error creating: pods "j-')


def pod_on(cluster: Cluster, name: str, node: str):
    meta = {"name": name, "namespace": "default"}
    spec = {"nodeName": node, "containers": [{"name": "c", "image": "i:1"}]}
    return cluster.api.create("pods", {"metadata": meta, "spec": spec})


def test_a_pod_on_a_node_that_is_not_there_is_collected_after_its_quarantine(cluster: Cluster) -> None:
    """It stayed for ever; its last state says why it went."""
    seen = []
    cluster.store.watch("pods", lambda kind, pod: seen.append((kind, pod)))
    pod_on(cluster, "lost", "nowhere")
    pod_on(cluster, "kept", "node")
    cluster.loop.run(59)
    assert [p["metadata"]["name"] for p in cluster.store.list("pods", "default")] == ["kept", "lost"]
    cluster.loop.run(61)
    assert [p["metadata"]["name"] for p in cluster.store.list("pods", "default")] == ["kept"]
    (gone,) = [pod for kind, pod in seen if kind == "DELETED"]
    told = {c["type"]: (c["reason"], c["message"]) for c in gone["status"]["conditions"]}
    assert gone["status"]["phase"] == "Failed"
    assert told["DisruptionTarget"] == ("DeletionByPodGC", "PodGC: node no longer exists")


def test_a_node_that_comes_in_time_keeps_its_pods(cluster: Cluster) -> None:
    pod_on(cluster, "early", "late")
    cluster.loop.run(41)
    cluster.store.create("nodes", {**NODE, "metadata": {"name": "late"}})
    cluster.loop.run(200)
    assert cluster.store.get("pods", "default", "early") is not None


@pytest.mark.parametrize("resource", ["services", "endpoints", "endpointslices"])
def test_the_service_of_the_api_comes_back(cluster: Cluster, resource: str) -> None:
    """``kubectl delete all --all`` took it away for good, and its name with it."""
    bootstrap.keep_namespace_defaults(cluster.store, "-")
    before = cluster.store.get(resource, "default", "kubernetes")
    cluster.api.delete(resource, "default", "kubernetes")
    after = cluster.store.get(resource, "default", "kubernetes")
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert {k: v for k, v in before.items() if k != "metadata"} == {
        k: v for k, v in after.items() if k != "metadata"
    }
